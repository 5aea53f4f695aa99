//! Connections that move to another shard, and what is counted meanwhile.

use comet::simulation::Listener;
use comet_testkit::frame::{auth, frame};

use super::world::{World, config};

#[test]
fn a_connection_is_counted_in_every_moment_of_its_move() {
    let mut moved = 0;
    for seed in 0..32 {
        let mut world = World::new(config(2), seed);
        let mut peer = world.connect(Listener::Tcp);
        world.settle();
        let bytes = peer.encode(&auth(1, "alice", "lobby"));
        assert_eq!(peer.end.write(&bytes), bytes.len());
        while world.simulation.turn() {
            assert_eq!(world.simulation.gateway().stats().connections, 1, "seed {seed}");
        }
        assert_eq!(peer.frames(), [frame(2, 1, b"")]);
        moved += world.simulation.gateway().stats().moved;
        peer.end.reset();
        world.settle();
        assert_eq!(world.simulation.gateway().stats().connections, 0);
    }
    assert!(moved > 0);
}
