//! A client of WebTransport by hand: HTTP/3 in bytes, over a connection of quinn (RFC 9114,
//! draft-ietf-webtrans-http3).

use quinn::{RecvStream, SendStream};
use tokio::time::timeout;

use comet_testkit::clock::PATIENCE;
use comet_testkit::socket::Socket;

use super::client::{Peer, bridged, runtime};

/// An empty SETTINGS behind the type of a control stream.
pub(crate) const CONTROL: &[u8] = &[0, 4, 0];

/// A connection with HTTP/3, and its streams that must stay open.
pub(crate) struct Browser {
    pub(crate) peer: Peer,
    streams: Vec<SendStream>,
}

/// A request under way.
pub(crate) struct Request {
    pub(crate) send: SendStream,
    pub(crate) receive: RecvStream,
}

impl Browser {
    /// Connects, and says nothing.
    pub(crate) fn silent(address: std::net::SocketAddr) -> Self {
        let peer = Peer::try_connect(address, b"h3").expect("a connection");
        Self { peer, streams: Vec::new() }
    }

    /// Connects, with settings and the streams of QPACK.
    pub(crate) fn connect(address: std::net::SocketAddr) -> Self {
        let mut browser = Self::silent(address);
        for first in [CONTROL, &[2], &[3]] {
            browser.unidirectional(first);
        }
        browser
    }

    /// A unidirectional stream that begins with these bytes, and stays open.
    pub(crate) fn unidirectional(&mut self, bytes: &[u8]) {
        let stream = runtime().block_on(async {
            let opened = timeout(PATIENCE, self.peer.connection.open_uni()).await;
            let mut stream = opened.expect("in time").expect("a stream");
            stream.write_all(bytes).await.expect("a window");
            stream
        });
        self.streams.push(stream);
    }

    /// Writes more to the last of these streams, as far as it goes.
    pub(crate) fn flood(&mut self, bytes: &[u8]) {
        let stream = self.streams.last_mut().expect("a stream");
        // The server may close before all is written.
        let _ = runtime().block_on(stream.write_all(bytes));
    }

    /// Ends the streams that must stay open.
    pub(crate) fn end_streams(&mut self) {
        self.streams.iter_mut().for_each(|stream| stream.finish().unwrap());
    }

    /// Asks for a session there, from a page of this origin.
    pub(crate) fn ask(&self, path: &str, origin: &str) -> Request {
        self.request(&connect(path, origin))
    }

    /// A bidirectional stream that begins with these bytes.
    pub(crate) fn request(&self, bytes: &[u8]) -> Request {
        let (mut send, receive) = self.peer.open();
        runtime().block_on(send.write_all(bytes)).unwrap();
        Request { send, receive }
    }

    /// A stream of the session that this request has asked for.
    pub(crate) fn stream(&self, session: u8) -> Socket {
        let (mut send, receive) = self.peer.open();
        runtime().block_on(send.write_all(&[0x40, 0x41, session])).unwrap();
        bridged(runtime(), send, receive)
    }
}

impl Request {
    /// The status of the answer, a HEADERS frame with this field alone.
    pub(crate) fn status(&mut self) -> u16 {
        let mut head = [0; 2];
        self.read(&mut head);
        assert_eq!(head[0], 1, "HEADERS");
        let mut section = vec![0; head[1].into()];
        self.read(&mut section);
        // Behind the prefix, the name from the static table, and the length: "200" in the code of
        // RFC 7541, the others in letters.
        match &section[5..] {
            [0x10, 0x01] => 200,
            digits => str::from_utf8(digits).unwrap().parse().unwrap(),
        }
    }

    fn read(&mut self, bytes: &mut [u8]) {
        let read = async { timeout(PATIENCE, self.receive.read_exact(bytes)).await };
        runtime().block_on(read).expect("in time").expect("an answer");
    }

    /// Everything that follows, to the end.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let read = async { timeout(PATIENCE, self.receive.read_to_end(1_000)).await };
        runtime().block_on(read).expect("in time").expect("an end")
    }
}

/// A HEADERS frame that asks for WebTransport: literal fields, nothing compressed (RFC 9204).
fn connect(path: &str, origin: &str) -> Vec<u8> {
    let fields = [
        (":method", "CONNECT"),
        (":scheme", "https"),
        (":protocol", "webtransport"),
        (":authority", "gateway.test"),
        (":path", path),
        ("origin", origin),
    ];
    let mut section = vec![0, 0];
    for (name, value) in fields {
        // A name's length begins in three bits of the first byte.
        match name.len() {
            len @ 0..7 => section.push(0x20 | len as u8),
            len => section.extend([0x27, len as u8 - 7]),
        }
        section.extend(name.bytes());
        section.push(value.len() as u8);
        section.extend(value.bytes());
    }
    let len = section.len() as u16;
    [&[1], &(0x4000 | len).to_be_bytes()[..], &section].concat()
}
