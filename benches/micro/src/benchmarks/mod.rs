//! The benchmarks: one operation each, by name.

mod codec;
mod delivery;
mod rooms;
mod sessions;
mod utf8;
mod websocket;

use crate::meter::Meter;

/// One operation of the gateway.
#[derive(Clone, Copy, Debug)]
pub struct Benchmark {
    /// `subject/operation`.
    pub name: &'static str,
    run: fn(&mut Meter),
}

impl Benchmark {
    const fn new(name: &'static str, run: fn(&mut Meter)) -> Self {
        Self { name, run }
    }

    /// Prepares, and performs the operation a number of times.
    pub fn run(self, meter: &mut Meter) {
        (self.run)(meter);
    }
}

/// All benchmarks, in display order.
pub fn all() -> impl Iterator<Item = Benchmark> {
    let lists = [
        codec::BENCHMARKS,
        websocket::BENCHMARKS,
        utf8::BENCHMARKS,
        delivery::BENCHMARKS,
        sessions::BENCHMARKS,
        rooms::BENCHMARKS,
    ];
    lists.into_iter().flatten().copied()
}

/// The benchmark with this name.
#[must_use]
pub fn find(name: &str) -> Option<Benchmark> {
    all().find(|benchmark| benchmark.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_benchmark_does_what_it_counts() {
        for benchmark in all().filter(|benchmark| !benchmark.name.ends_with("000")) {
            let mut meter = Meter::default();
            benchmark.run(&mut meter);
            assert!(meter.operations() > 0, "{}", benchmark.name);
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = all().map(|benchmark| benchmark.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    }
}
