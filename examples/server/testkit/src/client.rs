//! A client of the socket protocol with its messages.

use std::ops::{Deref, DerefMut};

use comet_dtalk::message::{Common, CommonAck, Login};
use comet_testkit::client as line;
use comet_testkit::frame::{self, AUTH_REPLY, DELIVER, Frame, SEND, SEND_REPLY, ack, frame};
use comet_testkit::socket::Socket;
use comet_testkit::websocket;
use prost::Message as _;

use crate::message::{Delivered, ack_in, body_of};
use crate::person::Person;
use crate::server::Addresses;

pub use comet_testkit::client::{Ending, Next};

/// Transport of frames.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transport {
    /// On the port for it.
    Tcp,
    /// On the port for it.
    WebSocket,
    /// WebSocket on the port of the HTTP API.
    HttpPort,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::WebSocket, Self::HttpPort];

    /// A connection, upgraded if required.
    pub fn socket(self, addresses: &Addresses) -> Socket {
        match self {
            Self::Tcp => Socket::connect(addresses.tcp),
            Self::WebSocket => websocket::upgrade(addresses.ws, "/sub"),
            Self::HttpPort => websocket::upgrade(addresses.http, "/sub/"),
        }
    }

    /// How frames travel.
    pub const fn kind(self) -> line::Transport {
        match self {
            Self::Tcp => line::Transport::Tcp,
            Self::WebSocket | Self::HttpPort => line::Transport::WebSocket,
        }
    }
}

/// A client, which counts what it sends.
#[derive(Debug)]
pub struct Client {
    line: line::Client,
    seq: u32,
}

impl Deref for Client {
    type Target = line::Client;

    fn deref(&self) -> &line::Client {
        &self.line
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut line::Client {
        &mut self.line
    }
}

impl Client {
    /// Connects, and upgrades if required.
    pub fn connect(transport: Transport, addresses: &Addresses) -> Self {
        Self::over(transport, transport.socket(addresses))
    }

    /// A client over an open socket, upgraded if required.
    pub const fn over(transport: Transport, socket: Socket) -> Self {
        // Servers are killed in the middle of everything.
        Self { line: line::Client::over(transport.kind(), socket).may_be_cut(), seq: 0 }
    }

    /// Its connection alone.
    pub fn into_socket(self) -> Socket {
        self.line.socket
    }

    /// Connects and signs in.
    pub fn signed_in(
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
    pub fn sign_in(&mut self, person: &Person, device: Option<&Login>) {
        let seq = self.next_seq();
        self.send(&auth(seq, &person.token(), device));
        assert_eq!(self.receive(), frame(AUTH_REPLY, seq, ""), "accepted");
    }

    /// The client's next seq.
    pub fn next_seq(&mut self) -> u32 {
        self.seq += 1;
        self.seq
    }

    /// Sends a message; returns its seq.
    pub fn post(&mut self, common: &Common) -> u32 {
        let seq = self.next_seq();
        self.send(&frame(SEND, seq, body_of(common)));
        seq
    }

    /// Sends a message and takes the answer, which must come next.
    pub fn ask(&mut self, common: &Common) -> CommonAck {
        let seq = self.post(common);
        self.answer(seq)
    }

    /// Like [`ask`](Self::ask), with deliveries in between, which are acknowledged.
    pub fn ask_among(&mut self, common: &Common) -> CommonAck {
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
    pub fn answer(&mut self, seq: u32) -> CommonAck {
        let reply = self.receive();
        assert_eq!((reply.op, reply.seq, reply.ack), (SEND_REPLY, seq, seq), "{reply:?}");
        ack_in(&reply.body)
    }

    /// The next frame is the delivery of this number, which is acknowledged.
    pub fn takes(&mut self, delivery: u32) -> Delivered {
        let got = self.sees(delivery);
        self.ack(delivery);
        got
    }

    /// The next frame is the delivery of this number.
    pub fn sees(&mut self, delivery: u32) -> Delivered {
        let got = self.receive();
        assert_eq!(got.seq, delivery, "{got:?}");
        Delivered::by(&got)
    }

    /// Acknowledges a delivery.
    pub fn ack(&mut self, delivery: u32) {
        let seq = self.next_seq();
        self.send(&Frame { seq, ..ack(delivery) });
    }

    /// A heartbeat and its reply, with nothing in between: no other frame was in transit.
    pub fn beat(&mut self) {
        let seq = self.next_seq();
        self.line.beat(seq);
    }
}

/// A request for a session.
pub fn auth(seq: u32, token: &str, device: Option<&Login>) -> Frame {
    let login = device.map(Login::encode_to_vec);
    frame::auth(seq, token, login.unwrap_or_default())
}
