//! Best effort while memory is short.

use comet::simulation::Listener;
use comet::{Config, Delivery};
use comet_testkit::frame::delivery;

use super::world::{World, config};

const KIB: usize = 1_024;

/// Little memory, most of which a few may take.
fn tight() -> Config {
    config(1).memory(|it| {
        it.budget = 2 * KIB * KIB;
        it.write_bytes = KIB * KIB;
    })
}

#[test]
fn those_who_read_nothing_make_memory_short_for_themselves_alone() {
    let mut world = World::new(tight(), 5);
    let join = |world: &mut World, name: &str, space| {
        let mut peer = world.join(Listener::Tcp, name, "lobby");
        peer.end.set_capacity(1_000, space);
        peer
    };
    let _greedy = ["one", "two", "three"].map(|name| join(&mut world, name, 10));
    let mut modest = join(&mut world, "modest", 2 * KIB);
    let publish = |world: &mut World, text: String| {
        let body = format!("{text:x>8192}");
        world.simulation.gateway().publish("lobby", Delivery::best_effort(body.clone())).unwrap();
        world.settle();
        delivery(0, &body)
    };
    for number in 0..400 {
        // The second comes while most of the first waits for the socket.
        let expected = [number, number + 1_000].map(|it| publish(&mut world, it.to_string()));
        while modest.read() > 0 {
            world.settle();
        }
        assert!(modest.frames() == expected, "round {number}");
    }
    // Nobody has as much waiting as one session may have: it is memory that is short.
    let stats = world.simulation.gateway().stats();
    assert!(stats.memory < 2 * KIB as u64 * KIB as u64, "{stats:?}");
    assert!(stats.deliveries_dropped > 3 * 500, "those who read nothing lost most: {stats:?}");
}
