//! A client of the comet dialect that does nothing by itself: the test says every packet. Bodies
//! are written and read byte by byte, from the description of the wire.

mod body;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub use body::{Failure, Gap, GoingAway, Welcome, code, loss, reason};

use crate::client::{Client, Ending, Host, Next, Transport};
use crate::frame::{Frame, Wire};
use crate::protobuf::{field, number_field};
use crate::socket::Socket;

/// The ops of the dialect.
#[expect(missing_docs, reason = "they are named as in the table of the description")]
pub mod op {
    pub const AUTH: u32 = 1;
    pub const WELCOME: u32 = 32;
    pub const REFUSED: u32 = 33;
    pub const DELIVER: u32 = 34;
    pub const BEST_EFFORT: u32 = 35;
    pub const LATEST: u32 = 36;
    pub const ACK: u32 = 37;
    pub const GAP: u32 = 38;
    pub const SEND: u32 = 39;
    pub const SEND_REPLY: u32 = 40;
    pub const REFUSAL: u32 = 41;
    pub const ERROR: u32 = 42;
    pub const GOING_AWAY: u32 = 43;
    pub const PING: u32 = 44;
    pub const PONG: u32 = 45;
    pub const LEAVE: u32 = 46;
}

/// A packet of the dialect.
pub fn packet(op: u32, seq: u32, ack: u32, body: impl AsRef<[u8]>) -> Frame {
    Frame { ver: 2, op, seq, ack, body: body.as_ref().to_vec() }
}

/// A message to the router; all answers before it have arrived.
pub fn send(seq: u32, body: impl AsRef<[u8]>) -> Frame {
    packet(op::SEND, seq, seq - 1, body)
}

/// The answer to a message.
pub fn reply(seq: u32, body: impl AsRef<[u8]>) -> Frame {
    packet(op::SEND_REPLY, 0, seq, body)
}

/// A numbered delivery.
pub fn delivery(seq: u32, body: impl AsRef<[u8]>) -> Frame {
    packet(op::DELIVER, seq, 0, body)
}

/// A delivery without a number.
pub fn best_effort(body: impl AsRef<[u8]>) -> Frame {
    packet(op::BEST_EFFORT, 0, 0, body)
}

/// The newest delivery of a key of at most 255 bytes.
pub fn latest(key: &str, body: &str) -> Frame {
    packet(op::LATEST, 0, 0, [&[key.len() as u8], key.as_bytes(), body.as_bytes()].concat())
}

/// A request for a session.
#[derive(Clone, Debug)]
pub struct Hello {
    /// Who asks.
    pub token: String,
    /// The application's.
    pub ext: Vec<u8>,
    /// 1 is RESUME, 2 is LATEST.
    pub capabilities: u64,
    /// Of the session that is to go on; empty for a new one.
    pub ticket: Vec<u8>,
    /// The last number up to which every delivery has arrived.
    pub last_seq: u32,
    /// What has arrived beyond, as in the body of an ack.
    pub ranges: Vec<u8>,
    /// The first message without an answer.
    pub first_send: u32,
    /// The longest body that the client takes; 0 for any.
    pub max_body: u32,
}

impl Hello {
    /// Asks for a new session, and can do everything.
    pub fn new(token: &str, ext: impl AsRef<[u8]>) -> Self {
        Self {
            token: token.to_owned(),
            ext: ext.as_ref().to_vec(),
            capabilities: 3,
            ticket: Vec::new(),
            last_seq: 0,
            ranges: Vec::new(),
            first_send: 0,
            max_body: 0,
        }
    }

    /// The auth packet of the app `dtalk`, without fields that are 0 or empty.
    pub fn frame(&self, seq: u32) -> Frame {
        let bytes = |tag, value: &[u8]| {
            if value.is_empty() { Vec::new() } else { field(tag, value) }
        };
        let number = |tag, value| if value == 0 { Vec::new() } else { number_field(tag, value) };
        let body = [
            bytes(1, b"dtalk"),
            bytes(2, self.token.as_bytes()),
            bytes(3, &self.ext),
            number(16, self.capabilities),
            bytes(19, &self.ticket),
            number(20, self.last_seq.into()),
            bytes(21, &self.ranges),
            number(22, self.first_send.into()),
            number(23, self.max_body.into()),
        ];
        packet(op::AUTH, seq, 0, body.concat())
    }
}

/// Numbers of auth packets: a later one has a greater number.
static ATTEMPTS: AtomicU32 = AtomicU32::new(1_000);

/// A connection.
#[derive(Debug)]
pub struct Comet {
    /// What carries its packets.
    pub client: Client,
    /// The last one that came.
    pub welcome: Welcome,
}

impl Comet {
    /// Connects, and says nothing.
    pub fn connect(host: &impl Host, transport: Transport) -> Self {
        Self::over(transport, host.socket(transport))
    }

