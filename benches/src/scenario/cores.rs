//! Which core runs what.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Keeps the calling thread, and the processes that it starts from then on, on one of the cores
/// that it may use. With a single one there is nothing to choose.
pub(super) fn keep_to(choice: usize, of: &CpuSet) {
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| of.is_set(*core)).collect();
    if cores.len() > 1 {
        let mut one = CpuSet::new();
        one.set(cores[choice % cores.len()]);
        // A run on other cores than wanted is a run.
        let _ = sched_setaffinity(None, &one);
    }
}

/// The cores that the calling thread may use.
pub(super) fn allowed() -> CpuSet {
    sched_getaffinity(None).unwrap_or_default()
}
