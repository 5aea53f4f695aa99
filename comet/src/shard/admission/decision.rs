//! Decisions of the router about peers, carried out.

use comet_protocol::codec::Refusal;
use comet_protocol::comet::Code;
use comet_protocol::ws::handshake::{self, HandshakeError};

use super::super::command::{Decision, Told};
use super::super::connections::{ConnectionKey, Side};
use super::super::endpoints::Endpoints;
use super::super::lifecycle::Opened;
use super::super::sessions::Sessions;
use super::Admission;
use crate::identity::Identity;
use crate::{Closed, SessionId};

/// HTTP status of a raw peer's refusal unless the router says otherwise.
const FORBIDDEN: u16 = 403;

impl Admission {
    /// Carries out the router's decision about a peer, if it is still there.
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
        if session.is_some_and(|session| session.state().is_renewing()) {
            return self.decide_renewal(sessions, slot, decision);
        }
        if !session.is_some_and(|session| session.state().is_authenticating()) {
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
    let Some(retries) = member.session.state_mut().refuse(&ep.cx.limits) else { return };
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
        connection.is_some_and(|it| it.serial == serial && it.state.peer == Side::Open)
    });
    let is_awaited = slot.and_then(|slot| ep.bucket.get(slot)).is_some_and(|member| {
        member.session.state().is_renewing() || member.session.state().is_authenticating()
    });
    ep.cx.sink.answer(Box::new(move || then.0(is_awaited)));
}
