//! Faults that a proxy injects into connections.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Ways in which a connection breaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    /// A reset, after some more bytes.
    Reset { after: usize },
    /// The direction towards one end is closed; further bytes are swallowed.
    HalfClose { towards: usize },
}

/// Draws faults at a rate.
#[derive(Debug)]
pub(super) struct Faults {
    rng: StdRng,
    /// Of one connection in one tick.
    chance: f64,
}

/// Time between two draws of faults.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// Bytes after which a reset comes: within the next few packets.
const NEAR: usize = 2_000;

impl Faults {
    pub(super) fn new(seed: u64, every: Duration) -> Self {
        let chance = if every.is_zero() { 0.0 } else { TICK.as_secs_f64() / every.as_secs_f64() };
        Self { rng: StdRng::seed_from_u64(seed), chance: chance.min(1.0) }
    }

    /// The fault of a connection in this tick.
    pub(super) fn draw(&mut self) -> Option<Fault> {
        if !self.rng.random_bool(self.chance) {
            return None;
        }
        Some(match self.rng.random_range(0..4) {
            0 => Fault::Reset { after: 0 },
            1 => Fault::Reset { after: self.rng.random_range(1..NEAR) },
            2 => Fault::HalfClose { towards: 0 },
            _ => Fault::HalfClose { towards: 1 },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_break_at_the_rate_that_was_asked_for() {
        let mut faults = Faults::new(1, Duration::from_secs(10));
        let drawn: Vec<Fault> = (0..100_000).filter_map(|_| faults.draw()).collect();
        assert!((900..1_100).contains(&drawn.len()), "{} of 1,000", drawn.len());
        let halves = drawn.iter().filter(|fault| matches!(fault, Fault::HalfClose { .. }));
        assert!((400..600).contains(&halves.count()));
        let mut none = Faults::new(1, Duration::ZERO);
        assert!((0..1_000).all(|_| none.draw().is_none()));
    }
}
