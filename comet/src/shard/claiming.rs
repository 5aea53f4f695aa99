//! Which devices of a user have a place: what the policy says, carried out.
//!
//! Not here: the policy (`devices`).

use std::fmt;

use super::Shard;
use super::command::UserName;
use crate::Closed;
use crate::devices::{Claim, Crowded, Existing, Newcomer, Verdict};
use crate::identity::Identity;

/// What is done with the answer to a question for a place.
pub(crate) type Then = Box<dyn FnOnce(Result<Claim, Crowded>) + Send>;

/// A router asks for a place for a device.
pub(crate) struct Question {
    pub(crate) user: UserName,
    pub(crate) class: Box<str>,
    pub(crate) device: Box<str>,
    pub(crate) then: Then,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("user", &self.user)
            .field("class", &self.class)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

impl Shard {
    /// Gives a device a place until it has a session, or says that it has none.
    pub(super) fn claim(&mut self, Question { user, class, device, then }: Question) {
        let found = self.living_sessions(&user.app, &user.user);
        let mut claims = std::mem::take(&mut self.claims);
        let mut existing: Vec<Existing<'_>> =
            found.iter().filter_map(|&slot| self.existing(slot)).collect();
        existing.extend(claims.of(&user.app, &user.user));
        let newcomer = Newcomer { class: &class, device: &device };
        let policy = &self.shared.config.devices;
        let answer = match policy.admit(&newcomer, &existing) {
            Verdict::Refuse => Err(crowded(&policy.rivals(&newcomer, &existing), &existing)),
            Verdict::Admit { .. } => Ok(()),
        };
        drop(existing);
        let answer = answer.map(|()| claims.give(&user.app, &user.user, &class, &device));
        self.claims = claims;
        self.sink.answer(Box::new(move || then(answer)));
    }

    /// Makes room for another device of the user, as the policy says.
    ///
    /// # Errors
    ///
    /// It has to stay out, for these.
    pub(super) fn admit_device(&mut self, slot: u32, identity: &Identity) -> Result<(), Crowded> {
        if identity.is_anonymous() {
            return Ok(());
        }
        let mut found = self.living_sessions(&identity.app, &identity.user);
        found.retain(|&other| other != slot && self.existing(other).is_some());
        let existing: Vec<Existing<'_>> =
            found.iter().filter_map(|&other| self.existing(other)).collect();
        let newcomer = Newcomer { class: &identity.class, device: &identity.device };
        let policy = &self.shared.config.devices;
        let Verdict::Admit { replaced, end } = policy.admit(&newcomer, &existing) else {
            return Err(crowded(&policy.rivals(&newcomer, &existing), &existing));
        };
        // Devices of the old dialects may have several connections where nothing is resumed.
        let fences = self.speaks_comet(slot) || !self.limits.resume_ttl.is_zero();
        let replaced = replaced.into_iter().filter(|_| fences);
        for index in replaced.chain(end) {
            self.end_for_good(found[index], &Closed::Replaced);
        }
        Ok(())
    }

    fn living_sessions(&self, app: &str, user: &str) -> Vec<u32> {
        let mut found = Vec::new();
        self.bucket.sessions_of(app, user, &mut found);
        found.retain(|&slot| self.bucket.get(slot).is_some_and(|it| it.session.is_alive()));
        found
    }

    fn existing(&self, slot: u32) -> Option<Existing<'_>> {
        let member = self.bucket.get(slot)?;
        let (peer, since) = (member.peer.as_ref()?, member.since.into());
        Some(Existing { class: peer.class(), device: peer.device(), since })
    }
}

fn crowded(rivals: &[usize], existing: &[Existing<'_>]) -> Crowded {
    Crowded { devices: rivals.iter().map(|&at| existing[at].device.into()).collect() }
}
