//! A client of the comet dialect, byte by byte from the description of the wire: protobuf bodies
//! are written and parsed by hand.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::client::{Ending, Transport};
use super::clock;
use super::frame::{Frame, Wire};
use super::program::Program;
use super::socket::{Arrived, Socket};
use super::websocket::{self, BINARY, CLOSE, FIN};

/// The ops of the dialect.
pub(crate) mod op {
    pub(crate) const AUTH: u32 = 1;
    pub(crate) const WELCOME: u32 = 32;
    pub(crate) const REFUSED: u32 = 33;
    pub(crate) const DELIVER: u32 = 34;
    pub(crate) const BEST_EFFORT: u32 = 35;
    pub(crate) const ACK: u32 = 37;
    pub(crate) const GAP: u32 = 38;
    pub(crate) const SEND: u32 = 39;
    pub(crate) const SEND_REPLY: u32 = 40;
    pub(crate) const ERROR: u32 = 42;
    pub(crate) const GOING_AWAY: u32 = 43;
    pub(crate) const PING: u32 = 44;
    pub(crate) const PONG: u32 = 45;
    pub(crate) const LEAVE: u32 = 46;
}

/// A packet with ver 2.
pub(crate) fn packet(op: u32, seq: u32, ack: u32, body: impl AsRef<[u8]>) -> Frame {
    Frame { ver: 2, op, seq, ack, body: body.as_ref().to_vec() }
}

/// A message to the router; all answers before it have arrived.
pub(crate) fn send(seq: u32, body: impl AsRef<[u8]>) -> Frame {
    packet(op::SEND, seq, seq - 1, body)
}

/// The parameters of an auth frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hello<'a> {
    pub(crate) token: &'a str,
    pub(crate) ext: &'a str,
    pub(crate) ticket: &'a [u8],
    pub(crate) last_seq: u64,
    pub(crate) ranges: &'a [u8],
    pub(crate) first_send: u64,
}

impl Hello<'_> {
    /// The auth frame of a peer with the capabilities RESUME and LATEST.
    pub(crate) fn frame(&self, seq: u32) -> Frame {
        let mut body = Vec::new();
        let texts = [(1, "dtalk"), (2, self.token), (3, self.ext)];
        texts.iter().for_each(|(tag, text)| put_bytes(&mut body, *tag, text.as_bytes()));
        put_number(&mut body, 16, 3);
        put_bytes(&mut body, 19, self.ticket);
        put_number(&mut body, 20, self.last_seq);
        put_bytes(&mut body, 21, self.ranges);
        put_number(&mut body, 22, self.first_send);
        packet(op::AUTH, seq, 0, body)
    }
}

fn put_number(body: &mut Vec<u8>, tag: u64, value: u64) {
    put_varint(body, tag << 3);
    put_varint(body, value);
}

fn put_bytes(body: &mut Vec<u8>, tag: u64, value: &[u8]) {
    put_varint(body, tag << 3 | 2);
    put_varint(body, value.len() as u64);
    body.extend_from_slice(value);
}

fn put_varint(body: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        body.push(value as u8 | 0x80);
        value >>= 7;
    }
    body.push(value as u8);
}

fn take_varint(rest: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let (byte, after) = rest.split_first().expect("a varint");
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
    }
    panic!("an endless varint");
}

/// The number in a field; 0 if it is absent.
pub(crate) fn number(body: &[u8], tag: u64) -> u64 {
    field(body, tag).map_or(0, |(value, _)| value)
}

/// The code in a field, which is zigzag.
pub(crate) fn code(body: &[u8]) -> u64 {
    number(body, 1) / 2
}

/// The bytes in a field; none if it is absent.
pub(crate) fn bytes(body: &[u8], tag: u64) -> Vec<u8> {
    field(body, tag).map_or_else(Vec::new, |(_, bytes)| bytes)
}

fn field(mut rest: &[u8], wanted: u64) -> Option<(u64, Vec<u8>)> {
    while !rest.is_empty() {
        let key = take_varint(&mut rest);
        let value = take_varint(&mut rest);
        let mut bytes = &[][..];
        if key & 7 == 2 {
            (bytes, rest) = rest.split_at(value as usize);
        }
        if key >> 3 == wanted {
            return Some((value, bytes.to_vec()));
        }
    }
    None
}

/// Numbers of auth frames: a later one has a greater number.
static ATTEMPTS: AtomicU32 = AtomicU32::new(1_000);

/// A connection.
pub(crate) struct Comet {
    pub(crate) socket: Socket,
    pub(crate) transport: Transport,
    packets: VecDeque<Frame>,
    /// Number of packets in each received WebSocket message.
    pub(crate) messages: Vec<usize>,
    closed_as: Option<Option<u16>>,
}

/// The next event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Came {
    Packet(Frame),
    Ended(Ending),
    Nothing,
}

impl Comet {
    pub(crate) fn connect(relay: &Program, transport: Transport) -> Self {
        let address = relay.address(transport);
        let socket = match transport {
            Transport::Tcp => Socket::connect(address),
            Transport::WebSocket => websocket::upgrade(address, "/sub"),
        };
        let (packets, messages) = (VecDeque::new(), Vec::new());
        Self { socket, transport, packets, messages, closed_as: None }
    }

