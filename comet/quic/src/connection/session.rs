//! The stream of a session, between the connection and the pipe.

use std::io::ErrorKind;
use std::sync::Arc;

use bytes::Bytes;
use quinn_proto::{Connection, ConnectionError, ReadError, StreamEvent, StreamId, VarInt};

use super::lanes::Lanes;
use crate::link::{End, Link};

/// Codes by which a client says goodbye: ours, and that of HTTP/3.
const GOODBYES: [VarInt; 2] = [VarInt::from_u32(0), VarInt::from_u32(0x100)];

/// A session and its stream.
pub(super) struct Session {
    id: StreamId,
    link: Arc<Link>,
    lanes: Lanes,
    /// The client's bytes have not ended.
    is_receiving: bool,
    /// The end of our bytes is written.
    is_finished: bool,
    /// All of our bytes have reached the client, or it wants none.
    is_acknowledged: bool,
    /// The gateway has let go of it.
    is_dropped: bool,
}

impl Session {
    pub(super) const fn new(id: StreamId, link: Arc<Link>, lanes: Lanes) -> Self {
        Self {
            id,
            link,
            lanes,
            is_receiving: true,
            is_finished: false,
            is_acknowledged: false,
            is_dropped: false,
        }
    }

    pub(super) const fn is_dropped(&self) -> bool {
        self.is_dropped
    }

    /// Nothing is left to be done on the connection.
    pub(super) fn is_done(&self) -> bool {
        self.is_dropped && self.is_acknowledged && self.lanes.are_acknowledged()
    }

    pub(super) fn on_event(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::Finished { id } if *id == self.id => self.is_acknowledged = true,
            StreamEvent::Stopped { id, .. } if *id == self.id => {
                self.is_acknowledged = true;
                self.link.stop();
            }
            // Reading and writing are tried whenever the connection is driven.
            event => self.lanes.on_event(event, &self.link),
        }
    }

    /// Moves bytes in both directions.
    pub(super) fn drive(&mut self, quic: &mut Connection, pieces: &mut Vec<Bytes>) {
        while self.is_receiving && self.receive(quic, pieces) {}
        let wishes = self.link.send(|chunks| quic.send_stream(self.id).write_chunks(chunks));
        if wishes.has_lanes || self.lanes.have_begun() {
            self.lanes.drive(quic, &self.link);
        }
        if wishes.has_datagrams {
            self.lanes.send_datagrams(quic, &self.link);
        }
        self.is_dropped = wishes.is_dropped;
        if wishes.is_dropped && std::mem::take(&mut self.is_receiving) {
            // An error says that the client's bytes have ended already.
            let _ = quic.recv_stream(self.id).stop(VarInt::from_u32(0));
        }
        if wishes.is_shut && !std::mem::replace(&mut self.is_finished, true) {
            // An error says that the client wants no more.
            self.is_acknowledged |= quic.send_stream(self.id).finish().is_err();
        }
    }

    /// Fills the pipe once; `false` when it is full or nothing is left.
    fn receive(&mut self, quic: &mut Connection, pieces: &mut Vec<Bytes>) -> bool {
        let room = self.link.room();
        if room == 0 {
            return false;
        }
        let mut stream = quic.recv_stream(self.id);
        let Ok(mut chunks) = stream.read(true) else {
            self.is_receiving = false;
            return false;
        };
        let mut end = None;
        let mut is_blocked = false;
        while pieces.len() < room {
            match chunks.next(usize::MAX) {
                Ok(Some(chunk)) => pieces.push(chunk.bytes),
                Ok(None) => end = Some(End::Fin),
                Err(ReadError::Blocked) => is_blocked = true,
                Err(ReadError::Reset(_)) => end = Some(End::Lost(ErrorKind::ConnectionReset)),
            }
            if is_blocked || end.is_some() {
                break;
            }
        }
        // New credit for the client leaves with the next datagram to it.
        let _ = chunks.finalize();
        self.is_receiving = end.is_none();
        if end.is_some() || !pieces.is_empty() {
            self.link.deliver(pieces, end);
        }
        !is_blocked && end.is_none()
    }

    /// The connection has ended.
    pub(super) fn lose(self, end: End) {
        self.link.lose(end);
    }
}

/// How the end of a connection looks to its session.
pub(super) fn end_of(reason: &ConnectionError) -> End {
    match reason {
        ConnectionError::ApplicationClosed(close) if GOODBYES.contains(&close.error_code) => {
            End::Fin
        }
        ConnectionError::TimedOut => End::Lost(ErrorKind::TimedOut),
        ConnectionError::LocallyClosed => End::Lost(ErrorKind::ConnectionAborted),
        _ => End::Lost(ErrorKind::ConnectionReset),
    }
}

/// Refuses a stream that is no session.
pub(super) fn refuse(quic: &mut Connection, id: StreamId, code: VarInt) {
    // Errors say that the client has given it up already.
    let _ = quic.recv_stream(id).stop(code);
    let _ = quic.send_stream(id).reset(code);
}