    /// A client over a socket that has been upgraded if need be.
    pub fn over(transport: Transport, socket: Socket) -> Self {
        let mut client = Client::over(transport, socket);
        client.wire = Wire::Comet;
        Self { client, welcome: Welcome::default() }
    }

    /// A client with a session.
    pub fn open(host: &impl Host, transport: Transport, hello: &Hello) -> Self {
        let mut comet = Self::connect(host, transport);
        comet.ask(hello).expect("a session");
        comet
    }

    /// Asks for a session, after all that have asked so far.
    ///
    /// # Errors
    ///
    /// What the server says instead of a welcome.
    pub fn ask(&mut self, hello: &Hello) -> Result<(), Failure> {
        self.ask_as(ATTEMPTS.fetch_add(1, Ordering::Relaxed), hello)
    }

    /// Asks for a session under a number of the test's.
    ///
    /// # Errors
    ///
    /// What the server says instead of a welcome.
    pub fn ask_as(&mut self, seq: u32, hello: &Hello) -> Result<(), Failure> {
        self.send(&[hello.frame(seq)]);
        let answer = self.receive();
        assert_eq!((answer.seq, answer.ack), (0, seq), "an answer to the auth: {answer:?}");
        if answer.op == op::REFUSED {
            return Err(Failure::of(&answer));
        }
        self.welcome = Welcome::of(&answer);
        Ok(())
    }

    /// The request with which this session is asked for again, after `last_seq` has arrived.
    pub fn back(&self, token: &str, last_seq: u32, first_send: u32) -> Hello {
        let ticket = self.welcome.ticket.clone();
        Hello { ticket, last_seq, first_send, ..Hello::new(token, "") }
    }

    /// Sends packets in one write, and in one message on WebSocket.
    pub fn send(&mut self, packets: &[Frame]) {
        self.client.send_together(packets);
    }

    /// Like [`send`](Self::send), for bytes that need not be packets.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.client.send_bytes(bytes);
    }

    /// Sends a message, when all answers up to a number have arrived.
    pub fn say(&mut self, seq: u32, answered: u32, body: &[u8]) {
        self.send(&[packet(op::SEND, seq, answered, body)]);
    }

    /// Says that everything up to a number has arrived.
    pub fn ack(&mut self, up_to: u32) {
        self.ack_with(up_to, b"");
    }

    /// The same, and that some ranges beyond it have.
    pub fn ack_with(&mut self, up_to: u32, ranges: &[u8]) {
        self.send(&[packet(op::ACK, 0, up_to, ranges)]);
    }

    /// The next packet, which must come.
    pub fn receive(&mut self) -> Frame {
        let packet = self.client.receive();
        assert_eq!(packet.ver, 2, "{packet:?}");
        packet
    }

    /// The next event until the deadline.
    pub fn next(&mut self, deadline: Instant) -> Next {
        self.client.next(deadline)
    }

    /// That nothing comes for some time.
    pub fn hears_nothing_for(&mut self, time: Duration) {
        self.client.hears_nothing_for(time);
    }

    /// The next packet is this delivery.
    pub fn takes(&mut self, seq: u32, body: impl AsRef<[u8]>) {
        assert_eq!(self.receive(), delivery(seq, body));
    }

    /// The next delivery, which is numbered, and its body.
    pub fn delivery(&mut self) -> (u32, String) {
        let packet = self.receive();
        assert_eq!(packet.op, op::DELIVER, "{packet:?}");
        (packet.seq, String::from_utf8(packet.body).expect("a text"))
    }

    /// So many deliveries.
    pub fn deliveries(&mut self, count: usize) -> Vec<(u32, String)> {
        (0..count).map(|_| self.delivery()).collect()
    }

    /// The next packet is a gap.
    pub fn gap(&mut self) -> Gap {
        Gap::of(&self.receive())
    }

    /// The next packet is an error: its code, and whether to connect again.
    pub fn error(&mut self) -> (i32, bool) {
        let error = Failure::of(&self.receive());
        assert_eq!(error.op, op::ERROR, "{error:?}");
        (error.code, error.retryable)
    }

    /// The connection ends with an error, as [`error`](Self::error), and how.
    pub fn fails(&mut self) -> (i32, bool, Ending) {
        let (code, retryable) = self.error();
        (code, retryable, self.ends())
    }

    /// A ping and its pong, with nothing in between: so nothing was on its way.
    pub fn beat(&mut self) {
        self.send(&[packet(op::PING, 0, 0, b"a moment")]);
        assert_eq!(self.receive(), packet(op::PONG, 0, 0, b"a moment"));
    }

    /// The connection breaks.
    pub fn reset(self) {
        self.client.socket.reset();
    }

    /// The connection ends, with nothing before; how.
    pub fn ends(&mut self) -> Ending {
        self.client.ends()
    }
}
