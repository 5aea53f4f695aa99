//! A client session against a small server, over connections that break at any byte, on a clock
//! that is a number. Whatever happens is drawn from a seed.

mod server;
mod units;
mod world;

use proptest::prelude::*;
use world::{Faults, World};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn everything_arrives_in_order_and_once_while_the_session_lives(seed in any::<u64>()) {
        let mut world = World::new(seed, Faults { cut: 1_500, forget: 0, shuffle: true });
        world.run(20_000);
        world.settle(300_000);
        prop_assert!(world.reconnects() > 0, "no connection was ever lost");
        // A welcome that was cut off began a session that the client never heard of.
        prop_assert_eq!(world.opened, 1, "every other connection resumed it");
    }

    #[test]
    fn nothing_is_lost_silently_when_sessions_are_forgotten(seed in any::<u64>()) {
        let mut world = World::new(seed, Faults { cut: 1_500, forget: 3, shuffle: false });
        world.run(20_000);
        world.settle(300_000);
    }
}

#[test]
fn without_faults_one_connection_is_enough() {
    let mut world = World::new(1, Faults { cut: 0, forget: 0, shuffle: false });
    world.run(20_000);
    world.settle(60_000);
    assert_eq!((world.reconnects(), world.opened), (0, 1));
    assert!(world.deliveries > 100, "{} deliveries", world.deliveries);
    assert!(world.answers > 100, "{} answers", world.answers);
    let acks = world.server.acks;
    assert!(acks * 4 < world.deliveries * 3, "{acks} acks of {} deliveries", world.deliveries);
}
