//! Authentication: questions to the router about peers.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use comet_protocol::Dialect;
use comet_protocol::codec::{AuthRequest, Continuity, Refusal};
use comet_protocol::comet::Code;
use comet_protocol::ws::handshake::Request;

use super::super::connections::Connection;
use super::super::endpoints::Endpoints;
use super::super::requests::{Connect, ConnectReply};
use super::super::sessions::Sessions;
use super::Admission;
use crate::Closed;
use crate::identity::{Origin, Peer};
use crate::session::Hello;

/// A question to the router about a peer.
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
    pub(super) fn ask(self, ep: &mut Endpoints, slot: u32) {
        let remote = remote_of(ep, slot);
        let Some(key) = ep.connections.key(slot) else { return };
        let dialect = ep.connections.dialect(slot).unwrap_or(Dialect::Raw);
        let (session, origin) = (ep.bucket.id(slot), Origin { remote, dialect });
        let reply = ConnectReply::new(session, key.serial(), origin, ep.cx.mailbox().clone());
        let introduction = ep.connections.get_mut(slot).and_then(|it| it.extras.introduction_mut());
        let (identity, upgrade) = match introduction {
            Some(known) => (known.identity.take(), known.upgrade.clone()),
            None => (None, None),
        };
        if let Some(identity) = identity {
            // It was decided before the connection came.
            return reply.accept(*identity);
        }
        let request = Connect {
            app: self.app,
            token: self.token,
            ext: self.ext,
            remote,
            dialect,
            attempt: self.attempt,
            upgrade: self.upgrade.or(upgrade),
            #[cfg(feature = "tls")]
            client_certificate: certificate_of(ep, slot),
            renews: self.renews,
        };
        ep.cx.sink.connect(request, reply);
    }
}

impl Admission {
    /// Asks the router about a peer that wants a session, unless it is turned away.
    pub(in crate::shard) fn authenticate(
        &mut self,
        sessions: &mut Sessions,
        slot: u32,
        mut request: AuthRequest,
        attempt: u8,
    ) -> Result<(), Closed> {
        match request.continuity.take() {
            Some(continuity) => self.admit_numbered(sessions, slot, continuity)?,
            None if self.turn_away(sessions) => return Err(Closed::TurnedAway),
            None => {}
        }
        Question::of(request, attempt).ask(&mut sessions.endpoints, slot);
        Ok(())
    }

    /// Lets a peer in that can be told when to come back, unless its ticket or the crowd says that
    /// it comes too early.
    fn admit_numbered(
        &mut self,
        sessions: &mut Sessions,
        slot: u32,
        mut continuity: Continuity,
    ) -> Result<(), Closed> {
        let (ep, life) = (&sessions.endpoints, &sessions.lifecycle);
        let claim = life.resumption.open(&ep.cx, &continuity.ticket);
        let ticket = claim.as_ref().ok().and_then(|ticket| ticket.as_ref());
        let is_new = ticket.is_none();
        let too_early = ticket.and_then(|ticket| life.resumption.too_early(&ep.cx, ticket));
        let now = ep.cx.now;
        let after = match too_early {
            Some(left) => Some(left.max(self.gate.later(now))),
            // A peer that comes back takes its deliveries, and so frees memory.
            None if is_new && sessions.has_no_room() => Some(self.gate.later(now)),
            None => self.gate.admit(now).err(),
        };
        let ep = &mut sessions.endpoints;
        if let Some(after) = after {
            ep.cx.counters().turned_away.add(1);
            ep.refuse(slot, Code::OVERLOADED, Some(after), Refusal::Silent);
            return Err(Closed::TurnedAway);
        }
        continuity.ticket = Bytes::new();
        if let Some(member) = ep.bucket.get_mut(slot) {
            member.session.begin_comet(&ep.account, Hello { continuity, claim });
        }
        Ok(())
    }

    /// Whether a peer that cannot be told when to come back is not let in now. Nor can it say
    /// whether something is kept for it.
    pub(super) fn turn_away(&mut self, sessions: &mut Sessions) -> bool {
        let has_no_room = sessions.has_no_room();
        let cx = &sessions.endpoints.cx;
        let away = has_no_room || self.gate.admit(cx.now).is_err();
        cx.counters().turned_away.add(away.into());
        away
    }
}

/// Where the connection comes from: its socket's other end, or whom a proxy there speaks for, with
/// port 0.
fn remote_of(ep: &Endpoints, slot: u32) -> SocketAddr {
    let peer = peer_of(ep, slot);
    match ep.connections.get(slot).and_then(Connection::visitor) {
        Some(visitor) if visitor.address != peer.ip().to_canonical() => {
            SocketAddr::new(visitor.address, 0)
        }
        _ => peer,
    }
}

#[cfg(feature = "tls")]
fn certificate_of(ep: &Endpoints, slot: u32) -> Option<Box<crate::tls::ClientCertificate>> {
    ep.connections.get(slot)?.transport.client_certificate().map(Box::new)
}

pub(super) fn peer_of(ep: &Endpoints, slot: u32) -> SocketAddr {
    let peer = ep.connections.get(slot).and_then(|it| it.transport.peer_addr().ok());
    // A socket that has no peer any more is about to say so when it is read.
    peer.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))
}