    /// Connects and authenticates, with a later number than before; returns the body of the
    /// welcome.
    pub(crate) fn welcomed(
        relay: &Program,
        transport: Transport,
        hello: &Hello<'_>,
    ) -> (Self, Vec<u8>) {
        let mut comet = Self::connect(relay, transport);
        let seq = ATTEMPTS.fetch_add(1, Ordering::Relaxed);
        comet.send(&[hello.frame(seq)]);
        let welcome = comet.receive();
        assert_eq!((welcome.ver, welcome.op, welcome.seq, welcome.ack), (2, op::WELCOME, 0, seq));
        (comet, welcome.body)
    }

    /// A new session of this user in these rooms.
    pub(crate) fn open(relay: &Program, transport: Transport, token: &str, ext: &str) -> Self {
        Self::welcomed(relay, transport, &Hello { token, ext, ..Hello::default() }).0
    }

    /// Sends packets in one write, and in one message on WebSocket.
    pub(crate) fn send(&mut self, packets: &[Frame]) {
        let bytes: Vec<u8> = packets.iter().flat_map(|packet| Wire::Dtalk.bytes(packet)).collect();
        self.send_bytes(&bytes);
    }

    /// Like [`send`](Self::send), for bytes that need not be packets.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        match self.transport {
            Transport::Tcp => self.socket.write(bytes),
            Transport::WebSocket => self.socket.write(&websocket::masked(FIN | BINARY, bytes)),
        }
    }

    /// Acknowledges everything up to a number, and some ranges beyond.
    pub(crate) fn ack(&mut self, up_to: u32, ranges: &[u8]) {
        self.send(&[packet(op::ACK, 0, up_to, ranges)]);
    }

    /// The next packet, which must come.
    pub(crate) fn receive(&mut self) -> Frame {
        match self.next(clock::deadline()) {
            Came::Packet(packet) => packet,
            other => panic!("a packet was expected, not {other:?}"),
        }
    }

    /// The next packet is this delivery.
    pub(crate) fn takes(&mut self, seq: u32, body: impl AsRef<[u8]>) {
        assert_eq!(self.receive(), packet(op::DELIVER, seq, 0, body));
    }

    /// A ping and its pong, with nothing in between.
    pub(crate) fn beat(&mut self) {
        self.send(&[packet(op::PING, 0, 0, b"\x01\x02\x03\x04\x05\x06\x07\x08")]);
        assert_eq!(self.receive(), packet(op::PONG, 0, 0, b"\x01\x02\x03\x04\x05\x06\x07\x08"));
    }

    pub(crate) fn hears_nothing_for(&mut self, time: Duration) {
        assert_eq!(self.next(clock::now() + time), Came::Nothing);
    }

    /// The connection ends with an error: its code, and whether a reconnect is allowed.
    pub(crate) fn fails(&mut self) -> (u64, bool, Ending) {
        let error = self.receive();
        assert_eq!(error.op, op::ERROR, "{error:?}");
        let Came::Ended(ending) = self.next(clock::deadline()) else { panic!("no end") };
        (code(&error.body), number(&error.body, 3) == 1, ending)
    }

    /// The end of the connection, with nothing before it.
    pub(crate) fn ending(&mut self) -> Ending {
        match self.next(clock::deadline()) {
            Came::Ended(ending) => ending,
            other => panic!("an end was expected, not {other:?}"),
        }
    }

    pub(crate) fn next(&mut self, deadline: Instant) -> Came {
        loop {
            self.take_packets();
            if let Some(packet) = self.packets.pop_front() {
                return Came::Packet(packet);
            }
            match self.socket.read_until(deadline) {
                Arrived::Bytes => {}
                Arrived::Nothing => return Came::Nothing,
                Arrived::Reset => return Came::Ended(Ending::Reset),
                Arrived::End => {
                    return Came::Ended(self.closed_as.map_or(Ending::Fin, Ending::Close));
                }
            }
        }
    }

    fn take_packets(&mut self) {
        if self.transport == Transport::Tcp {
            while let Some(packet) = split(&mut self.socket.unread) {
                self.packets.push_back(packet);
            }
            return;
        }
        while let Some(mut message) = websocket::take(&mut self.socket.unread) {
            if message.first == FIN | CLOSE {
                self.closed_as = Some(message.close_code());
                continue;
            }
            assert_eq!(message.first, FIN | BINARY, "one whole binary message");
            let before = self.packets.len();
            while let Some(packet) = split(&mut message.payload) {
                self.packets.push_back(packet);
            }
            assert_eq!(message.payload, b"", "packets are whole in a message");
            self.messages.push(self.packets.len() - before);
        }
    }
}

/// Takes the packet at the front, if it is complete.
fn split(bytes: &mut Vec<u8>) -> Option<Frame> {
    let len = Wire::Dtalk.packet_len(bytes)?;
    let packet = bytes.get(..len)?.to_vec();
    bytes.drain(..len);
    Some(Wire::Dtalk.parse(&packet))
}
