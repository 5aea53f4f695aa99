//! Cores of server and harness. Figures of a server that shares its core with the harness, or moves
//! between cores, are not those of one that has a core to itself.

use std::fmt;
use std::fs;

use crate::host::Machine;

/// The cores of a server and of the harness, as the kernel lists them: `0` or `0-3`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Pinning {
    /// Cores of the server; absent where its process is not known.
    server: Option<String>,
    /// Cores of the calling thread, and of threads that it starts.
    harness: Option<String>,
    /// Cores of the machine.
    cores: usize,
}

impl Pinning {
    /// As it is now.
    pub(super) fn of(server: Option<u32>) -> Self {
        Self {
            server: server.and_then(|pid| list(&format!("/proc/{pid}/status"))),
            harness: list("/proc/thread-self/status"),
            cores: Machine::here().cores,
        }
    }
}

/// Allowed cores of a process or thread.
fn list(path: &str) -> Option<String> {
    let status = fs::read_to_string(path).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    Some(line.trim().to_owned())
}

/// The number of cores in a list.
fn count(list: &str) -> usize {
    let of = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to): (usize, usize) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
        Some((to + 1).saturating_sub(from))
    };
    list.split(',').filter_map(of).sum()
}

impl fmt::Display for Pinning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |list: &Option<String>| match list {
            None => "unknown".to_owned(),
            Some(list) if count(list) >= self.cores => "any core".to_owned(),
            Some(list) if count(list) == 1 => format!("core {list}"),
            Some(list) => format!("cores {list}"),
        };
        let (server, harness) = (shown(&self.server), shown(&self.harness));
        write!(f, "server on {server}, harness on {harness}, of {}", self.cores)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::cores::{allowed, keep_to};

    #[test]
    fn a_list_says_how_many_cores_it_has() {
        assert_eq!(["0", "0-3", "1,3", "0-1,4-7"].map(count), [1, 4, 2, 6]);
    }

    #[test]
    fn who_keeps_to_a_core_is_told_from_who_does_not() {
        let all = Pinning { server: Some("0-3".into()), harness: None, cores: 4 };
        assert_eq!(all.to_string(), "server on any core, harness on unknown, of 4");
        let some = Pinning { server: Some("2".into()), harness: Some("0-1".into()), cores: 4 };
        assert_eq!(some.to_string(), "server on core 2, harness on cores 0-1, of 4");
        let own = std::thread::spawn(|| {
            keep_to(0, &allowed());
            Pinning::of(Some(std::process::id()))
        });
        let own = own.join().unwrap();
        assert_eq!(own.harness.as_deref().map(count), Some(1), "{own:?}");
        assert!(own.server.is_some(), "{own:?}");
    }
}
