//! Claimed places: peers admitted by the policy that have no session yet.
//!
//! Between the admission of a device and its session the router may act, to store the device for
//! instance. Without a record of pending devices, two that come at once would both be admitted to
//! the same place.
//!
//! Not here: sessions, and the callers (`shard`).

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use super::Existing;

/// A place given by a [`DevicePolicy`](crate::DevicePolicy): held until dropped, or until the
/// session opens under the [`Identity`](crate::Identity) that [has it](crate::Identity::claim).
#[derive(Debug, Default)]
#[must_use = "dropping it gives the place back"]
pub struct Claim(Arc<()>);

/// The [`DevicePolicy`](crate::DevicePolicy) has no place for another device: existing ones stay.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("other devices of the user stay")]
#[non_exhaustive]
pub struct Crowded {
    /// Names of the devices that stay, the oldest session first; empty for one without a name.
    pub devices: Vec<Box<str>>,
}

/// Claims of the users that live on one shard.
///
/// About 150 bytes for each login between claim and session. Ended claims are removed when their
/// user asks again, or in a sweep once they are the majority.
#[derive(Debug)]
pub(crate) struct Claims {
    users: HashMap<(Box<str>, Box<str>), Vec<Pending>>,
    /// Number of users at which ended claims are swept.
    sweep_at: usize,
}

/// Minimum number of users for a sweep.
const SWEEP: usize = 64;

#[derive(Debug)]
struct Pending {
    class: Box<str>,
    device: Box<str>,
    claim: Weak<()>,
}

impl Default for Claims {
    fn default() -> Self {
        Self { users: HashMap::new(), sweep_at: SWEEP }
    }
}

impl Claims {
    /// The user's claims, as its newest sessions.
    pub(crate) fn of(&mut self, app: &str, user: &str) -> impl Iterator<Item = Existing<'_>> {
        let name = (app.into(), user.into());
        if let Some(pending) = self.users.get_mut(&name) {
            pending.retain(Pending::is_alive);
            if pending.is_empty() {
                self.users.remove(&name);
            }
        }
        self.users.get(&name).into_iter().flatten().map(Pending::as_existing)
    }

    /// Gives a place to a device.
    pub(crate) fn give(&mut self, app: &str, user: &str, class: &str, device: &str) -> Claim {
        if self.users.len() >= self.sweep_at {
            self.users.retain(|_, pending| pending.iter().any(Pending::is_alive));
            self.sweep_at = SWEEP.max(self.users.len() * 2);
        }
        let claim = Claim::default();
        let pending =
            Pending { class: class.into(), device: device.into(), claim: Arc::downgrade(&claim.0) };
        self.users.entry((app.into(), user.into())).or_default().push(pending);
        claim
    }
}

impl Pending {
    fn is_alive(&self) -> bool {
        self.claim.strong_count() > 0
    }

    fn as_existing(&self) -> Existing<'_> {
        Existing { class: &self.class, device: &self.device, since: u64::MAX }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices(claims: &mut Claims, user: &str) -> Vec<String> {
        claims.of("im", user).map(|other| other.device.to_owned()).collect()
    }

    #[test]
    fn a_claim_counts_until_it_is_dropped() {
        let mut claims = Claims::default();
        let first = claims.give("im", "al", "phone", "a");
        let second = claims.give("im", "al", "phone", "b");
        let other = claims.give("im", "bo", "phone", "c");
        assert_eq!(devices(&mut claims, "al"), ["a", "b"]);
        drop(first);
        assert_eq!(devices(&mut claims, "al"), ["b"]);
        drop((second, other));
        assert!(devices(&mut claims, "al").is_empty());
        assert!(devices(&mut claims, "bo").is_empty());
        assert!(claims.users.is_empty());
    }

    #[test]
    fn ended_claims_of_users_who_do_not_come_back_do_not_pile_up() {
        let mut claims = Claims::default();
        let kept = claims.give("im", "al", "phone", "a");
        for n in 0..10_000 {
            drop(claims.give("im", &n.to_string(), "phone", "x"));
            assert!(claims.users.len() <= SWEEP);
        }
        assert_eq!(devices(&mut claims, "al"), ["a"]);
        drop(kept);
    }
}
