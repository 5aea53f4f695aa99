//! Ways of a transport beside its byte stream: lanes, which are streams of their own, and
//! datagrams.

use std::io::{self, ErrorKind, IoSlice, Write};

use bytes::Bytes;
use comet_protocol::codec::Beside;

use super::Transport;
use crate::delivery::Lane;

/// The stream of a lane.
#[derive(Debug)]
pub(in crate::shard) struct LaneStream<'a> {
    transport: &'a mut Transport,
    lane: Lane,
}

impl Transport {
    /// What it has beside its stream.
    pub(in crate::shard) fn beside(&mut self) -> Beside {
        match self {
            #[cfg(feature = "tokio")]
            Self::Polled(polled) => polled.beside(),
            _ => Beside::default(),
        }
    }

    /// The stream of a lane, which begins with its first bytes.
    pub(in crate::shard) fn lane(&mut self, lane: Lane) -> LaneStream<'_> {
        LaneStream { transport: self, lane }
    }

    /// Sends a datagram, or drops it; `false` if it is too long for one.
    pub(in crate::shard) fn send_datagram(&mut self, bytes: Bytes) -> bool {
        match self {
            #[cfg(feature = "tokio")]
            Self::Polled(polled) => polled.send_datagram(bytes),
            _ => {
                drop(bytes);
                false
            }
        }
    }
}

impl Write for LaneStream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match &mut self.transport {
            #[cfg(feature = "tokio")]
            Transport::Polled(polled) => polled.write_lane(self.lane, slices),
            _ => {
                let _ = (self.lane, slices);
                Err(ErrorKind::Unsupported.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.transport.drive()
    }
}
