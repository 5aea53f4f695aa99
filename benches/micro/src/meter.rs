//! The counted part of a benchmark.

use std::hint::black_box;

/// Counts operations, while callgrind counts the instructions of `collected`.
#[derive(Debug, Default)]
pub struct Meter {
    operations: u64,
}

impl Meter {
    /// Performs counted work of this many operations. Everything else is preparation.
    pub fn measure<T>(&mut self, operations: usize, work: impl FnOnce() -> T) -> T {
        self.operations += operations as u64;
        collected(work)
    }

    /// Like [`measure`](Self::measure), except in the first round, which allocates and is not
    /// counted.
    pub fn measure_from_second<T>(
        &mut self,
        round: usize,
        operations: usize,
        work: impl FnOnce() -> T,
    ) -> T {
        if round == 0 { work() } else { self.measure(operations, work) }
    }

    /// Like [`measure`](Self::measure) for one operation, repeated this many times.
    pub fn repeat<T>(&mut self, times: usize, mut operation: impl FnMut() -> T) {
        self.measure(times, || {
            for _ in 0..times {
                black_box(operation());
            }
        });
    }

    /// Number of counted operations.
    #[must_use]
    pub const fn operations(&self) -> u64 {
        self.operations
    }
}

/// Instructions are collected in this function and its callees: callgrind finds it by name, so it
/// must stay a function, and must not end in a tail call.
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
