//! Memory of the budget held outside the shards: by an HTTP server beside the gateway, for the
//! answers that it is writing.

use std::sync::Arc;

use crate::budget::Budget;

/// Bytes of [`memory.budget`](crate::MemoryConfig::budget), held until this is dropped; see
/// [`Gateway::reserve_memory`](crate::Gateway::reserve_memory). Taking and giving back touches two
/// shared counters.
#[derive(Debug)]
pub struct Reservation {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Reservation {
    pub(crate) fn new(budget: Arc<Budget>, bytes: usize) -> Option<Self> {
        let mut reservation = Self { budget, bytes: 0 };
        reservation.resize(bytes).then_some(reservation)
    }

    /// Bytes held.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Changes the reservation to `bytes`. False, and nothing changed, if the budget has not
    /// enough; shrinking never fails.
    #[must_use]
    pub fn resize(&mut self, bytes: usize) -> bool {
        if bytes > self.bytes && !self.budget.reserve(bytes - self.bytes) {
            return false;
        }
        if bytes < self.bytes {
            self.budget.unreserve(self.bytes - bytes);
        }
        self.bytes = bytes;
        true
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.unreserve(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::{Account, Charge, Pressure};

    #[test]
    fn all_reservations_together_hold_an_eighth_and_give_it_back() {
        let budget = Arc::new(Budget::new(8_000, 1));
        let mut one = Reservation::new(Arc::clone(&budget), 600).unwrap();
        assert!(Reservation::new(Arc::clone(&budget), 401).is_none());
        let two = Reservation::new(Arc::clone(&budget), 400).unwrap();
        assert!(!one.resize(601));
        assert_eq!((one.bytes(), budget.reserved()), (600, 1_000));
        drop(two);
        assert!(one.resize(1_000) && one.resize(10));
        assert_eq!(budget.reserved(), 10);
        drop(one);
        assert_eq!(budget.reserved(), 0);
    }

    #[test]
    fn a_reservation_never_makes_memory_short_for_sessions() {
        let budget = Arc::new(Budget::new(6_400, 1));
        let account = Account::new(Arc::clone(&budget), 0);
        let mut charge = Charge::new(&account, 4_500).unwrap();
        assert!(Reservation::new(Arc::clone(&budget), 400).is_none());
        let some = Reservation::new(Arc::clone(&budget), 100).unwrap();
        assert_eq!(budget.pressure(), Pressure::None);
        charge.set(1_000).unwrap();
        drop(some);
        assert!(Reservation::new(budget, 400).is_some());
    }

    #[test]
    fn what_is_reserved_is_not_there_for_sessions() {
        let budget = Arc::new(Budget::new(6_400, 1));
        let account = Account::new(Arc::clone(&budget), 0);
        let held = Reservation::new(Arc::clone(&budget), 800).unwrap();
        assert!(Charge::new(&account, 5_600).is_err());
        drop(held);
        assert!(Charge::new(&account, 5_600).is_ok());
    }
}
