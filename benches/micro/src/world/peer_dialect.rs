//! Packets of peers, per dialect.

use std::ops::RangeInclusive;

use comet::simulation::Listener;
use comet_protocol::comet::{Auth, ClientFrame, Received, Seq};
use comet_protocol::head::Head;
use comet_protocol::ws::handshake::Upgrade;
use comet_protocol::ws::{Opcode, write_masked_frame};
use comet_protocol::{AuthMsg, Layout, goim_op, op};

/// A dialect and its transport.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PeerDialect {
    /// Bodies over WebSocket.
    Raw,
    /// goim over WebSocket.
    Goim,
    /// dtalk over WebSocket.
    Dtalk,
    /// The same with permessage-deflate, which its own messages do not use.
    DtalkDeflate,
    /// dtalk over TCP.
    DtalkTcp,
    /// comet over WebSocket.
    Comet,
}

const OFFER: (&str, &str) = ("Sec-WebSocket-Extensions", "permessage-deflate");

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

impl PeerDialect {
    /// The listener for this dialect.
    #[must_use]
    pub const fn listener(self) -> Listener {
        match self {
            Self::Raw => Listener::Raw,
            Self::DtalkTcp => Listener::Tcp,
            Self::Goim | Self::Dtalk | Self::DtalkDeflate | Self::Comet => Listener::WebSocket,
        }
    }

    /// All bytes that a peer sends to open a session in these rooms.
    #[must_use]
    pub fn opening(self, user: &str, rooms: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let target = if self == Self::Raw { format!("/{rooms}") } else { "/sub".to_owned() };
        if self != Self::DtalkTcp {
            let plain = request(&target);
            match self {
                Self::DtalkDeflate => {
                    let headers = [plain.headers, &[OFFER]].concat();
                    Upgrade { headers: &headers, ..plain }.write_request(&mut bytes);
                }
                _ => plain.write_request(&mut bytes),
            }
        }
        let app_id = "bench".to_owned();
        match self {
            Self::Raw => return bytes,
            Self::Goim => {
                let head = Head::new(goim_op::AUTH, 1, 0);
                self.put(&mut bytes, |out| head.write(Layout::Goim, rooms.as_bytes(), out));
            }
            Self::Dtalk | Self::DtalkDeflate | Self::DtalkTcp => {
                let ext = rooms.to_owned().into();
                let body = AuthMsg { app_id, token: user.to_owned(), ext }.to_vec();
                let head = Head::new(op::AUTH, 1, 0);
                self.put(&mut bytes, |out| head.write(Layout::Dtalk, &body, out));
            }
            Self::Comet => {
                let ext = rooms.to_owned().into();
                let auth = Auth { app_id, token: user.to_owned(), ext, ..Auth::default() };
                let auth = ClientFrame::Auth { seq: 1, auth: Box::new(auth) };
                self.put(&mut bytes, |out| auth.write(out));
            }
        }
        bytes
    }

    /// An ack of a delivery; in the comet dialect, of all deliveries up to it. Empty in dialects
    /// without acks.
    #[must_use]
    pub fn ack(self, seq: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::Raw | Self::Goim => {}
            Self::Dtalk | Self::DtalkDeflate | Self::DtalkTcp => {
                let head = Head::new(op::DELIVER_ACK, seq, seq);
                self.put(&mut bytes, |out| head.write(Layout::Dtalk, b"", out));
            }
            Self::Comet => {
                let ack = ClientFrame::Ack(Received::up_to_only(Seq::new(seq)));
                self.put(&mut bytes, |out| ack.write(out));
            }
        }
        bytes
    }

    /// A client's acks for the deliveries of a turn: one each, or a single cumulative one.
    #[must_use]
    pub fn acks(self, seqs: RangeInclusive<u32>) -> Vec<u8> {
        match self {
            Self::Comet => self.ack(*seqs.end()),
            _ => seqs.flat_map(|seq| self.ack(seq)).collect(),
        }
    }

    /// A message with this number.
    #[must_use]
    pub fn message(self, seq: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.put(&mut bytes, |out| match self {
            Self::Raw => out.extend_from_slice(body),
            Self::Goim => Head::new(goim_op::SEND, seq, 0).write(Layout::Goim, body, out),
            Self::Dtalk | Self::DtalkDeflate | Self::DtalkTcp => {
                Head::new(op::SEND, seq, 0).write(Layout::Dtalk, body, out);
            }
            Self::Comet => {
                let answered = Seq::new(seq).prev();
                ClientFrame::Send { seq: Seq::new(seq), answered, body }.write(out);
            }
        });
        bytes
    }

    /// A packet, framed for the transport.
    fn put(self, bytes: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        let mut packet = Vec::new();
        write(&mut packet);
        match self {
            Self::DtalkTcp => bytes.append(&mut packet),
            _ => write_masked_frame(bytes, Opcode::Binary, &packet, MASK),
        }
    }
}

/// A minimal upgrade request of a browser.
#[must_use]
pub(crate) fn request(target: &str) -> Upgrade<'_> {
    Upgrade {
        host: "im.example.com",
        target,
        key: "dGhlIHNhbXBsZSBub25jZQ==",
        subprotocols: &[],
        headers: &[("Origin", "https://im.example.com"), ("User-Agent", "comet-micro")],
    }
}
