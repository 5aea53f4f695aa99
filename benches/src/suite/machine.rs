//! Other load on the machine: it disturbs the figures.

use std::fs;
use std::time::Duration;

use comet_protocol::client::Time;

use crate::clock;
use crate::host::Interrupt;
use crate::server::Usage;

/// The processor time that was used until a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct CpuTime {
    at: Time,
    /// CPU time of all processes, and of other guests of the machine.
    all: Duration,
    /// CPU time of this process and of its ended children.
    own: Duration,
}

impl CpuTime {
    /// The current values; none where the system has none.
    pub(super) fn now() -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let own = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        Self {
            at: clock::now(),
            all: duration(all(&stat).unwrap_or(0)),
            own: duration(own_and_children(&own).unwrap_or(0)),
        }
    }

    /// Cores that others have used since then; `ours` is the CPU time of a process of ours that
    /// still runs.
    pub(super) fn by_others(self, now: Self, ours: Duration) -> f64 {
        let own = now.own.saturating_sub(self.own) + ours;
        let others = now.all.saturating_sub(self.all).saturating_sub(own);
        others.as_secs_f64() / now.at.since(self.at).as_secs_f64().max(1e-3)
    }
}

/// Length of a look: the system counts in hundredths of a second.
const LOOK: Duration = Duration::from_millis(500);

/// Waits until others use no more than this for a moment; returns whether they did in the end.
pub(super) fn wait_for_quiet(most: f64, patience: Duration, interrupt: &Interrupt) -> bool {
    let deadline = clock::now() + patience;
    while clock::now() < deadline {
        let before = CpuTime::now();
        if interrupt.wait(LOOK) {
            return false;
        }
        if before.by_others(CpuTime::now(), Duration::ZERO) <= most {
            return true;
        }
    }
    false
}

/// CPU time of a process; nothing once it has ended.
pub(super) fn used_by(pid: u32) -> Duration {
    Usage::of(pid).cpu().unwrap_or_default()
}

/// Everything in the first line of `/proc/stat` but idling and waiting for disks. What guests use
/// is in user time already.
fn all(stat: &str) -> Option<u64> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let fields: Vec<u64> = line.split_whitespace().map_while(|it| it.parse().ok()).collect();
    let busy = fields.iter().take(8).enumerate().filter(|(at, _)| *at != 3 && *at != 4);
    Some(busy.map(|(_, ticks)| ticks).sum())
}

/// The 14th to 17th field of a process's `stat`: user and system time, its own and that of children
/// that have ended.
fn own_and_children(stat: &str) -> Option<u64> {
    let fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(4);
    fields.map(|field| field.parse::<u64>().ok()).sum()
}

fn duration(ticks: u64) -> Duration {
    Duration::from_micros(ticks * 1_000_000 / rustix::param::clock_ticks_per_second().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_not_idle_counts_once() {
        let stat = "cpu  100 10 50 9000 700 1 2 5 40 4\ncpu0 1 1 1 1\n";
        assert_eq!(all(stat), Some(100 + 10 + 50 + 1 + 2 + 5));
        assert_eq!(all(""), None);
    }

    #[test]
    fn a_process_counts_with_its_children() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 30 4 20 0 3 0 5";
        assert_eq!(own_and_children(stat), Some(334));
    }

    #[test]
    fn what_is_ours_is_not_taken_for_that_of_others() {
        let spent = |seconds: u64, all, own| CpuTime {
            at: Time::from_micros(seconds * 1_000_000),
            all: Duration::from_secs(all),
            own: Duration::from_secs(own),
        };
        let (before, after) = (spent(10, 100, 5), spent(20, 115, 12));
        assert!((before.by_others(after, Duration::from_secs(6)) - 0.2).abs() < 1e-9);
        assert_eq!(before.by_others(after, Duration::from_secs(60)), 0.0);
    }
}
