//! A client of the binary dialects, over TCP or WebSocket.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::clock;
use crate::frame::{
    AUTH_REPLY, Frame, HEARTBEAT, HEARTBEAT_REPLY, SEND_REPLY, Wire, ack, auth, delivery, frame,
    say,
};
use crate::socket::{Arrived, Socket};
use crate::websocket::{self, BINARY, CLOSE, FIN, PING, PONG, WsFrame};

/// How frames travel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transport {
    /// One after the other.
    Tcp,
    /// In binary messages.
    WebSocket,
}

impl Transport {
    /// How the gateway says goodbye: on WebSocket by this code.
    pub fn goodbye(self, code: u16) -> Ending {
        match self {
            Self::Tcp => Ending::Fin,
            Self::WebSocket => Ending::Close(Some(code)),
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// The server sends no more: all that there is on TCP, less than polite on WebSocket.
    Fin,
    /// The server reset the connection.
    Reset,
    /// The server said why, then sent no more.
    Close(Option<u16>),
}

/// What came next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Next {
    /// A packet.
    Frame(Frame),
    /// The end of the connection.
    Ended(Ending),
    /// The deadline.
    Nothing,
}

/// Where clients connect to.
pub trait Host {
    /// A connection, upgraded on WebSocket.
    fn socket(&self, transport: Transport) -> Socket;
}

impl Host for SocketAddr {
    /// Upgrades under `/sub`.
    fn socket(&self, transport: Transport) -> Socket {
        match transport {
            Transport::Tcp => Socket::connect(*self),
            Transport::WebSocket => websocket::upgrade(*self, "/sub"),
        }
    }
}

/// One client.
#[derive(Debug)]
pub struct Client {
    /// What it is connected by.
    pub socket: Socket,
    /// How its packets travel.
    pub transport: Transport,
    /// Its dialect's head: dtalk's, unless it is set otherwise.
    pub wire: Wire,
    /// Number of packets in each WebSocket message that was read.
    pub messages: Vec<usize>,
    packets: VecDeque<Frame>,
    may_be_cut: bool,
    closed_as: Option<Option<u16>>,
}

impl Client {
    /// Connects, and says nothing.
    pub fn connect(host: &impl Host, transport: Transport) -> Self {
        Self::over(transport, host.socket(transport))
    }

    /// A client over a socket that has been upgraded if need be.
    pub const fn over(transport: Transport, socket: Socket) -> Self {
        Self {
            socket,
            transport,
            wire: Wire::Dtalk,
            messages: Vec::new(),
            packets: VecDeque::new(),
            may_be_cut: false,
            closed_as: None,
        }
    }

    /// The same, where the connection may end inside a packet: its server may be killed.
    pub const fn may_be_cut(mut self) -> Self {
        self.may_be_cut = true;
        self
    }

    /// Sends one packet, as a message of its own on WebSocket.
    pub fn send(&mut self, frame: &Frame) {
        self.send_all(std::slice::from_ref(frame));
    }

    /// Sends packets in one write, each in a message of its own on WebSocket.
    pub fn send_all(&mut self, frames: &[Frame]) {
        self.try_send_all(frames).expect("send");
    }

    /// The same, where the server may have gone.
    ///
    /// # Errors
    ///
    /// That of the system.
    pub fn try_send_all(&mut self, frames: &[Frame]) -> std::io::Result<()> {
        let bytes = self.bytes(frames);
        self.socket.try_write(&bytes)
    }

    /// The bytes of packets, each in a message of its own on WebSocket.
    pub fn bytes(&self, frames: &[Frame]) -> Vec<u8> {
        frames.iter().flat_map(|frame| self.carried(&self.wire.bytes(frame))).collect()
    }

    /// Sends packets in one message on WebSocket, in one write on TCP.
    pub fn send_together(&mut self, frames: &[Frame]) {
        let packets: Vec<u8> = frames.iter().flat_map(|frame| self.wire.bytes(frame)).collect();
        self.send_bytes(&packets);
    }

    /// Sends bytes that need not be a packet, in a message of their own on WebSocket.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        let bytes = self.carried(bytes);
        self.socket.write(&bytes);
    }

    fn carried(&self, bytes: &[u8]) -> Vec<u8> {
        match self.transport {
            Transport::Tcp => bytes.to_vec(),
            Transport::WebSocket => websocket::masked(FIN | BINARY, bytes),
        }
    }

    /// The next packet, which must come.
    pub fn receive(&mut self) -> Frame {
        match self.next(clock::deadline()) {
            Next::Frame(frame) => frame,
            other => panic!("a frame was expected, not {other:?}"),
        }
    }

