//! Peers that take whatever they are sent and keep nothing: what is measured without a network.

use comet::Delivery;
use comet::simulation::Listener;
use comet_testkit::frame::say;

use super::world::{World, config};

#[test]
fn a_peer_that_discards_takes_everything_and_is_heard_as_before() {
    let mut world = World::new(config(1), 7);
    let mut peer = world.join(Listener::Tcp, "al", "lobby");
    let _silent = world.join(Listener::Tcp, "bo", "lobby");
    peer.end.set_capacity(1_000, 10);
    peer.end.discard();
    let before = world.simulation.gateway().stats();
    let lobby = Delivery::best_effort(vec![7; 5_000]);
    (0..3).for_each(|_| world.simulation.gateway().publish("lobby", lobby.clone()).unwrap());
    world.settle();
    peer.say(&mut world, &say(5, "still here"));
    let after = world.simulation.gateway().stats();
    assert_eq!(after.bytes_out - before.bytes_out, 2 * 3 * 5_020 + 30);
    assert_eq!((after.messages, after.deliveries), (1, 6));
    assert_eq!(peer.frames(), []);

    peer.end.reset();
    world.settle();
    assert!(peer.end.is_closed() && world.ended_as("al").is_some());
}

#[test]
fn nothing_but_the_session_remains_of_a_connection_that_discards_and_is_let_go() {
    let mut world = World::new(config(1), 7);
    let mut peer = world.join(Listener::Tcp, "al", "lobby");
    peer.end.discard();
    drop(peer);
    world.simulation.gateway().publish("lobby", Delivery::best_effort("for nobody")).unwrap();
    world.settle();
    let stats = world.simulation.gateway().stats();
    assert_eq!((stats.deliveries, stats.sessions), (1, 1));

    world.simulation.gateway().kick(world.session("al"), "enough").unwrap();
    world.run_until(10_000_000);
    assert_eq!(world.simulation.gateway().stats().connections, 0);
}
