//! Orders to the threads of a run, and their replies.

use std::ops::Range;

use super::Measurement;
use crate::driver::Time;
use crate::latency::Latency;

/// Pace of opening sessions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OpenPace {
    /// Time of the first.
    pub from: Time,
    /// Sessions a second of all threads together; otherwise as fast as possible.
    pub rate: Option<f64>,
    /// Connections of one thread under way at once.
    pub concurrency: usize,
}

/// Pace of messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Never.
    Silent,
    /// Messages a second of all threads together, at an even rate.
    Open(f64),
    /// As long as a publisher has fewer than this many under way.
    Closed(u32),
}

/// An order to a thread.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Order {
    /// Open the sessions, again if they were closed.
    Open(OpenPace),
    /// Close all sessions.
    CloseAll,
    /// Let messages flow from a time on, and measure in this window.
    Send(Pace, Time, Range<Time>),
    /// Cut all connections at this time but those of the sessions that stay.
    Storm(Time),
    /// End the window now at the latest.
    Cut(Time),
    /// Stop reading, for the sessions that stall.
    Stall,
    /// Read again.
    Resume,
    /// Send no more, and count outstanding deliveries.
    StopSending,
    /// Hand over the measurement, and start a new one.
    Collect,
    /// Hand over the times of openings, and start anew.
    CollectOpens,
    /// End.
    End,
}

/// Reply of a thread to an order to collect.
#[derive(Debug)]
pub(super) enum Collected {
    Measurement(Box<Measurement>),
    Opens(Box<Latency>),
}
