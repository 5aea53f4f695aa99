//! Memory charged to the gateway's budget, compared with memory allocated.

use allocation_counter::measure;
use comet::Delivery;
use comet::simulation::Endpoint;
use comet_micro::world::{PeerDialect, World};

const MEMBERS: usize = 1_000;
const PUBLISHES: usize = 100;

/// Members of a room whose sockets have almost no buffer space.
fn slow_room(dialect: PeerDialect) -> (World, Vec<Endpoint>) {
    let mut world = World::new();
    let join = |number: usize| {
        let mut end = world.connect(dialect, &format!("user-{number}"), "room");
        world.run_until_idle();
        end.set_capacity(1_000, 1);
        end
    };
    let ends = (0..MEMBERS).map(join).collect();
    (world, ends)
}

/// Bytes allocated and bytes charged for publishes to a room that does not read.
fn taken_and_charged(dialect: PeerDialect, acked: bool, len: usize) -> (f64, f64) {
    let (mut world, _ends) = slow_room(dialect);
    let before = world.gateway().stats().memory;
    let taken = measure(|| {
        for _ in 0..PUBLISHES {
            let body = vec![7; len];
            let delivery = if acked { Delivery::acked(body) } else { Delivery::best_effort(body) };
            world.gateway().publish("room", delivery).expect("a mailbox with room");
            world.run_until_idle();
        }
    });
    let charged = world.gateway().stats().memory - before;
    #[expect(clippy::cast_precision_loss, reason = "memory is below 2^53 bytes")]
    (taken.bytes_current as f64, charged as f64)
}

#[test]
fn what_is_charged_is_between_half_and_twice_of_what_is_taken() {
    for dialect in [PeerDialect::Dtalk, PeerDialect::DtalkTcp, PeerDialect::Comet] {
        for len in [100, 700, 2_000, 4_096, 16_000] {
            for acked in [true, false] {
                let (taken, charged) = taken_and_charged(dialect, acked, len);
                let ratio = charged / taken;
                assert!(
                    (0.5..=2.0).contains(&ratio),
                    "{dialect:?}, acked: {acked}, {len}: {charged} charged for {taken}, {ratio:.2}"
                );
            }
        }
    }
}

#[test]
fn a_body_that_a_thousand_wait_for_is_not_a_thousand_bodies() {
    for acked in [true, false] {
        let (taken, charged) = taken_and_charged(PeerDialect::Dtalk, acked, 4_096);
        let bodies = 4_096.0 * 100.0;
        // An entry for each of a thousand members, for each of a hundred bodies, and its head.
        assert!(taken < bodies + 100_000.0 * 300.0, "{taken} bytes taken");
        assert!(charged < bodies + 100_000.0 * 300.0, "{charged} bytes charged");
    }
}
