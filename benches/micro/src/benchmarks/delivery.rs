//! Windows, timers and mailboxes in isolation.

use std::sync::Arc;

use comet::internals::{Mailbox, Wheel, Window};
use comet::{Config, Delivery};

use super::Benchmark;
use crate::meter::Meter;

pub(super) const BENCHMARKS: &[Benchmark] = &[
    Benchmark::new("window/push", |meter| {
        windows(meter, |meter, window| meter.measure(BATCH, || push_all(window)), each);
    }),
    Benchmark::new("window/ack-each", |meter| {
        windows(meter, push_first, |meter, window, first| {
            let acked = meter.measure(BATCH, || each_of(window, first));
            assert_eq!(acked, BATCH, "every ack is news");
        })
    }),
    Benchmark::new("window/ack-cumulative", |meter| {
        windows(meter, push_first, |meter, window, first| {
            let last = first + BATCH_SEQS - 1;
            let acked = meter.measure(BATCH, || window.receive(last, &[]));
            assert_eq!(acked, Some(BATCH), "the ack is of all");
        });
    }),
    Benchmark::new("window/ack-selective", |meter| {
        windows(meter, push_first, |meter, window, first| {
            // All but the first and the eleventh, which are acked below.
            let acked = meter.measure(BATCH, || window.receive(first - 1, &[1, 9, 1, 53]));
            assert_eq!(acked, Some(BATCH - 2), "the ranges are of all but two");
            window.receive(first + BATCH_SEQS - 1, &[]);
        });
    }),
    Benchmark::new("wheel/arm", |meter| {
        let mut wheel = Wheel::new();
        arm(&mut wheel);
        meter.measure(SLOTS as usize, || arm(&mut wheel));
    }),
    Benchmark::new("wheel/fire", |meter| {
        let mut wheel = Wheel::new();
        arm(&mut wheel);
        let fired = meter.measure(SLOTS as usize, || fire(&mut wheel));
        assert_eq!(fired, SLOTS as usize, "every timer fires");
    }),
    Benchmark::new("mailbox/publish-take", |meter| {
        let (mailbox, room) = (Mailbox::new(1_024), Arc::from("room"));
        let delivery = Delivery::best_effort("a body");
        let taken = meter.measure(1_000, || {
            let offered = (0..1_000).all(|_| mailbox.publish(&room, delivery.clone()));
            offered.then(|| mailbox.drain())
        });
        assert_eq!(taken, Some(1_000), "there is room for all");
    }),
];

/// Deliveries in flight at the same time.
const BATCH: usize = 64;
const BATCH_SEQS: u32 = 64;
const BATCHES: usize = 20;
/// Timers of a shard.
const SLOTS: u32 = 10_000;

/// Fills and empties a window repeatedly; the first round, in which it grows, is not counted.
fn windows<T>(
    meter: &mut Meter,
    mut fill: impl FnMut(&mut Meter, &mut Window) -> T,
    mut empty: impl FnMut(&mut Meter, &mut Window, T),
) {
    let mut window = Window::new(&Config::default(), Delivery::acked("a body"));
    let first = push_all(&mut window);
    each_of(&mut window, first);
    for _ in 0..BATCHES {
        let first = fill(meter, &mut window);
        empty(meter, &mut window, first);
    }
}

fn push_first(_: &mut Meter, window: &mut Window) -> u32 {
    push_all(window)
}

/// Fills the window; returns the number of the first delivery.
fn push_all(window: &mut Window) -> u32 {
    let first = window.push().unwrap_or(0);
    for _ in 1..BATCH {
        window.push();
    }
    first
}

fn each(_: &mut Meter, window: &mut Window, first: u32) {
    each_of(window, first);
}

/// Acks one delivery after the other; returns the number of new acks.
fn each_of(window: &mut Window, first: u32) -> usize {
    (first..first + BATCH_SEQS).filter(|&seq| window.ack(seq)).count()
}

/// Sets every slot's timer to a time within the next 50 s.
fn arm(wheel: &mut Wheel) {
    for slot in 0..SLOTS {
        wheel.arm(slot, 1_000_000 + u64::from(slot.wrapping_mul(2_654_435_761) % 50_000_000));
    }
}

/// Advances to the next timer until none is left; returns the number of fired timers.
fn fire(wheel: &mut Wheel) -> usize {
    let mut fired = 0;
    while let Some(at) = wheel.next() {
        fired += wheel.advance(at).len();
    }
    fired
}
