//! Deliveries in the measuring window, and their delay.

use std::ops::Range;

use comet_protocol::client::Time;

use crate::latency::Latency;

/// Counts and times deliveries.
#[derive(Clone, Debug)]
pub struct Meter {
    /// The measuring window.
    pub window: Range<Time>,
    /// From when messages that were due in the window were due to when they came.
    pub latency: Latency,
    /// The same of everything that came since this was last taken.
    pub recent: Latency,
    /// Deliveries that came, at any time.
    pub arrived: u64,
    /// Deliveries that came in the window.
    pub arrived_within: u64,
    /// Deliveries that came in the window and whose message was due in it.
    pub due_within: u64,
    /// Deliveries so late that it was not known any more when they were due.
    pub untimed: u64,
}

impl Meter {
    /// One that measures in this window.
    #[must_use]
    pub fn new(window: Range<Time>) -> Self {
        Self {
            window,
            latency: Latency::new(),
            recent: Latency::new(),
            arrived: 0,
            arrived_within: 0,
            due_within: 0,
            untimed: 0,
        }
    }

    /// A message is not waited for any more: it took at least until now.
    pub fn handle_missing(&mut self, now: Time, due: Time) {
        if self.window.contains(&due) {
            self.latency.record(now.since(due));
        }
    }

    /// A message came; it may not be known when it was due.
    pub fn handle(&mut self, now: Time, due: Option<Time>) {
        self.arrived += 1;
        let is_within = self.window.contains(&now);
        self.arrived_within += u64::from(is_within);
        let Some(due) = due else {
            self.untimed += 1;
            return;
        };
        let took = now.since(due);
        self.recent.record(took);
        if self.window.contains(&due) {
            self.due_within += u64::from(is_within);
            self.latency.record(took);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    #[test]
    fn only_what_was_due_in_the_window_is_timed_however_late_it_comes() {
        let mut meter = Meter::new(at(100)..at(200));
        for (now, due) in [(90, 80), (110, 95), (150, 149), (199, 100), (230, 199), (250, 240)] {
            meter.handle(at(now), Some(at(due)));
        }
        meter.handle(at(120), None);
        assert_eq!((meter.arrived, meter.arrived_within, meter.due_within), (7, 4, 2));
        assert_eq!(meter.untimed, 1);
        assert_eq!((meter.latency.len(), meter.recent.len()), (3, 6));
        assert!((meter.latency.ms(1.0) - 99.0).abs() < 0.1, "{}", meter.latency.ms(1.0));
        [99, 150].into_iter().for_each(|due| meter.handle_missing(at(400), at(due)));
        assert_eq!((meter.arrived, meter.latency.len()), (7, 4));
        assert!((meter.latency.ms(1.0) - 250.0).abs() < 0.3, "{}", meter.latency.ms(1.0));
    }
}
