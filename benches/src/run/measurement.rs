//! Measurement of a window.

use std::time::Duration;

use crate::audience::{Losses, Reconnects};
use crate::latency::Latency;

/// Measurement of one thread, or of several together.
#[derive(Clone, Debug, Default)]
pub struct Measurement {
    /// From when messages that were due in the window were due to when they came.
    pub latency: Latency,
    /// From when they were due to when they were sent.
    pub lag: Latency,
    /// Deliveries that came in the window.
    pub arrived: u64,
    /// Deliveries in the window whose message was due in it.
    pub due: u64,
    /// Deliveries so late that it was not known any more when they were due.
    pub untimed: u64,
    /// Messages that were due in the window and sent.
    pub sent: u64,
    /// Messages that waited because a session could not take them.
    pub held_back: u64,
    /// Messages that were never sent for that reason: not the harness but the server held them up.
    pub unsent: u64,
    /// Times that a window of messages was opened again because nothing came.
    pub stalls: u64,
    /// Sessions that were cut in the run so far, and how they came back.
    pub reconnects: Reconnects,
    /// Connections and logins that the server took from sessions which read.
    pub losses: Losses,
    /// The window as it was in the end.
    pub window: Duration,
    /// CPU of each thread, in cores.
    pub busy: Vec<f64>,
}

/// More of a core than this, and a thread has no time left to be on time.
const BUSY: f64 = 0.9;
/// A lag that does not matter: the delay of a timer.
const LATE: f64 = 1.0;
/// The share of the times that may be the harness's own.
const SHARE: f64 = 0.25;

impl Measurement {
    /// Adds the measurement of another thread.
    pub fn merge(&mut self, other: &Self) {
        self.latency.merge(&other.latency);
        self.lag.merge(&other.lag);
        self.arrived += other.arrived;
        self.due += other.due;
        self.untimed += other.untimed;
        self.sent += other.sent;
        self.held_back += other.held_back;
        self.unsent += other.unsent;
        self.stalls += other.stalls;
        self.reconnects.merge(&other.reconnects);
        self.losses.merge(other.losses);
        self.window = self.window.max(other.window);
        self.busy.extend(&other.busy);
    }

    /// CPU of all threads together, in cores.
    #[must_use]
    pub fn cpu(&self) -> f64 {
        self.busy.iter().sum()
    }

    /// Reasons why the harness and not the server may have been the limit.
    #[must_use]
    pub fn limits(&self) -> Vec<String> {
        let mut limits = Vec::new();
        let busiest = self.busy.iter().copied().fold(0.0, f64::max);
        if busiest > BUSY {
            limits.push(format!(
                "a thread of the harness used {:.0} % of a core, more than {:.0} %",
                busiest * 100.0,
                BUSY * 100.0
            ));
        }
        let (lag, took) = (self.lag.ms(0.99), self.latency.ms(0.99));
        if lag > LATE && lag > SHARE * took {
            limits.push(format!(
                "messages were sent up to {lag:.2} ms (p99) after they were due, \
                 of {took:.2} ms until they came"
            ));
        }
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measurement(busy: f64, lag: u64, took: u64) -> Measurement {
        let mut measurement = Measurement { busy: vec![0.1, busy], ..Measurement::default() };
        measurement.lag.record(Duration::from_micros(lag));
        measurement.latency.record(Duration::from_micros(took));
        measurement
    }

    #[test]
    fn a_busy_thread_or_late_messages_are_a_limit_of_the_harness() {
        assert_eq!(measurement(0.9, 1_000, 2_000).limits(), Vec::<String>::new());
        let busy = "a thread of the harness used 95 % of a core, more than 90 %";
        assert_eq!(measurement(0.95, 0, 0).limits(), [busy]);
        let late = measurement(0.2, 1_500, 5_000).limits();
        assert_eq!(
            late,
            ["messages were sent up to 1.50 ms (p99) after they were due, \
                           of 5.00 ms until they came"]
        );
        assert!(measurement(0.2, 1_500, 7_000).limits().is_empty(), "a small part of what is slow");
    }

    #[test]
    fn what_threads_found_adds_up() {
        let mut all = Measurement { arrived: 5, sent: 1, ..measurement(0.5, 10, 10) };
        all.merge(&Measurement { arrived: 7, unsent: 2, ..measurement(0.6, 10, 10) });
        assert_eq!((all.arrived, all.sent, all.unsent, all.latency.len()), (12, 1, 2, 2));
        assert_eq!((all.busy.len(), all.limits().len()), (4, 0));
    }
}
