//! Cores and priorities of threads and processes.

use rustix::process::setpriority_process;
use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity};

/// Keeps the calling thread, and the processes that it starts from then on, on one of the cores
/// that it may use. With a single one there is nothing to choose.
pub(crate) fn keep_to(choice: usize, of: &CpuSet) {
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| of.is_set(*core)).collect();
    if cores.len() > 1 {
        let mut one = CpuSet::new();
        one.set(cores[choice % cores.len()]);
        // A run on other cores than wanted is a run.
        let _ = sched_setaffinity(None, &one);
    }
}

/// Lets the calling thread, and the processes that it starts from then on, use all of these again.
pub(crate) fn use_all(of: &CpuSet) {
    // A run on other cores than wanted is a run.
    let _ = sched_setaffinity(None, of);
}

/// Puts the process, its later threads, and the processes that it starts from then on, before
/// other work on the machine, if it may: a core that a compiler has taken is not the gateway's.
pub(crate) fn outrank() {
    // Without the right to do so the figures are those of a busy machine.
    let _ = setpriority_process(None, -15);
}

/// Lets the other threads of the process go first.
pub(crate) fn give_way() {
    let _ = setpriority_process(Some(gettid()), 5);
}

/// The cores that the calling thread may use.
pub(crate) fn allowed() -> CpuSet {
    sched_getaffinity(None).unwrap_or_default()
}
