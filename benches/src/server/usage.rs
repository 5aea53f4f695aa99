//! CPU and memory of a process and its children, from `/proc`.

use std::fs;
use std::time::Duration;

/// A process, with the processes that it has started.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pid: u32,
}

/// The process has no figures, most likely because it has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("process {0} says nothing of itself")]
pub struct UsageError(pub u32);

/// Reads of a process tree in which processes end meanwhile.
const ATTEMPTS: usize = 3;

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

    /// The command line that started it; empty when it is gone.
    #[must_use]
    pub fn command(self) -> String {
        file(self.pid, "cmdline").unwrap_or_default().replace('\0', " ").trim_end().to_owned()
    }

    /// User and system time so far, of all threads of all of them, and of children that have ended.
    ///
    /// # Errors
    ///
    /// [`UsageError`].
    pub fn cpu(self) -> Result<Duration, UsageError> {
        for _ in 0..ATTEMPTS {
            let own = cpu(self.pid).ok_or(UsageError(self.pid))?;
            let children: Option<Duration> = self.descendants().into_iter().map(cpu).sum();
            if let Some(children) = children {
                return Ok(own + children);
            }
            // One has ended meanwhile: its time is now its parent's, which has to be read again.
        }
        let own = cpu(self.pid).ok_or(UsageError(self.pid))?;
        Ok(own + self.descendants().into_iter().filter_map(cpu).sum::<Duration>())
    }

    /// Resident memory in bytes; shared pages are counted for each process.
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
        // A child that has ended has no memory; one that does not let itself be read has.
        let of_child = |pid| of(pid).or_else(|| resident(pid).is_none().then_some(0));
        let children = || self.descendants().into_iter().map(of_child).sum::<Option<u64>>();
        let sum = of(self.pid).and_then(|own| Some(own + children()?));
        sum.ok_or(UsageError(self.pid))
    }

    /// Its children, theirs, and so on.
    fn descendants(self) -> Vec<u32> {
        let (mut all, mut at) = (children(self.pid), 0);
        while let Some(pid) = all.get(at) {
            all.extend(children(*pid));
            at += 1;
        }
        all
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
/// those that have ended: neither says too much, so the larger one is right. Of children that have
/// ended there are only ticks.
fn cpu(pid: u32) -> Option<Duration> {
    let Ticks { own, ended } = ticks(&file(pid, "stat")?)?;
    let of = |thread: String| nanos(&file(pid, &format!("task/{thread}/schedstat"))?);
    let fine = threads(pid).filter_map(of).sum();
    Some(duration(own).max(Duration::from_nanos(fine)) + duration(ended))
}

/// User and system time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Ticks {
    /// Of the process.
    own: u64,
    /// Of the children that it has waited for, and of theirs.
    ended: u64,
}

/// The 14th to 17th field of `stat`; the second is a name in brackets, which may hold anything.
fn ticks(stat: &str) -> Option<Ticks> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(Ticks { own: next()? + next()?, ended: next()? + next()? })
}

fn resident(pid: u32) -> Option<u64> {
    memory(&file(pid, "status")?, "VmRSS:")
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
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};
    use std::time::Instant;

    use super::*;

    /// A shell that runs a script, and the first line that it writes.
    fn shell(script: &str) -> (Child, String) {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (shell, line.trim().to_owned())
    }

    fn end(mut shell: Child) {
        drop(shell.stdin.take());
        shell.wait().unwrap();
    }

    #[test]
    fn ticks_are_user_and_system_time_whatever_the_process_is_called() {
        let stat = "7 (a) b 1 (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 7 3 20 0 3 0 5 9 9";
        assert_eq!(ticks(stat), Some(Ticks { own: 300, ended: 10 }));
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

    #[test]
    fn the_time_of_a_child_that_has_ended_counts() {
        let burn = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
        let (shell, line) = shell(&format!("sh -c '{burn}'; echo done; read wait"));
        let cpu = Usage::of(shell.id()).cpu().unwrap();
        assert!(line == "done" && cpu > Duration::from_millis(50), "{cpu:?}");
        end(shell);
    }

    #[test]
    fn a_child_that_has_ended_does_not_hide_the_memory_of_the_others() {
        let mut child = Command::new("true").spawn().unwrap();
        let is_over = || file(child.id(), "status").unwrap().contains("State:\tZ");
        let begun = Instant::now();
        while !is_over() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{child:?} does not end");
            std::thread::yield_now();
        }
        let own = Usage::of(std::process::id());
        assert!(own.descendants().contains(&child.id()), "nobody has waited for it");
        assert!(own.resident().unwrap() > 0 && own.own_share().unwrap() > 0);
        assert!(own.cpu().is_ok() && own.command().contains("comet_bench"));
        assert!(child.wait().unwrap().success());
    }
}
