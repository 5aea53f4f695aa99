//! Fairness between sessions that stay and connections that come or end by the thousand: the
//! latter have a share of each turn, and wait in order for the next. A turn is cheaper for each
//! newcomer the more of them it reads, so their share is larger while no session is active.
//!
//! Not here: reading a newcomer (`input`), ending a leaver (`ending`).

use std::collections::VecDeque;

use super::super::connections::ConnectionKey;
use super::super::readiness::Ready;

/// Reads of connections without a session in one turn.
const NEWCOMERS: usize = 16;

/// The same in a turn after one in which no session was active: the first that is then waits for
/// two milliseconds at most, and those behind it no longer.
const NEWCOMERS_ALONE: usize = 64;

/// Those of a turn that may be in a TLS handshake: a signature and an exchange of keys take as long
/// as many ordinary reads. So they keep sessions waiting for less than a millisecond.
const HANDSHAKES: usize = 4;

/// Connections that end in one turn.
const LEAVERS: usize = 32;

/// Shares left in this turn, and connections that wait for the next.
#[derive(Debug, Default)]
pub(in crate::shard) struct Fairness {
    /// Connections without a session that have something to be read.
    newcomers: Waiting<ConnectionKey>,
    /// Connections that end, with the report of it.
    leavers: Waiting<(ConnectionKey, Ready)>,
    /// What a handshake takes of this turn's share of newcomers.
    handshake: usize,
    /// Sessions have something to do in this turn.
    is_busy: bool,
}

#[derive(Debug)]
struct Waiting<T> {
    queue: VecDeque<T>,
    left: usize,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self { queue: VecDeque::new(), left: 0 }
    }
}

impl Fairness {
    /// Gives both their shares of the turn that begins.
    pub(in crate::shard) fn begin_turn(&mut self) {
        let newcomers = if self.is_busy { NEWCOMERS } else { NEWCOMERS_ALONE };
        self.newcomers.left = newcomers;
        self.handshake = newcomers / HANDSHAKES;
        self.leavers.left = LEAVERS;
        self.is_busy = false;
    }

    /// A session has something to do in this turn.
    #[inline]
    pub(in crate::shard) fn note_busy(&mut self) {
        self.is_busy = true;
    }

    /// Takes the turn's share of reading one newcomer, which may be in a TLS handshake; false if
    /// there is none left, and it has to [wait](Self::put_off_newcomer).
    pub(in crate::shard) fn admit_newcomer(&mut self, is_handshaking: bool) -> bool {
        let is_admitted = self.newcomers.left > 0;
        let cost = if is_handshaking { self.handshake } else { 1 };
        self.newcomers.left = self.newcomers.left.saturating_sub(cost);
        is_admitted
    }

    pub(in crate::shard) fn put_off_newcomer(&mut self, key: ConnectionKey) {
        self.newcomers.queue.push_back(key);
    }

    /// Newcomers that wait, of which [`next_newcomer`](Self::next_newcomer) gives as many as may be
    /// read in this turn.
    pub(in crate::shard) fn newcomers(&self) -> usize {
        self.newcomers.queue.len()
    }

    pub(in crate::shard) fn next_newcomer(&mut self) -> Option<ConnectionKey> {
        if self.newcomers.left > 0 { self.newcomers.queue.pop_front() } else { None }
    }

    /// Whether one more connection may end in this turn; if not, it has to
    /// [wait](Self::put_off_end).
    pub(in crate::shard) fn may_end(&self) -> bool {
        self.leavers.left > 0
    }

    /// Takes the turn's share of ending one.
    pub(in crate::shard) fn count_end(&mut self) {
        self.leavers.left = self.leavers.left.saturating_sub(1);
    }

    pub(in crate::shard) fn put_off_end(&mut self, key: ConnectionKey, ready: Ready) {
        self.leavers.queue.push_back((key, ready));
    }

    /// Leavers that wait, of which [`next_leaver`](Self::next_leaver) gives as many as may end.
    pub(in crate::shard) fn leavers(&self) -> usize {
        self.leavers.queue.len()
    }

    pub(in crate::shard) fn next_leaver(&mut self) -> Option<(ConnectionKey, Ready)> {
        if self.may_end() { self.leavers.queue.pop_front() } else { None }
    }

    /// Whether any wait for the next turn.
    pub(in crate::shard) fn has_waiting(&self) -> bool {
        !self.newcomers.queue.is_empty() || !self.leavers.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::readiness::Token;

    fn key(slot: u32) -> ConnectionKey {
        ConnectionKey::new(slot, 1)
    }

    /// At the beginning of a turn after a busy one.
    fn busy() -> Fairness {
        let mut fairness = Fairness::default();
        fairness.note_busy();
        fairness.begin_turn();
        fairness
    }

    #[test]
    fn newcomers_beyond_the_share_of_a_turn_wait_in_order() {
        let mut fairness = busy();
        let put_off: Vec<u32> = (0..20).filter(|_| !fairness.admit_newcomer(false)).collect();
        assert_eq!(put_off, [16, 17, 18, 19]);
        put_off.into_iter().for_each(|slot| fairness.put_off_newcomer(key(slot)));
        assert_eq!((fairness.next_newcomer(), fairness.has_waiting()), (None, true));
        fairness.begin_turn();
        assert_eq!(fairness.newcomers(), 4);
        let next: Vec<_> = std::iter::from_fn(|| fairness.next_newcomer()).collect();
        assert_eq!(next, [16, 17, 18, 19].map(key));
        assert!(!fairness.has_waiting());
    }

    #[test]
    fn newcomers_have_a_larger_share_after_a_turn_without_sessions_and_handshakes_have_not() {
        let mut fairness = busy();
        fairness.begin_turn();
        assert_eq!((0..100).filter(|_| fairness.admit_newcomer(false)).count(), 64);
        fairness.begin_turn();
        assert_eq!((0..100).filter(|_| fairness.admit_newcomer(true)).count(), 4);
        fairness.note_busy();
        fairness.begin_turn();
        assert_eq!((0..100).filter(|_| fairness.admit_newcomer(false)).count(), 16);
    }

    #[test]
    fn handshakes_use_up_a_turn_sooner_than_others() {
        let mut fairness = busy();
        assert_eq!((0..20).filter(|_| fairness.admit_newcomer(true)).count(), 4);
        assert!(!fairness.admit_newcomer(false));
        fairness.begin_turn();
        assert!(fairness.admit_newcomer(false), "they do not keep others out of a turn");
        assert_eq!((0..20).filter(|_| fairness.admit_newcomer(true)).count(), 4);
    }

    #[test]
    fn leavers_are_given_out_as_long_as_the_turn_has_a_share_for_them() {
        let ready = Ready {
            token: Token(0),
            readable: false,
            writable: false,
            read_closed: true,
            error: false,
        };
        let mut fairness = Fairness::default();
        fairness.begin_turn();
        while fairness.may_end() {
            fairness.count_end();
        }
        (0..40).for_each(|slot| fairness.put_off_end(key(slot), ready));
        assert_eq!(fairness.next_leaver(), None);
        fairness.begin_turn();
        for slot in 0..32 {
            assert_eq!(fairness.next_leaver(), Some((key(slot), ready)));
            fairness.count_end();
        }
        assert_eq!((fairness.next_leaver(), fairness.leavers()), (None, 8));
    }
}