    /// So many packets.
    pub fn receive_all(&mut self, count: usize) -> Vec<Frame> {
        (0..count).map(|_| self.receive()).collect()
    }

    /// Whatever comes next until then. Pings of the server are answered, pongs are skipped.
    pub fn next(&mut self, deadline: Instant) -> Next {
        loop {
            self.take_packets();
            if let Some(frame) = self.packets.pop_front() {
                return Next::Frame(frame);
            }
            match self.socket.read_until(deadline) {
                Arrived::Bytes => {}
                Arrived::Nothing => return Next::Nothing,
                Arrived::Reset => return Next::Ended(Ending::Reset),
                Arrived::End => {
                    let is_whole = self.may_be_cut || self.socket.unread.is_empty();
                    assert!(is_whole, "the end of what was begun: {:?}", self.socket.unread);
                    return Next::Ended(self.closed_as.map_or(Ending::Fin, Ending::Close));
                }
            }
        }
    }

    /// That nothing comes for some time.
    pub fn hears_nothing_for(&mut self, time: Duration) {
        assert_eq!(self.next(clock::now() + time), Next::Nothing);
    }

    /// The connection ends, with nothing before; how.
    pub fn ends(&mut self) -> Ending {
        match self.next(clock::deadline()) {
            Next::Ended(ending) => ending,
            other => panic!("the end of the connection was expected, not {other:?}"),
        }
    }

    /// How the connection ends; packets that still come are skipped.
    pub fn ending(&mut self) -> Ending {
        let deadline = clock::deadline();
        loop {
            match self.next(deadline) {
                Next::Frame(_) => {}
                Next::Ended(ending) => return ending,
                Next::Nothing => panic!("the connection never ended"),
            }
        }
    }

    /// Asks for a session; `rooms` are separated by commas.
    pub fn sign_in(&mut self, user: &str, rooms: &str) {
        self.send(&auth(1, user, rooms));
        assert_eq!(self.receive(), frame(AUTH_REPLY, 1, b""), "an empty auth reply comes first");
    }

    /// A heartbeat and its reply, between which nothing may come: so nothing was on its way.
    pub fn beat(&mut self, seq: u32) {
        self.send(&frame(HEARTBEAT, seq, b""));
        assert_eq!(self.receive(), frame(HEARTBEAT_REPLY, seq, [0; 4]));
    }

    /// Says something and takes the answer to it.
    pub fn ask(&mut self, seq: u32, body: &[u8]) -> Vec<u8> {
        self.send(&say(seq, body));
        let reply = self.receive();
        assert_eq!((reply.op, reply.seq, reply.ack), (SEND_REPLY, seq, seq));
        reply.body
    }

    /// The next packet is this delivery, which is then acknowledged.
    pub fn takes(&mut self, seq: u32, body: &[u8]) {
        assert_eq!(self.receive(), delivery(seq, body));
        self.send(&ack(seq));
    }

    /// The next frame of the WebSocket, whatever it is.
    pub fn receive_ws(&mut self) -> WsFrame {
        let deadline = clock::deadline();
        loop {
            if let Some(frame) = websocket::take(&mut self.socket.unread) {
                return frame;
            }
            assert_eq!(self.socket.read_until(deadline), Arrived::Bytes, "a WebSocket frame");
        }
    }

    /// Puts what is there as a whole with the packets that wait.
    fn take_packets(&mut self) {
        if self.transport == Transport::Tcp {
            self.packets.extend(self.wire.take(&mut self.socket.unread));
            return;
        }
        while self.packets.is_empty()
            && let Some(message) = websocket::take(&mut self.socket.unread)
        {
            self.take_message(message);
        }
    }

    fn take_message(&mut self, mut message: WsFrame) {
        match message.first & 0x0f {
            PING => {
                assert_ne!(self.wire, Wire::Comet, "the dialect has pings of its own");
                let pong = websocket::masked(FIN | PONG, &message.payload);
                // A peer that has gone meanwhile is seen when it is read from.
                let _ = self.socket.try_write(&pong);
            }
            PONG => {}
            CLOSE => self.closed_as = Some(message.close_code()),
            _ => {
                assert_eq!(message.first, FIN | BINARY, "one whole binary message");
                while let Some(packet) = self.wire.take(&mut message.payload) {
                    self.packets.push_back(packet);
                }
                assert_eq!(message.payload, b"", "packets are whole in a message");
                let count = self.packets.len();
                self.messages.push(count);
                assert!(count == 1 || self.wire == Wire::Comet, "{count} packets in a message");
            }
        }
    }
}
