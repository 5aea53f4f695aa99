//! Resources of another process, from `/proc`, and their limits.

use std::fs;
use std::io;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

/// Ticks per second, as reported by Linux to programs, independent of its own clock.
const TICKS: u64 = 100;

/// Current resident memory in bytes; `None` if there is no such process.
pub fn resident(pid: u32) -> Option<u64> {
    status(pid, "VmRSS:")
}

/// Peak resident memory in bytes; likewise.
pub fn peak(pid: u32) -> Option<u64> {
    status(pid, "VmHWM:")
}

fn status(pid: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

/// Number of open descriptors.
pub fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// User and system time of all its threads, in steps of 10 ms; likewise.
pub fn cpu(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in parentheses, which may contain anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let ticks = ticks()? + ticks()?;
    Some(Duration::from_millis(ticks * 1_000 / TICKS))
}

/// Sets the limit on open descriptors of a process, at most that of this one; `None` is all of it.
///
/// # Errors
///
/// That of the system, or `NotFound` for what is no process id.
pub fn limit_descriptors(pid: u32, most: Option<usize>) -> io::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = most.map(|most| most as u64).or(maximum);
    prlimit(Some(pid), Resource::Nofile, Rlimit { current, maximum })?;
    Ok(())
}
