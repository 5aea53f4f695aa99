//! Time that all processes of a run share.

use std::time::Duration;

use comet_protocol::client::Time;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// Microseconds since the machine started: a message that carries it can be timed by whoever
/// receives it, in this process or in another.
#[must_use]
pub fn now() -> Time {
    Time::from_micros(micros(clock_gettime(ClockId::Monotonic)))
}

/// Unix time in milliseconds, for tokens.
#[must_use]
pub fn unix_ms() -> u64 {
    micros(clock_gettime(ClockId::Realtime)) / 1_000
}

/// CPU time of the calling thread.
#[must_use]
pub fn thread_cpu() -> Duration {
    Duration::from_micros(micros(clock_gettime(ClockId::ThreadCPUTime)))
}

/// CPU time of the process.
#[must_use]
pub fn process_cpu() -> Duration {
    Duration::from_micros(micros(clock_gettime(ClockId::ProcessCPUTime)))
}

fn micros(time: Timespec) -> u64 {
    let secs = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    secs * 1_000_000 + nanos / 1_000
}
