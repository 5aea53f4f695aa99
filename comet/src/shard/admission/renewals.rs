//! Peers of open sessions that authenticate again: clients renew their tokens, and some repeat an
//! auth frame whose answer was slow.
//!
//! The router is asked again. The same user on the same device gets the same answer, and its
//! identity may expire at another time from then on; anybody else ends the session. Until the
//! router has answered, no further frame of the connection is looked at.

use std::collections::HashMap;
use std::time::Duration;

use comet_protocol::codec::{AuthRequest, Refusal};
use comet_protocol::comet::{Code, Loss};

use super::super::command::Decision;
use super::super::endpoints::Endpoints;
use super::super::sessions::Sessions;
use super::Admission;
use super::authentication::Question;
use crate::identity::{Identity, Peer};
use crate::time::Time;
use crate::{Closed, SessionId};

/// Rate of repeated authentications: a burst for each session, and then one a second.
///
/// Costs some 30 bytes for each session that did within the last seconds.
#[derive(Debug)]
pub(super) struct Renewals {
    /// When a session may use all of its burst again.
    full_at: HashMap<SessionId, Time>,
    /// Sessions at which those that may are looked for.
    sweep_at: usize,
}

/// After which one more attempt may be made.
const INTERVAL: Duration = Duration::from_secs(1);

/// The fewest sessions that are worth a sweep.
const SWEEP: usize = 64;

impl Default for Renewals {
    fn default() -> Self {
        Self { full_at: HashMap::new(), sweep_at: SWEEP }
    }
}

impl Renewals {
    /// Admits an attempt of a session at `now`, in bursts of `burst`.
    fn admit(&mut self, session: SessionId, now: Time, burst: u8) -> bool {
        if self.full_at.len() >= self.sweep_at {
            self.full_at.retain(|_, full_at| *full_at > now);
            self.sweep_at = SWEEP.max(self.full_at.len() * 2);
        }
        let known = self.full_at.get(&session).copied().unwrap_or(now);
        let full_at = known.max(now) + INTERVAL;
        let admitted = full_at.since(now) <= INTERVAL * u32::from(burst);
        if admitted {
            self.full_at.insert(session, full_at);
        }
        admitted
    }
}

impl Admission {
    /// Asks the router again about the peer of an open session.
    pub(in crate::shard) fn renew(
        &mut self,
        ep: &mut Endpoints,
        slot: u32,
        request: AuthRequest,
    ) -> Result<(), Closed> {
        let id = ep.bucket.id(slot);
        if !self.renewals.admit(id, ep.cx.now, ep.cx.shared.config.handshake.attempts) {
            return Err(Closed::AuthAttempts);
        }
        let Some(member) = ep.bucket.get_mut(slot) else { return Ok(()) };
        let renews = member.peer.clone();
        let attempt = member.session.state_mut().begin_renewal(request.seq);
        Question { renews, ..Question::of(request, attempt) }.ask(ep, slot);
        Ok(())
    }

    /// Carries out the router's decision about a peer that has a session.
    pub(super) fn decide_renewal(&self, sessions: &mut Sessions, slot: u32, decision: Decision) {
        let ep = &mut sessions.endpoints;
        let Some(member) = ep.bucket.get_mut(slot) else { return };
        let Some(seq) = member.session.state_mut().end_renewal() else { return };
        let renewed = match (&decision, &member.peer) {
            (Decision::Accept(identity), Some(peer)) if is_same(peer, identity) => Some(identity),
            // It cannot be told now who this is: no reason to end what is there, nor to answer.
            (Decision::Later(_), _) => return ep.resume(slot),
            _ => None,
        };
        if let Some(identity) = renewed {
            sessions.lifecycle.set_expiry(ep, slot, identity.validity());
            sessions.lifecycle.welcome(ep, slot, seq, true, Loss::None);
            return ep.resume(slot);
        }
        ep.cx.counters().refused.add(1);
        if let Decision::Refuse(body) | Decision::RefuseHttp { body, .. } = decision {
            ep.refuse(slot, Code::UNAUTHENTICATED, None, Refusal::Said(&body));
        }
        sessions.end_for_good(slot, &Closed::NotRenewed);
    }
}

fn is_same(peer: &Peer, identity: &Identity) -> bool {
    (peer.app(), peer.user(), peer.device()) == (&*identity.app, &*identity.user, &*identity.device)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(slot: u32) -> SessionId {
        SessionId::new(0, slot, 1)
    }

    #[test]
    fn a_session_has_a_burst_and_then_one_a_second() {
        let mut renewals = Renewals::default();
        let mut now = Time::from_micros(5_000_000);
        assert_eq!((0..50).filter(|_| renewals.admit(session(1), now, 5)).count(), 5);
        assert!(renewals.admit(session(2), now, 5));
        for _ in 0..10 {
            now = now + INTERVAL;
            assert_eq!((0..50).filter(|_| renewals.admit(session(1), now, 5)).count(), 1);
        }
    }

    #[test]
    fn sessions_that_may_do_all_again_are_forgotten() {
        let mut renewals = Renewals::default();
        for slot in 0..10_000 {
            let now = Time::from_micros(u64::from(slot) * 1_000_000);
            assert!(renewals.admit(session(slot), now, 5));
            assert!(renewals.full_at.len() <= SWEEP);
        }
    }
}
