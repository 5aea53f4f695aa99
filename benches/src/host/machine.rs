//! The machine of a run: kernel, processor, cores, memory.

use std::fs;
use std::thread;

use serde::{Deserialize, Serialize};

/// A machine; fields are empty where the system has no value.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The kernel's release.
    pub kernel: String,
    /// The processor's model.
    pub cpu: String,
    /// Cores that are online, however few of them a run keeps to.
    pub cores: usize,
    /// Memory in bytes.
    pub memory: u64,
}

impl Machine {
    /// The one that this program runs on.
    #[must_use]
    pub fn here() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let kibibytes = field(&read("/proc/meminfo"), "MemTotal")
            .and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok());
        Self {
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_default(),
            cores: cores(&read("/proc/cpuinfo")),
            memory: kibibytes.unwrap_or(0).saturating_mul(1_024),
        }
    }
}

/// Every core that is online has a line of its own. Where none has, this program's are counted.
fn cores(cpuinfo: &str) -> usize {
    let is_core = |line: &&str| line.split(':').next().is_some_and(|key| key.trim() == "processor");
    match cpuinfo.lines().filter(is_core).count() {
        0 => thread::available_parallelism().map_or(0, usize::from),
        cores => cores,
    }
}

/// The first `name: value` with this name.
fn field(text: &str, name: &str) -> Option<String> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::cores::{allowed, keep_to};
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "model\t\t: 143\nmodel name\t: Some CPU @ 2 GHz\nmodel name\t: Another\n";
        assert_eq!(field(text, "model name").as_deref(), Some("Some CPU @ 2 GHz"));
        assert_eq!(field(text, "MemTotal"), None);
    }

    #[test]
    fn a_program_that_keeps_to_one_core_still_sees_those_of_the_machine() {
        let text = "processor\t: 0\nmodel name\t: A\n\nprocessor\t: 1\nmodel name\t: A\n";
        assert_eq!(cores(text), 2);
        let all = Machine::here().cores;
        let pinned = thread::spawn(|| {
            keep_to(0, &allowed());
            (thread::available_parallelism().map_or(0, usize::from), Machine::here().cores)
        });
        assert_eq!(pinned.join().unwrap(), (1, all));
    }

    #[test]
    fn this_machine_has_a_kernel_a_core_and_memory() {
        let here = Machine::here();
        assert!(here.cores > 0 && here.memory > 0 && !here.kernel.is_empty(), "{here:?}");
    }
}
