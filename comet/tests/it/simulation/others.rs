//! What a user's devices hear of each other.

use std::time::Duration;

use bytes::Bytes;
use comet::Delivery;
use comet::simulation::Listener;

use super::world::{Peer, World, config};

fn bodies(peer: &mut Peer) -> Vec<Bytes> {
    peer.frames().into_iter().map(|frame| Bytes::from(frame.body)).collect()
}

#[test]
fn the_newest_of_a_users_other_devices_get_it_and_those_that_are_away_miss_nothing() {
    let mut world = World::new(config(1).resume(|it| it.ttl = Duration::from_secs(60)), 3);
    let mut peers = ["a", "b", "c"].map(|device| {
        let token = format!("al@{device}");
        (device, world.join(Listener::Tcp, &token, ""))
    });
    let mut away = world.join(Listener::Tcp, "al@away", "");
    away.end.reset();
    let mut other = world.join(Listener::Tcp, "bo@a", "");
    world.settle();
    assert_eq!(world.simulation.gateway().stats().parked, 1);

    for (most, expected) in [(10, ["a", "c"].as_slice()), (1, &["c"]), (0, &[])] {
        let gateway = world.simulation.gateway();
        gateway.push_others("dtalk", "al", "b", most, Delivery::best_effort("new")).unwrap();
        world.settle();
        for (device, peer) in &mut peers {
            let count = usize::from(expected.contains(device));
            assert_eq!(bodies(peer), vec!["new"; count], "{device}, {most}");
        }
    }
    assert_eq!(bodies(&mut other), Vec::<Bytes>::new());
    assert_eq!(world.simulation.gateway().stats().deliveries_dropped, 0);
}
