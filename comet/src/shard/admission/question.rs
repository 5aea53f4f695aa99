//! A question to the router about a peer.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use comet_protocol::Dialect;
use comet_protocol::codec::AuthRequest;
use comet_protocol::ws::handshake::Request;

use super::super::endpoints::Endpoints;
use super::super::settle::{Connect, ConnectReply};
use crate::identity::Peer;

/// What the router is asked about a peer.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) app: String,
    pub(super) token: String,
    pub(super) ext: Bytes,
    pub(super) attempt: u8,
    pub(super) upgrade: Option<Box<Request>>,
    /// The session that the peer has already.
    pub(super) renews: Option<Peer>,
}

impl Question {
    /// The first about a peer that has said nothing of itself.
    pub(super) fn first() -> Self {
        Self {
            app: String::new(),
            token: String::new(),
            ext: Bytes::new(),
            attempt: 1,
            upgrade: None,
            renews: None,
        }
    }

    /// The one that a request stands for.
    pub(super) fn of(request: AuthRequest, attempt: u8) -> Self {
        let AuthRequest { app, token, ext, .. } = request;
        Self { app, token, ext, attempt, ..Self::first() }
    }

    /// Asks it about the peer in a slot.
    pub(super) fn ask(self, ep: &Endpoints, slot: u32) {
        let remote = remote_of(ep, slot);
        let Some(key) = ep.connections.key(slot) else { return };
        let request = Connect {
            app: self.app,
            token: self.token,
            ext: self.ext,
            remote,
            dialect: ep.connections.dialect(slot).unwrap_or(Dialect::Raw),
            attempt: self.attempt,
            upgrade: self.upgrade,
            renews: self.renews,
        };
        let reply = ConnectReply::new(ep.bucket.id(slot), key.serial(), ep.cx.mailbox().clone());
        ep.cx.sink.connect(request, reply);
    }
}

/// Where the connection comes from: its socket's other end, or whom a proxy there speaks for, with
/// port 0.
fn remote_of(ep: &Endpoints, slot: u32) -> SocketAddr {
    let peer = peer_of(ep, slot);
    match ep.connections.get(slot).and_then(|connection| connection.visitor.as_deref()) {
        Some(visitor) if visitor.address != peer.ip().to_canonical() => {
            SocketAddr::new(visitor.address, 0)
        }
        _ => peer,
    }
}

pub(super) fn peer_of(ep: &Endpoints, slot: u32) -> SocketAddr {
    let peer = ep.connections.get(slot).and_then(|it| it.socket.peer_addr().ok());
    // A socket that has no peer any more is about to say so when it is read.
    peer.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))
}
