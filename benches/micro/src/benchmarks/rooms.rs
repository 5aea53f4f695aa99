//! Publishes to rooms, per member, and the acks in return.

use comet::Delivery;

use super::Benchmark;
use crate::meter::Meter;
use crate::world::{Crowd, Promise, Speech, World};

pub(super) const BENCHMARKS: &[Benchmark] = &[
    Benchmark::new("publish/goim-1000", |meter| publish(meter, Speech::Goim, BEST_EFFORT, 1_000)),
    Benchmark::new("publish/raw-100", |meter| publish(meter, Speech::Raw, BEST_EFFORT, 100)),
    Benchmark::new("publish/raw-1000", |meter| publish(meter, Speech::Raw, BEST_EFFORT, 1_000)),
    Benchmark::new("publish/raw-10000", |meter| publish(meter, Speech::Raw, BEST_EFFORT, 10_000)),
    Benchmark::new("publish/raw-18000", |meter| publish(meter, Speech::Raw, BEST_EFFORT, 18_000)),
    Benchmark::new("publish/dtalk-best-effort-1000", |meter| {
        publish(meter, Speech::Dtalk, BEST_EFFORT, 1_000);
    }),
    Benchmark::new("publish/dtalk-best-effort-10000", |meter| {
        publish(meter, Speech::Dtalk, BEST_EFFORT, 10_000);
    }),
    Benchmark::new("publish/dtalk-acked-1000", |meter| {
        publish(meter, Speech::Dtalk, ACKED, 1_000);
    }),
    Benchmark::new("publish/dtalk-acked-10000", |meter| {
        publish(meter, Speech::Dtalk, ACKED, 10_000);
    }),
    Benchmark::new("publish/comet-acked-1000", |meter| {
        publish(meter, Speech::Comet, ACKED, 1_000);
    }),
    Benchmark::new("publish/comet-acked-10000", |meter| {
        publish(meter, Speech::Comet, ACKED, 10_000);
    }),
    Benchmark::new("publish/dtalk-run-1000", |meter| {
        publish_runs(meter, Speech::Dtalk, ACKED);
    }),
    Benchmark::new("publish/comet-run-1000", |meter| {
        publish_runs(meter, Speech::Comet, ACKED);
    }),
    Benchmark::new("ack/dtalk", |meter| acknowledge(meter, Speech::Dtalk, 1)),
    Benchmark::new("ack/comet", |meter| acknowledge(meter, Speech::Comet, 1)),
    Benchmark::new("ack/dtalk-run", |meter| acknowledge(meter, Speech::Dtalk, RUN)),
    Benchmark::new("ack/comet-run", |meter| acknowledge(meter, Speech::Comet, RUN)),
    Benchmark::new("publish/rooms-of-2-10", |meter| rooms(meter, 10)),
    Benchmark::new("publish/rooms-of-2-10000", |meter| rooms(meter, 10_000)),
];

const BEST_EFFORT: Promise = Promise::BestEffort;
const ACKED: Promise = Promise::Acked;
const BODY: usize = 64;
/// Counted publishes.
const ROUNDS: usize = 4;
/// Publishes in one turn, as on a busy gateway.
const RUN: u32 = 20;

/// Cost of a publish per member. The first, which allocates, is not counted.
fn publish(meter: &mut Meter, speech: Speech, promise: Promise, members: usize) {
    let mut crowd = Crowd::new(speech, promise, members, BODY);
    if promise != ACKED {
        crowd.hush();
    }
    for round in 0..=ROUNDS {
        meter.measure_from_second(round, members, || crowd.publish());
        if promise == ACKED {
            crowd.acknowledge();
            crowd.settle();
        }
    }
    let stats = crowd.stats();
    let deliveries = ((ROUNDS + 1) * members) as u64;
    assert_eq!(stats.deliveries, deliveries, "everybody gets everything");
    assert_eq!(stats.acks, if promise == ACKED { deliveries } else { 0 }, "and says so");
}

/// Cost of one delivery among several that are written together.
fn publish_runs(meter: &mut Meter, speech: Speech, promise: Promise) {
    let members = 1_000;
    let mut crowd = Crowd::new(speech, promise, members, BODY);
    for round in 0..=ROUNDS {
        meter.measure_from_second(round, members * RUN as usize, || crowd.publish_run(RUN));
        crowd.acknowledge();
        crowd.settle();
    }
    let deliveries = (ROUNDS + 1) * members * RUN as usize;
    assert_eq!(crowd.stats().deliveries, deliveries as u64, "everybody gets everything");
}

/// Cost of the ack of one delivery, including the virtual socket from which it is read together
/// with those of others.
fn acknowledge(meter: &mut Meter, speech: Speech, run: u32) {
    let members = 1_000;
    let mut crowd = Crowd::new(speech, ACKED, members, BODY);
    let deliveries = members * run as usize;
    for round in 0..=ROUNDS {
        crowd.publish_run(run);
        crowd.acknowledge();
        meter.measure_from_second(round, deliveries, || crowd.settle());
    }
    assert_eq!(crowd.stats().acks, ((ROUNDS + 1) * deliveries) as u64, "every ack is heard");
}

/// Cost of publishes to many small rooms, per member of each. Every user is in ten of them.
fn rooms(meter: &mut Meter, count: usize) {
    let mut world = World::new();
    for number in 0..count / 5 {
        let first = number / 2 * 10;
        let names: Vec<String> = (first..first + 10).map(|room| format!("room-{room}")).collect();
        world.knock(Speech::Raw, "", &names.join(",")).discard();
        world.settle();
    }
    assert_eq!(world.gateway().stats().rooms, count as u64, "every room is there");
    let delivery = Delivery::best_effort(vec![b'x'; BODY]);
    let names: Vec<String> = (0..count).map(|room| format!("room-{room}")).collect();
    let mut publish = || names.iter().for_each(|room| world.publish(room, delivery.clone()));
    publish();
    meter.measure(2 * count, publish);
    assert_eq!(world.gateway().stats().deliveries, 4 * count as u64, "everybody gets everything");
}
