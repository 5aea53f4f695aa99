//! Authentication: questions to the router about peers, and what it decides.

use bytes::Bytes;
use comet_protocol::codec::{AuthRequest, Continuity, Refusal};
use comet_protocol::comet::Code;
use comet_protocol::ws::handshake::{self, HandshakeError};

use super::super::command::{Decision, Told};
use super::super::connections::ConnectionKey;
use super::super::endpoints::Endpoints;
use super::super::lifecycle::Opened;
use super::super::sessions::Sessions;
use super::Admission;
use super::question::Question;
use crate::identity::Identity;
use crate::session::Hello;
use crate::{Closed, SessionId};

/// HTTP status of a raw peer's refusal unless the router says otherwise.
const FORBIDDEN: u16 = 403;

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
        Question::of(request, attempt).ask(&sessions.endpoints, slot);
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
            // A peer that comes back takes what is kept for it, and so gives memory back.
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
            member.session.converse(&ep.account, Hello { continuity, claim });
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

    /// Does what the router decided about a peer, if it is still there.
    pub(in crate::shard) fn decide(
        &mut self,
        sessions: &mut Sessions,
        id: SessionId,
        serial: u32,
        decision: Decision,
    ) {
        let ep = &mut sessions.endpoints;
        let Some(slot) = ep.bucket.find(id) else { return };
        if !ep.connections.has(ConnectionKey::new(slot, serial)) {
            // The session has another connection by now.
            return;
        }
        if let Decision::Wait(time) = decision {
            return sessions.lifecycle.extend_handshake(ep, slot, time);
        }
        let session = ep.bucket.get(slot).map(|member| &member.session);
        if session.is_some_and(|session| session.is_renewing()) {
            return self.decide_renewal(sessions, slot, decision);
        }
        if !session.is_some_and(|session| session.is_authenticating()) {
            return;
        }
        match decision {
            Decision::Accept(identity) => self.accept_peer(sessions, slot, identity),
            Decision::Refuse(body) => refuse_peer(sessions, slot, FORBIDDEN, &body),
            Decision::RefuseHttp { status, body } => refuse_peer(sessions, slot, status, &body),
            Decision::Close => {
                ep.cx.counters().refused.add(1);
                ep.refuse_raw(slot, &HandshakeError::Forbidden);
                ep.refuse(slot, Code::UNAUTHENTICATED, None, Refusal::Silent);
                sessions.end(slot, &Closed::Refused);
            }
            Decision::Wait(_) => {}
            Decision::Later(after) => {
                ep.cx.counters().turned_away.add(1);
                ep.refuse_raw(slot, &HandshakeError::Unavailable);
                ep.refuse(slot, Code::UNAVAILABLE, Some(after), Refusal::Silent);
                sessions.end(slot, &Closed::TurnedAway);
            }
        }
        sessions.endpoints.resume(slot);
    }

    fn accept_peer(&mut self, sessions: &mut Sessions, slot: u32, identity: Box<Identity>) {
        let cx = &sessions.endpoints.cx;
        cx.counters().authenticated.add(1);
        let home = match identity.is_anonymous() {
            true => cx.index,
            false => cx.shared.homes.of(&identity.app, &identity.user),
        };
        if home == cx.index {
            self.open(sessions, slot, *identity);
        } else {
            super::handoff::send_home(sessions, slot, identity, home);
        }
    }

    /// Opens the session of an accepted peer.
    pub(super) fn open(&mut self, sessions: &mut Sessions, slot: u32, identity: Identity) {
        let (ep, life) = (&mut sessions.endpoints, &mut sessions.lifecycle);
        if life.open(ep, slot, identity) == Opened::Done {
            return;
        }
        ep.cx.counters().turned_away.add(1);
        if !ep.refuse_raw(slot, &HandshakeError::Unavailable) {
            let after = self.gate.later(ep.cx.now);
            ep.refuse(slot, Code::OVERLOADED, Some(after), Refusal::Silent);
        }
        life.end_unopened(ep, slot, &Closed::TurnedAway);
    }
}

/// `status` is for a raw peer, whose answer is HTTP.
fn refuse_peer(sessions: &mut Sessions, slot: u32, status: u16, body: &[u8]) {
    let ep = &mut sessions.endpoints;
    ep.cx.counters().refused.add(1);
    if ep.connections.is_deciding(slot) {
        let mut response = Vec::with_capacity(256 + body.len());
        handshake::write_refusal(&mut response, status, body);
        if let Some(mut out) = ep.out(slot) {
            out.bytes(&response);
        }
        return sessions.end(slot, &Closed::Refused);
    }
    if !ep.connections.abilities(slot).retries {
        ep.refuse(slot, Code::UNAUTHENTICATED, None, Refusal::Said(body));
        return sessions.end(slot, &Closed::Refused);
    }
    let Some(member) = ep.bucket.get_mut(slot) else { return };
    let Some(retries) = member.session.refuse(&ep.cx.limits) else { return };
    ep.refuse(slot, Code::UNAUTHENTICATED, None, Refusal::Said(body));
    if let Err(closed) = retries {
        sessions.end(slot, &closed);
    }
}

/// Tells the router whether a peer still waits for its decision.
pub(in crate::shard) fn tell_awaited(ep: &Endpoints, id: SessionId, serial: u32, then: Told) {
    let slot = ep.bucket.find(id).filter(|&slot| {
        let connection = ep.connections.get(slot);
        // It is not read while it waits, so that only the event tells of its end.
        connection.is_some_and(|it| it.serial == serial && !it.state.ending)
    });
    let is_awaited = slot
        .and_then(|slot| ep.bucket.get(slot))
        .is_some_and(|member| member.session.is_renewing() || member.session.is_authenticating());
    ep.cx.sink.answer(Box::new(move || then.0(is_awaited)));
}
