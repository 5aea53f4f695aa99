//! What a process uses, from `/proc`.

use std::fs;
use std::time::Duration;

/// A process to be asked.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pid: u32,
}

/// The process does not say, most likely because it has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("process {0} says nothing of itself")]
pub struct UsageError(pub u32);

impl Usage {
    /// The process of this number.
    #[must_use]
    pub const fn of(pid: u32) -> Self {
        Self { pid }
    }

    /// User and system time so far, of all threads.
    ///
    /// # Errors
    ///
    /// [`UsageError`].
    pub fn cpu(self) -> Result<Duration, UsageError> {
        ticks(&self.file("stat")?).map(duration).ok_or(UsageError(self.pid))
    }

    /// Bytes of memory that are resident.
    ///
    /// # Errors
    ///
    /// [`UsageError`].
    pub fn resident(self) -> Result<u64, UsageError> {
        resident(&self.file("status")?).ok_or(UsageError(self.pid))
    }

    fn file(self, name: &str) -> Result<String, UsageError> {
        fs::read_to_string(format!("/proc/{}/{name}", self.pid)).map_err(|_| UsageError(self.pid))
    }
}

/// The 14th and 15th field of `stat`; the second is a name in brackets, which may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

fn duration(ticks: u64) -> Duration {
    Duration::from_micros(ticks * 1_000_000 / rustix::param::clock_ticks_per_second().max(1))
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_user_and_system_time_whatever_the_process_is_called() {
        let stat = "7 (a) b 1 (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 5 9 9";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("7 (a"), None);
    }

    #[test]
    fn resident_memory_is_told_in_kibibytes() {
        assert_eq!(resident("VmHWM:\t  9 kB\nVmRSS:\t   12 kB\n"), Some(12_288));
        assert_eq!(resident("VmHWM:\t  9 kB\n"), None);
    }

    #[test]
    fn a_process_that_runs_says_what_it_uses() {
        let own = Usage::of(std::process::id());
        assert!(own.resident().unwrap() > 100_000);
        assert!(own.cpu().is_ok());
        assert_eq!(Usage::of(u32::MAX).cpu(), Err(UsageError(u32::MAX)));
    }
}
