//! Refused peers that cannot be told when to come back: held a few seconds before they are closed.
//!
//! Clients exist that connect again as soon as they are closed, 80 times a second. A connection
//! that is held is not read, and keeps nothing but its socket and its slot. So many may be held;
//! one more is closed at once, and so are all when the gateway drains.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::time::Duration;

use super::super::endpoints::Endpoints;
use super::Lifecycle;
use crate::Closed;
use crate::config::Config;

/// Connections of a shard that are held, and why each ends.
#[derive(Debug)]
pub(super) struct Refusals {
    held: HashMap<u32, Closed>,
    most: usize,
}

impl Refusals {
    /// This shard's share of held refusals: no more than a quarter of all connections.
    pub(super) fn new(config: &Config) -> Self {
        let most = config.handshake.held_refusals.min(config.limits.max_connections / 4);
        let most = if config.handshake.refusal_hold.is_zero() { 0 } else { most };
        Self { held: HashMap::new(), most: most.div_ceil(config.shards.max(1)) }
    }

    /// Whether there is a place for one more, which is then taken.
    fn hold(&mut self, slot: u32, closed: &Closed) -> bool {
        let has_place = self.held.len() < self.most;
        if has_place {
            self.held.insert(slot, closed.clone());
        }
        has_place
    }

    pub(super) fn release(&mut self, slot: u32) -> Option<Closed> {
        self.held.remove(&slot)
    }
}

impl Lifecycle {
    /// Whether the connection is held now instead of being closed for this reason.
    pub(in crate::shard) fn hold_refused(
        &mut self,
        ep: &mut Endpoints,
        slot: u32,
        closed: &Closed,
    ) -> bool {
        let is_refusal =
            matches!(closed, Closed::Refused | Closed::TurnedAway | Closed::AuthAttempts);
        if !is_refusal || ep.cx.is_draining {
            return false;
        }
        let Some(member) = ep.bucket.get(slot) else { return false };
        // A peer with a session is known to the router.
        let is_stranger = member.peer.is_none() && !member.session.state().is_closing();
        // A raw peer is told by HTTP.
        let is_mute = ep.connections.dialect(slot).is_some_and(|dialect| {
            let abilities = dialect.abilities();
            abilities.retries && !abilities.reasons
        });
        if !is_stranger || !is_mute || !self.refusals.hold(slot, closed) {
            return false;
        }
        let until = ep.cx.now + refusal_hold(ep, slot);
        if let Some(member) = ep.bucket.get_mut(slot) {
            member.session.hold(until);
        }
        ep.connections.end_input(slot);
        ep.rearm(slot);
        true
    }

    /// Closes a connection that was held long enough.
    pub(in crate::shard) fn release_refused(&mut self, ep: &mut Endpoints, slot: u32) {
        if let Some(closed) = self.refusals.release(slot) {
            self.end_for_good(ep, slot, &closed);
        }
    }

    /// Closes all that are held: the gateway drains.
    pub(in crate::shard) fn release_all_refused(&mut self, ep: &mut Endpoints) {
        let slots: Vec<u32> = self.refusals.held.keys().copied().collect();
        slots.into_iter().for_each(|slot| self.release_refused(ep, slot));
    }

    pub(in crate::shard) fn is_held(&self, slot: u32) -> bool {
        self.refusals.held.contains_key(&slot)
    }
}

/// From two fifths of the longest time to all of it.
fn refusal_hold(ep: &Endpoints, slot: u32) -> Duration {
    let most = ep.cx.shared.config.handshake.refusal_hold;
    let chance = ep.cx.shared.keys.hash_one(ep.connections.key(slot)) % 1_000;
    let more = u32::try_from(chance).unwrap_or(0);
    most * 2 / 5 + most * 3 / 5 * more / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusals(config: &Config) -> Refusals {
        Refusals::new(config)
    }

    #[test]
    fn so_many_are_held_and_no_more_until_one_is_released() {
        let mut refusals =
            refusals(&Config::default().shards(2).handshake(|it| it.held_refusals = 5));
        let held = (0..9).filter(|&slot| refusals.hold(slot, &Closed::Refused)).count();
        assert_eq!(held, 3, "this shard's share");
        assert_eq!(refusals.release(1), Some(Closed::Refused));
        assert_eq!(refusals.release(1), None);
        assert!(refusals.hold(7, &Closed::TurnedAway));
        assert!(!refusals.hold(8, &Closed::TurnedAway));
    }

    #[test]
    fn most_connections_are_left_to_those_who_are_let_in() {
        let config = Config::default().shards(1).limits(|it| it.max_connections = 100);
        let mut refusals = refusals(&config);
        assert_eq!((0..100).filter(|&slot| refusals.hold(slot, &Closed::Refused)).count(), 25);
    }

    #[test]
    fn without_a_time_nobody_is_held() {
        let config = Config::default().handshake(|it| it.refusal_hold = Duration::ZERO);
        assert!(!refusals(&config).hold(1, &Closed::Refused));
    }
}
