//! What of a benchmark is counted.

use std::hint::black_box;

/// Counts operations, while somebody else counts the instructions of `collected`.
#[derive(Debug, Default)]
pub struct Meter {
    operations: u64,
}

impl Meter {
    /// Does work that is counted, and is so many operations. Everything else is preparation.
    pub fn measure<T>(&mut self, operations: usize, work: impl FnOnce() -> T) -> T {
        self.operations += operations as u64;
        collected(work)
    }

    /// The same, unless it is the first round, in which what is needed is made.
    pub fn measure_from_second<T>(
        &mut self,
        round: usize,
        operations: usize,
        work: impl FnOnce() -> T,
    ) -> T {
        if round == 0 { work() } else { self.measure(operations, work) }
    }

    /// The same for one operation, so many times.
    pub fn repeat<T>(&mut self, times: usize, mut operation: impl FnMut() -> T) {
        self.measure(times, || {
            for _ in 0..times {
                black_box(operation());
            }
        });
    }

    /// Operations that were done.
    #[must_use]
    pub const fn operations(&self) -> u64 {
        self.operations
    }
}

/// Collection of instructions is on in this function and what it calls: callgrind knows it by its
/// name, so that it must stay a function, and must not end in a jump out of it.
#[inline(never)]
fn collected<T>(work: impl FnOnce() -> T) -> T {
    black_box(work())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_add_up() {
        let (mut meter, mut done) = (Meter::default(), 0);
        meter.measure(3, || done += 3);
        meter.repeat(4, || done += 1);
        (0..3).for_each(|round| meter.measure_from_second(round, 10, || done += 10));
        assert_eq!((meter.operations(), done), (27, 37));
    }
}
