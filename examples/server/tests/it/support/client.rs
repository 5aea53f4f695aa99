//! A client of the socket protocol.

use std::time::Instant;

use comet_dtalk::message::{Common, CommonAck, Login};
use prost::Message as _;

use super::clock;
use super::common::{Delivered, ack_in, body_of};
use super::frame::{
    AUTH, AUTH_REPLY, DELIVER, Frame, HEARTBEAT, HEARTBEAT_REPLY, SEND, SEND_REPLY, ack, field,
    frame,
};
use super::person::Person;
use super::server::Addresses;
use super::socket::{Arrived, Socket};
use super::websocket::{self, BINARY, CLOSE, FIN, PING, PONG};

/// Transport of frames.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Transport {
    Tcp,
    WebSocket,
    /// WebSocket on the port of the HTTP API.
    HttpPort,
}

impl Transport {
    pub(crate) const ALL: [Self; 3] = [Self::Tcp, Self::WebSocket, Self::HttpPort];
}

/// The end of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// The server closed without a reason.
    Fin,
    /// The connection was reset.
    Reset,
    /// The server sent a close frame, then closed.
    Close(Option<u16>),
}

/// The next event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    Frame(Frame),
    Ended(Ending),
    Nothing,
}

/// A client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) socket: Socket,
    transport: Transport,
    seq: u32,
    closed_as: Option<Option<u16>>,
}

impl Client {
    /// Connects, and upgrades if required.
    pub(crate) fn connect(transport: Transport, addresses: &Addresses) -> Self {
        let socket = match transport {
            Transport::Tcp => Socket::connect(addresses.tcp),
            Transport::WebSocket => websocket::connect(addresses.ws, "/sub"),
            Transport::HttpPort => websocket::connect(addresses.http, "/sub/"),
        };
        Self::over(transport, socket)
    }

    /// A client over an open socket, upgraded if required.
    pub(crate) fn over(transport: Transport, socket: Socket) -> Self {
        Self { socket, transport, seq: 0, closed_as: None }
    }

    /// Connects and signs in.
    pub(crate) fn signed_in(
        transport: Transport,
        addresses: &Addresses,
        person: &Person,
        device: Option<&Login>,
    ) -> Self {
        let mut client = Self::connect(transport, addresses);
        client.sign_in(person, device);
        client
    }

    /// Signs in. The empty reply must be the first frame.
    pub(crate) fn sign_in(&mut self, person: &Person, device: Option<&Login>) {
        let seq = self.next_seq();
        self.send(&auth(seq, &person.token(), device));
        assert_eq!(self.receive(), frame(AUTH_REPLY, seq, ""), "accepted");
    }

    /// The client's next seq.
    pub(crate) fn next_seq(&mut self) -> u32 {
        self.seq += 1;
        self.seq
    }

    /// Sends a frame, in a message of its own on WebSocket.
    pub(crate) fn send(&mut self, frame: &Frame) {
        self.try_send(std::slice::from_ref(frame)).expect("send");
    }

    /// Sends frames in one write; the server may have gone.
    pub(crate) fn try_send(&mut self, frames: &[Frame]) -> std::io::Result<()> {
        let bytes = frames.iter().flat_map(|frame| self.carried(&frame.encode()));
        let bytes: Vec<u8> = bytes.collect();
        self.socket.try_write(&bytes)
    }

    /// Sends bytes that need not be a frame, in a message of their own on WebSocket.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        let bytes = self.carried(bytes);
        self.socket.write(&bytes);
    }

    fn carried(&self, bytes: &[u8]) -> Vec<u8> {
        match self.transport {
            Transport::Tcp => bytes.to_vec(),
            Transport::WebSocket | Transport::HttpPort => websocket::masked(BINARY, bytes),
        }
    }

    /// Sends a message; returns its seq.
    pub(crate) fn post(&mut self, common: &Common) -> u32 {
        let seq = self.next_seq();
        self.send(&frame(SEND, seq, body_of(common)));
        seq
    }

    /// Sends a message and takes the answer, which must come next.
    pub(crate) fn ask(&mut self, common: &Common) -> CommonAck {
        let seq = self.post(common);
        self.answer(seq)
    }

    /// Like [`ask`](Self::ask), with deliveries in between, which are acknowledged.
    pub(crate) fn ask_among(&mut self, common: &Common) -> CommonAck {
        let seq = self.post(common);
        loop {
            let got = self.receive();
            if got.op == DELIVER {
                self.ack(got.seq);
                continue;
            }
            assert_eq!((got.op, got.seq, got.ack), (SEND_REPLY, seq, seq), "{got:?}");
            return ack_in(&got.body);
        }
    }

    /// The next frame is the answer to the message with this seq.
    pub(crate) fn answer(&mut self, seq: u32) -> CommonAck {
        let reply = self.receive();
        assert_eq!((reply.op, reply.seq, reply.ack), (SEND_REPLY, seq, seq), "{reply:?}");
        ack_in(&reply.body)
    }

    /// The next frame is the delivery of this number, which is acknowledged.
    pub(crate) fn takes(&mut self, delivery: u32) -> Delivered {
        let got = self.sees(delivery);
        self.ack(delivery);
        got
    }

    /// The next frame is the delivery of this number.
    pub(crate) fn sees(&mut self, delivery: u32) -> Delivered {
        let got = self.receive();
        assert_eq!(got.seq, delivery, "{got:?}");
        Delivered::by(&got)
    }

    /// Acknowledges a delivery.
    pub(crate) fn ack(&mut self, delivery: u32) {
        let seq = self.next_seq();
        self.send(&ack(seq, delivery));
    }

    /// A heartbeat and its reply, with nothing in between: no other frame was in transit.
    pub(crate) fn beat(&mut self) {
        let seq = self.next_seq();
        self.send(&frame(HEARTBEAT, seq, ""));
        assert_eq!(self.receive(), frame(HEARTBEAT_REPLY, seq, &[0; 4][..]));
    }

    /// The next frame, which must come.
    pub(crate) fn receive(&mut self) -> Frame {
        match self.next(clock::deadline()) {
            Next::Frame(frame) => frame,
            other => panic!("a frame was expected, not {other:?}"),
        }
    }

    /// The next event until the deadline. Pings of the server are answered.
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
                    return Next::Ended(self.closed_as.map_or(Ending::Fin, Ending::Close));
                }
            }
        }
    }

    /// The end of the connection, before which no frame may arrive.
    pub(crate) fn ending(&mut self) -> Ending {
        match self.next(clock::deadline()) {
            Next::Ended(ending) => ending,
            other => panic!("the end of the connection was expected, not {other:?}"),
        }
    }

    fn take(&mut self) -> Option<Frame> {
        if self.transport == Transport::Tcp {
            return Frame::take(&mut self.socket.unread);
        }
        loop {
            let message = websocket::take(&mut self.socket.unread)?;
            match message.first & 0x0f {
                PING => {
                    let pong = websocket::masked(PONG, &message.payload);
                    // A lost server is detected by reading.
                    let _ = self.socket.try_write(&pong);
                }
                CLOSE => self.closed_as = Some(message.close_code()),
                _ => {
                    assert_eq!(message.first, FIN | BINARY, "one whole binary message");
                    return Some(Frame::decode(message.payload));
                }
            }
        }
    }
}

/// A request for a session.
pub(crate) fn auth(seq: u32, token: &str, device: Option<&Login>) -> Frame {
    let mut body = [field(1, b"dtalk"), field(2, token.as_bytes())].concat();
    if let Some(login) = device {
        body.extend(field(3, &login.encode_to_vec()));
    }
    frame(AUTH, seq, body)
}
