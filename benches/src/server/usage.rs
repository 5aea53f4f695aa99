//! What a process and its children use, from `/proc`.

use std::fs;
use std::time::Duration;

/// A process to be asked, with those that it has started.
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

    /// Its number.
    #[must_use]
    pub const fn pid(self) -> u32 {
        self.pid
    }

    /// User and system time so far, of all threads of all of them.
    ///
    /// # Errors
    ///
    /// [`UsageError`].
    pub fn cpu(self) -> Result<Duration, UsageError> {
        let own = cpu(self.pid).ok_or(UsageError(self.pid))?;
        Ok(own + self.descendants().into_iter().filter_map(cpu).sum::<Duration>())
    }

    /// Bytes of memory that are resident; what they share is counted for each.
    ///
    /// # Errors
    ///
    /// [`UsageError`].
    pub fn resident(self) -> Result<u64, UsageError> {
        self.memory("status", "VmRSS:")
    }

    /// Bytes of memory that are resident; what several processes share is counted once. This asks
    /// more of the process than [`resident`](Self::resident).
    ///
    /// # Errors
    ///
    /// [`UsageError`].
    pub fn own_share(self) -> Result<u64, UsageError> {
        self.memory("smaps_rollup", "Pss:").or_else(|_| self.resident())
    }

    fn memory(self, name: &str, line: &str) -> Result<u64, UsageError> {
        let of = |pid| memory(&file(pid, name)?, line);
        let own: u64 = of(self.pid).ok_or(UsageError(self.pid))?;
        Ok(own + self.descendants().into_iter().filter_map(of).sum::<u64>())
    }

    /// The children of the process, theirs, and so on; some may end before they are asked.
    fn descendants(self) -> Vec<u32> {
        let (mut found, mut at) = (children(self.pid), 0);
        while let Some(pid) = found.get(at) {
            found.extend(children(*pid));
            at += 1;
        }
        found
    }
}

fn file(pid: u32, name: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/{name}")).ok()
}

/// Threads of a process; none when it is gone.
fn threads(pid: u32) -> impl Iterator<Item = String> {
    let folder = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
    folder.flatten().filter_map(|entry| entry.file_name().into_string().ok())
}

fn children(pid: u32) -> Vec<u32> {
    let of = |thread: String| file(pid, &format!("task/{thread}/children")).unwrap_or_default();
    let lists: Vec<String> = threads(pid).map(of).collect();
    lists.iter().flat_map(|list| list.split_whitespace()).filter_map(|c| c.parse().ok()).collect()
}

/// Ticks of the whole process are coarse, and what the scheduler says of its threads leaves out
/// those that have ended: neither says too much, so the larger one is right.
fn cpu(pid: u32) -> Option<Duration> {
    let coarse = duration(ticks(&file(pid, "stat")?)?);
    let of = |thread: String| nanos(&file(pid, &format!("task/{thread}/schedstat"))?);
    let fine = threads(pid).filter_map(of).sum();
    Some(coarse.max(Duration::from_nanos(fine)))
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

/// The first field of `schedstat`: time on a core.
fn nanos(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().next()?.parse().ok()
}

fn memory(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1_024)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn ticks_are_user_and_system_time_whatever_the_process_is_called() {
        let stat = "7 (a) b 1 (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 5 9 9";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("7 (a"), None);
        assert_eq!(nanos("54381 12 1\n"), Some(54_381));
    }

    #[test]
    fn memory_is_told_in_kibibytes() {
        assert_eq!(memory("VmHWM:\t  9 kB\nVmRSS:\t   12 kB\n", "VmRSS:"), Some(12_288));
        assert_eq!(memory("VmHWM:\t  9 kB\n", "VmRSS:"), None);
    }

    #[test]
    fn a_process_that_runs_says_what_it_and_its_children_use() {
        let own = Usage::of(std::process::id());
        assert!(own.resident().unwrap() > 100_000);
        assert!(own.own_share().unwrap() > 100_000);
        assert!(own.cpu().unwrap() > Duration::ZERO);
        assert_eq!(Usage::of(u32::MAX).cpu(), Err(UsageError(u32::MAX)));
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        assert!(own.descendants().contains(&child.id()));
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
}
