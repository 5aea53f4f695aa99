//! Properties of the record of instruction counts.

use std::collections::BTreeSet;

use comet_micro::benchmarks;
use comet_micro::record::Record;

fn record() -> Record {
    Record::parse(include_str!("../instructions.txt")).expect("a record")
}

#[test]
fn the_record_is_of_every_benchmark_and_of_nothing_else() {
    let record = record();
    let recorded: BTreeSet<&str> = record.counts.keys().map(String::as_str).collect();
    let all: BTreeSet<&str> = benchmarks::all().map(|benchmark| benchmark.name).collect();
    assert_eq!(recorded, all);
}

#[test]
fn a_member_costs_the_same_in_large_rooms_and_among_many_rooms() {
    let counts = record().counts;
    let pairs = [
        ("publish/raw-1000", "publish/raw-18000"),
        ("publish/dtalk-best-effort-1000", "publish/dtalk-best-effort-10000"),
        ("publish/dtalk-acked-1000", "publish/dtalk-acked-10000"),
        ("publish/comet-acked-1000", "publish/comet-acked-10000"),
        ("publish/rooms-of-2-10", "publish/rooms-of-2-10000"),
    ];
    for (few, many) in pairs {
        let ratio = counts[many] / counts[few];
        assert!((0.9..1.1).contains(&ratio), "{many}: {ratio:.3} times {few}");
    }
}
