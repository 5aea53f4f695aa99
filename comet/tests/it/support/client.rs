//! A client of the binary dialects, over TCP or WebSocket.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::clock;
use super::frame::{Frame, Wire, ack, auth, frame, say};
use super::socket::{Arrived, Socket};
use super::websocket::{self, BINARY, FIN, PING, PONG, WsFrame};

/// How frames travel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Transport {
    Tcp,
    WebSocket,
}

impl Transport {
    /// How the gateway says goodbye: on WebSocket by this code.
    pub(crate) fn goodbye(self, code: u16) -> Ending {
        match self {
            Self::Tcp => Ending::Fin,
            Self::WebSocket => Ending::Close(Some(code)),
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// The server sends no more: all that there is on TCP, less than polite on WebSocket.
    Fin,
    /// The server reset the connection.
    Reset,
    /// The server said why, then sent no more.
    Close(Option<u16>),
}

/// What came next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    Frame(Frame),
    Ended(Ending),
    Nothing,
}

/// One client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) socket: Socket,
    pub(crate) transport: Transport,
    pub(crate) wire: Wire,
    closed_as: Option<Option<u16>>,
}

impl Client {
    /// Connects, and upgrades under `/sub` on WebSocket.
    pub(crate) fn connect(transport: Transport, address: SocketAddr) -> Self {
        let socket = match transport {
            Transport::Tcp => Socket::connect(address),
            Transport::WebSocket => websocket::upgrade(address, "/sub"),
        };
        Self::over(transport, socket)
    }

    /// Speaks dtalk over a socket that has been upgraded if need be.
    pub(crate) fn over(transport: Transport, socket: Socket) -> Self {
        Self { socket, transport, wire: Wire::Dtalk, closed_as: None }
    }

    /// Sends one packet, as a message of its own on WebSocket.
    pub(crate) fn send(&mut self, frame: &Frame) {
        self.send_all(std::slice::from_ref(frame));
    }

    /// Sends packets in one write, each in a message of its own on WebSocket.
    pub(crate) fn send_all(&mut self, frames: &[Frame]) {
        let bytes = self.bytes(frames);
        self.socket.write(&bytes);
    }

    /// The bytes of packets, each in a message of its own on WebSocket.
    pub(crate) fn bytes(&self, frames: &[Frame]) -> Vec<u8> {
        let packet = |frame| {
            let packet = self.wire.bytes(frame);
            match self.transport {
                Transport::Tcp => packet,
                Transport::WebSocket => websocket::masked(FIN | BINARY, &packet),
            }
        };
        frames.iter().flat_map(packet).collect()
    }

    /// Sends packets in one WebSocket message.
    pub(crate) fn send_together(&mut self, frames: &[Frame]) {
        assert_eq!(self.transport, Transport::WebSocket);
        let packets: Vec<u8> = frames.iter().flat_map(|frame| self.wire.bytes(frame)).collect();
        self.socket.write(&websocket::masked(FIN | BINARY, &packets));
    }

    /// The next packet, which must come.
    pub(crate) fn receive(&mut self) -> Frame {
        match self.next(clock::deadline()) {
            Next::Frame(frame) => frame,
            other => panic!("a frame was expected, not {other:?}"),
        }
    }

    /// So many packets.
    pub(crate) fn receive_all(&mut self, count: usize) -> Vec<Frame> {
        (0..count).map(|_| self.receive()).collect()
    }

    /// Whatever comes next until then. Pings of the server are answered, pongs are skipped.
    pub(crate) fn next(&mut self, deadline: Instant) -> Next {
        loop {
            if let Some(frame) = self.take() {
                return Next::Frame(frame);
            }
            match self.socket.read_until(deadline) {
                Arrived::Bytes => {}
                Arrived::Nothing => return Next::Nothing,
                Arrived::Reset => return Next::Ended(Ending::Reset),
                Arrived::End => {
                    assert_eq!(self.socket.unread, b"", "the end of what was begun");
                    return Next::Ended(self.closed_as.map_or(Ending::Fin, Ending::Close));
                }
            }
        }
    }

    /// That nothing comes for some time.
    pub(crate) fn hears_nothing_for(&mut self, time: Duration) {
        assert_eq!(self.next(clock::now() + time), Next::Nothing);
    }

    /// How the connection ends; frames that still come are skipped.
    pub(crate) fn ending(&mut self) -> Ending {
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
    pub(crate) fn sign_in(&mut self, user: &str, rooms: &str) {
        self.send(&auth(1, user, rooms));
        assert_eq!(self.receive(), frame(2, 1, b""), "an empty auth reply comes first");
    }

    /// A heartbeat and its reply, between which nothing may come: so nothing was on its way.
    pub(crate) fn beat(&mut self, seq: u32) {
        self.send(&frame(3, seq, b""));
        assert_eq!(self.receive(), frame(4, seq, [0; 4]));
    }

    /// Says something and takes the answer to it.
    pub(crate) fn ask(&mut self, seq: u32, body: &[u8]) -> Vec<u8> {
        self.send(&say(seq, body));
        let reply = self.receive();
        assert_eq!((reply.op, reply.seq, reply.ack), (8, seq, seq));
        reply.body
    }

    /// The next packet is this delivery, which is then acknowledged.
    pub(crate) fn takes(&mut self, seq: u32, body: &[u8]) {
        assert_eq!(self.receive(), frame(9, seq, body));
        self.send(&ack(seq));
    }

    /// The next frame of the WebSocket, whatever it is.
    pub(crate) fn receive_ws(&mut self) -> WsFrame {
        let deadline = clock::deadline();
        loop {
            if let Some(frame) = websocket::take(&mut self.socket.unread) {
                return frame;
            }
            assert_eq!(self.socket.read_until(deadline), Arrived::Bytes, "a WebSocket frame");
        }
    }

    fn take(&mut self) -> Option<Frame> {
        match self.transport {
            Transport::Tcp => {
                let len = self.wire.packet_len(&self.socket.unread)?;
                let packet = self.socket.unread.get(..len)?.to_vec();
                self.socket.unread.drain(..len);
                Some(self.wire.parse(&packet))
            }
            Transport::WebSocket => self.take_message(),
        }
    }

    fn take_message(&mut self) -> Option<Frame> {
        loop {
            let frame = websocket::take(&mut self.socket.unread)?;
            match frame.first & 0x0f {
                PING => {
                    let pong = websocket::masked(FIN | PONG, &frame.payload);
                    // A peer that has gone meanwhile is seen when it is read from.
                    let _ = self.socket.try_write(&pong);
                }
                PONG => {}
                websocket::CLOSE => self.closed_as = Some(frame.close_code()),
                _ => {
                    assert_eq!(frame.first, FIN | BINARY, "one whole binary message");
                    return Some(self.wire.parse(&frame.payload));
                }
            }
        }
    }
}
