//! Publishes to rooms, per member, and the acks in return.

use comet::{Class, Delivery};

use super::Benchmark;
use crate::meter::Meter;
use crate::world::{BusyRoom, PeerDialect, World};

pub(super) const BENCHMARKS: &[Benchmark] = &[
    Benchmark::new("publish/goim-1000", |meter| {
        publish(meter, PeerDialect::Goim, BEST_EFFORT, 1_000)
    }),
    Benchmark::new("publish/raw-100", |meter| publish(meter, PeerDialect::Raw, BEST_EFFORT, 100)),
    Benchmark::new("publish/raw-1000", |meter| {
        publish(meter, PeerDialect::Raw, BEST_EFFORT, 1_000)
    }),
    Benchmark::new("publish/raw-10000", |meter| {
        publish(meter, PeerDialect::Raw, BEST_EFFORT, 10_000)
    }),
    Benchmark::new("publish/raw-18000", |meter| {
        publish(meter, PeerDialect::Raw, BEST_EFFORT, 18_000)
    }),
    Benchmark::new("publish/dtalk-best-effort-1000", |meter| {
        publish(meter, PeerDialect::Dtalk, BEST_EFFORT, 1_000);
    }),
    Benchmark::new("publish/dtalk-best-effort-10000", |meter| {
        publish(meter, PeerDialect::Dtalk, BEST_EFFORT, 10_000);
    }),
    Benchmark::new("publish/dtalk-acked-1000", |meter| {
        publish(meter, PeerDialect::Dtalk, ACKED, 1_000);
    }),
    Benchmark::new("publish/dtalk-acked-10000", |meter| {
        publish(meter, PeerDialect::Dtalk, ACKED, 10_000);
    }),
    Benchmark::new("publish/comet-acked-1000", |meter| {
        publish(meter, PeerDialect::Comet, ACKED, 1_000);
    }),
    Benchmark::new("publish/comet-acked-10000", |meter| {
        publish(meter, PeerDialect::Comet, ACKED, 10_000);
    }),
    Benchmark::new("publish/dtalk-run-1000", |meter| {
        publish_batches(meter, PeerDialect::Dtalk, ACKED);
    }),
    Benchmark::new("publish/comet-run-1000", |meter| {
        publish_batches(meter, PeerDialect::Comet, ACKED);
    }),
    Benchmark::new("ack/dtalk", |meter| acknowledge(meter, PeerDialect::Dtalk, 1)),
    Benchmark::new("ack/comet", |meter| acknowledge(meter, PeerDialect::Comet, 1)),
    Benchmark::new("ack/dtalk-run", |meter| acknowledge(meter, PeerDialect::Dtalk, BATCH)),
    Benchmark::new("ack/comet-run", |meter| acknowledge(meter, PeerDialect::Comet, BATCH)),
    Benchmark::new("publish/rooms-of-2-10", |meter| rooms(meter, 10)),
    Benchmark::new("publish/rooms-of-2-10000", |meter| rooms(meter, 10_000)),
];

const BEST_EFFORT: Class = Class::BestEffort;
const ACKED: Class = Class::Acked;
const BODY: usize = 64;
/// Counted publishes.
const ROUNDS: usize = 4;
/// Publishes in one turn, as on a busy gateway.
const BATCH: u32 = 20;

/// Cost of a publish per member. The first, which allocates, is not counted.
fn publish(meter: &mut Meter, dialect: PeerDialect, class: Class, members: usize) {
    let mut room = BusyRoom::new(dialect, class, members, BODY);
    if class != ACKED {
        room.stop_sending();
    }
    for round in 0..=ROUNDS {
        meter.measure_from_second(round, members, || room.publish());
        if class == ACKED {
            room.acknowledge();
            room.run_until_idle();
        }
    }
    let stats = room.stats();
    let deliveries = ((ROUNDS + 1) * members) as u64;
    assert_eq!(stats.deliveries, deliveries, "everybody gets everything");
    assert_eq!(stats.acks, if class == ACKED { deliveries } else { 0 }, "and says so");
}

/// Cost of one delivery among several that are written together.
fn publish_batches(meter: &mut Meter, dialect: PeerDialect, class: Class) {
    let members = 1_000;
    let mut room = BusyRoom::new(dialect, class, members, BODY);
    for round in 0..=ROUNDS {
        meter.measure_from_second(round, members * BATCH as usize, || room.publish_batch(BATCH));
        room.acknowledge();
        room.run_until_idle();
    }
    let deliveries = (ROUNDS + 1) * members * BATCH as usize;
    assert_eq!(room.stats().deliveries, deliveries as u64, "everybody gets everything");
}

/// Cost of the ack of one delivery, including the virtual socket from which it is read together
/// with those of others.
fn acknowledge(meter: &mut Meter, dialect: PeerDialect, batch: u32) {
    let members = 1_000;
    let mut room = BusyRoom::new(dialect, ACKED, members, BODY);
    let deliveries = members * batch as usize;
    for round in 0..=ROUNDS {
        room.publish_batch(batch);
        room.acknowledge();
        meter.measure_from_second(round, deliveries, || room.run_until_idle());
    }
    assert_eq!(room.stats().acks, ((ROUNDS + 1) * deliveries) as u64, "every ack is heard");
}

/// Cost of publishes to many small rooms, per member of each. Every user is in ten of them.
fn rooms(meter: &mut Meter, count: usize) {
    let mut world = World::new();
    for number in 0..count / 5 {
        let first = number / 2 * 10;
        let names: Vec<String> = (first..first + 10).map(|room| format!("room-{room}")).collect();
        world.connect(PeerDialect::Raw, "", &names.join(",")).discard();
        world.run_until_idle();
    }
    assert_eq!(world.gateway().stats().rooms, count as u64, "every room is there");
    let delivery = Delivery::best_effort(vec![b'x'; BODY]);
    let names: Vec<String> = (0..count).map(|room| format!("room-{room}")).collect();
    let mut publish = || names.iter().for_each(|room| world.publish(room, delivery.clone()));
    publish();
    meter.measure(2 * count, publish);
    assert_eq!(world.gateway().stats().deliveries, 4 * count as u64, "everybody gets everything");
}
