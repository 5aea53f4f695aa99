//! What the threads of a run are told, and what they tell.

use std::ops::Range;

use super::Finding;
use crate::driver::Time;
use crate::latency::Latency;

/// How sessions come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrive {
    /// From when on.
    pub from: Time,
    /// So many a second of all threads together; otherwise as fast as they can.
    pub rate: Option<f64>,
    /// How many of one thread may be on their way at once.
    pub concurrency: usize,
}

/// When messages are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Talk {
    /// Never.
    Silent,
    /// So many a second of all threads together, at an even rate.
    Open(f64),
    /// As long as a publisher has fewer than this many under way.
    Closed(u32),
}

/// What a thread is to do next.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Order {
    /// Open the sessions, again if they were closed.
    Arrive(Arrive),
    /// Close all sessions.
    Scatter,
    /// Let messages flow from a time on, and measure in this window.
    Talk(Talk, Time, Range<Time>),
    /// Cut all connections at this time but those of the sessions that stay.
    Storm(Time),
    /// The window ends now at the latest.
    Cut(Time),
    /// Those who stop reading do so now.
    Stall,
    /// They read again.
    GoOn,
    /// Send no more, and say what is still on its way.
    Hush,
    /// Hand over what was measured, and forget it.
    Collect,
    /// Hand over how long sessions took to open, and forget it.
    CollectOpens,
    /// Come to an end.
    End,
}

/// What a thread says to an order.
#[derive(Debug)]
pub(super) enum Reply {
    Finding(Box<Finding>),
    Opens(Box<Latency>),
}
