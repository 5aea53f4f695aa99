//! Places for the devices of a user, by the device policy.
//!
//! Not here: the policy (`devices`).

use super::super::command::Question;
use super::super::endpoints::Endpoints;
use crate::devices::{Claims, Crowded, Existing, Newcomer, Verdict};
use crate::identity::Identity;

/// Places that are kept for devices which have no session yet.
#[derive(Debug, Default)]
pub(super) struct Devices {
    claims: Claims,
}

impl Devices {
    /// Gives a device a place until it has a session, or says that it has none.
    pub(super) fn claim(
        &mut self,
        ep: &Endpoints,
        Question { user, class, device, then }: Question,
    ) {
        let found = living_sessions(ep, &user.app, &user.user);
        let mut existing: Vec<Existing<'_>> =
            found.iter().filter_map(|&slot| existing_in(ep, slot)).collect();
        existing.extend(self.claims.of(&user.app, &user.user));
        let newcomer = Newcomer { class: &class, device: &device };
        let policy = &ep.cx.shared.config.devices;
        let answer = match policy.admit(&newcomer, &existing) {
            Verdict::Refuse => Err(crowded(&policy.rivals(&newcomer, &existing), &existing)),
            Verdict::Admit { .. } => Ok(()),
        };
        drop(existing);
        let answer = answer.map(|()| self.claims.give(&user.app, &user.user, &class, &device));
        ep.cx.sink.answer(Box::new(move || then(answer)));
    }

    /// Sessions that end to make room for another device of the user, as the policy says.
    ///
    /// # Errors
    ///
    /// It has to stay out, for these.
    pub(super) fn admit(
        &self,
        ep: &Endpoints,
        slot: u32,
        identity: &Identity,
    ) -> Result<Vec<u32>, Crowded> {
        if identity.is_anonymous() {
            return Ok(Vec::new());
        }
        let mut found = living_sessions(ep, &identity.app, &identity.user);
        found.retain(|&other| other != slot && existing_in(ep, other).is_some());
        let existing: Vec<Existing<'_>> =
            found.iter().filter_map(|&other| existing_in(ep, other)).collect();
        let newcomer = Newcomer { class: &identity.class, device: &identity.device };
        let policy = &ep.cx.shared.config.devices;
        let Verdict::Admit { replaced, end } = policy.admit(&newcomer, &existing) else {
            return Err(crowded(&policy.rivals(&newcomer, &existing), &existing));
        };
        // Devices of the old dialects may have several connections where nothing is resumed.
        let fences = ep.connections.abilities(slot).tickets || !ep.cx.limits.resume_ttl.is_zero();
        let replaced = replaced.into_iter().filter(|_| fences);
        Ok(replaced.chain(end).map(|index| found[index]).collect())
    }
}

fn living_sessions(ep: &Endpoints, app: &str, user: &str) -> Vec<u32> {
    let mut found = Vec::new();
    ep.bucket.sessions_of(app, user, &mut found);
    found.retain(|&slot| ep.bucket.is_alive(slot));
    found
}

fn existing_in(ep: &Endpoints, slot: u32) -> Option<Existing<'_>> {
    let member = ep.bucket.get(slot)?;
    let (peer, since) = (member.peer.as_ref()?, member.since.into());
    Some(Existing { class: peer.class(), device: peer.device(), since })
}

fn crowded(rivals: &[usize], existing: &[Existing<'_>]) -> Crowded {
    Crowded { devices: rivals.iter().map(|&at| existing[at].device.into()).collect() }
}
