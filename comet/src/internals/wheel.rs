//! The timers of one shard.

use crate::time::Time;
use crate::wheel;

/// A timer wheel and its fired timers.
#[derive(Debug)]
pub struct Wheel {
    inner: wheel::Wheel,
    fired: Vec<u32>,
}

impl Wheel {
    /// A wheel without timers, at time 0.
    #[must_use]
    pub fn new() -> Self {
        Self { inner: wheel::Wheel::new(Time::START), fired: Vec::new() }
    }

    /// Sets a timer, replacing an earlier one of the slot.
    pub fn arm(&mut self, slot: u32, micros: u64) {
        self.inner.arm(slot, Time::from_micros(micros));
    }

    /// Advances time. Returns the slots whose timers fired, in no order.
    pub fn advance(&mut self, micros: u64) -> &[u32] {
        self.fired.clear();
        self.inner.advance(Time::from_micros(micros), &mut self.fired);
        &self.fired
    }

    /// Time of the next advance.
    pub fn next(&self) -> Option<u64> {
        self.inner.next().map(Time::as_micros)
    }
}

impl Default for Wheel {
    fn default() -> Self {
        Self::new()
    }
}
