//! Lanes and datagrams as a client reads them.

use comet_testkit::clock::PATIENCE;
use comet_testkit::frame::{Frame, Wire};
use quinn::{Connection, RecvStream};
use tokio::time::timeout;

use super::client::runtime;

/// The stream of a lane.
pub(crate) struct Lane {
    pub(crate) number: u8,
    stream: RecvStream,
}

impl Lane {
    /// The next stream of the server, with these bytes before its lane.
    pub(crate) fn accept(connection: &Connection, prefix: &[u8]) -> Self {
        runtime().block_on(async {
            let accepted = timeout(PATIENCE, connection.accept_uni()).await;
            let mut stream = accepted.expect("in time").expect("a stream");
            let mut first = vec![0; prefix.len() + 1];
            let read = timeout(PATIENCE, stream.read_exact(&mut first)).await;
            read.expect("in time").expect("the first bytes");
            assert_eq!(&first[..prefix.len()], prefix);
            Self { number: first[prefix.len()], stream }
        })
    }

    /// So many streams, by their lanes.
    pub(crate) fn accept_all(connection: &Connection, prefix: &[u8], count: usize) -> Vec<Self> {
        let mut all: Vec<_> = (0..count).map(|_| Self::accept(connection, prefix)).collect();
        all.sort_by_key(|lane| lane.number);
        all
    }

    /// The next packet; `None` at the end of the stream.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        let read = async {
            let mut packet = vec![0; 4];
            self.stream.read_exact(&mut packet).await.ok()?;
            let len = u32::from_be_bytes(packet[..4].try_into().unwrap()) as usize;
            packet.resize(len, 0);
            self.stream.read_exact(&mut packet[4..]).await.expect("a whole packet");
            Some(Wire::Comet.parse(&packet))
        };
        runtime().block_on(async { timeout(PATIENCE, read).await }).expect("in time")
    }

    /// The numbers and bodies of so many deliveries.
    pub(crate) fn takes(&mut self, count: usize) -> Vec<(u32, String)> {
        let next = || {
            let packet = self.next().expect("a packet");
            (packet.seq, String::from_utf8(packet.body).unwrap())
        };
        std::iter::repeat_with(next).take(count).collect()
    }
}

/// The next datagram, behind these bytes.
pub(crate) fn datagram(connection: &Connection, prefix: &[u8]) -> Frame {
    let read = async { timeout(PATIENCE, connection.read_datagram()).await };
    let bytes = runtime().block_on(read).expect("in time").expect("a datagram");
    Wire::Comet.parse(bytes.strip_prefix(prefix).expect("the prefix of its session"))
}
