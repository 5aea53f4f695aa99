//! One seed, one run.

use std::time::Duration;

use comet::Delivery;
use comet::simulation::Listener;
use comet_testkit::frame::{ack, say};

use super::world::{Peer, World, config};
use crate::support::log::Event;

/// Everything that can be seen of a run.
#[derive(Debug, Eq, PartialEq)]
struct Trace {
    events: Vec<String>,
    bytes: Vec<Vec<u8>>,
    stats: String,
    turns: usize,
    moments: Vec<Option<u64>>,
}

/// Nine peers in three rooms who talk, are delivered to, are cut off and come back, with everything
/// that happens at the same moment left to the seed.
fn run(seed: u64) -> Trace {
    let config = config(3)
        .resume(|it| it.ttl = Duration::from_secs(5))
        .limits(|it| it.handshakes_per_address = 1_000);
    let mut world = World::new(config, seed);
    let listener = |at: usize| [Listener::Tcp, Listener::WebSocket][at % 2];
    let token = |at: usize| format!("user{at}@phone");
    let room = |at: usize| format!("room{}", at % 3);
    let mut peers: Vec<Peer> =
        (0..9).map(|at| world.join(listener(at), &token(at), &room(at))).collect();
    let (mut turns, mut moments, mut bytes) = (0, Vec::new(), Vec::new());
    for round in 0..6u32 {
        for (at, peer) in peers.iter_mut().enumerate() {
            let frame = say(round + 2, format!("{at} in {round}"));
            let message = peer.encode(&frame);
            peer.end.write(&message);
            let acked = peer.encode(&ack(round));
            peer.end.write(&acked);
        }
        for at in 0..3 {
            let delivery = Delivery::acked(format!("round {round}")).tag(u64::from(round) + 1);
            world.simulation.gateway().publish(&room(at), delivery).unwrap();
        }
        turns += world.run_until(u64::from(round + 1) * 700_000);
        moments.push(world.simulation.next_timeout());
        let gone = round as usize;
        peers[gone].end.reset();
        peers[gone].read();
        bytes.push(std::mem::take(&mut peers[gone].unread));
        world.simulation.step_wall_clock(-1_000);
        peers[gone] = world.join_again(listener(gone), &token(gone));
    }
    world.simulation.gateway().drain(Duration::from_secs(1));
    turns += world.run_until(60_000_000);
    for peer in &mut peers {
        peer.read();
    }
    bytes.extend(peers.into_iter().map(|peer| peer.unread));
    let stats = format!("{:?}", world.simulation.gateway().stats());
    assert!(world.simulation.is_stopped());
    Trace { events: world.events(), bytes, stats, turns, moments }
}

#[test]
fn the_same_seed_gives_the_same_bytes_events_and_turns() {
    for seed in 0..30 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}

#[test]
fn another_seed_gives_another_order() {
    let orders: std::collections::HashSet<_> = (0..30).map(|seed| run(seed).events).collect();
    assert!(orders.len() >= 25, "{} different runs of 30", orders.len());
}

#[test]
fn neither_shard_has_its_turn_always_before_the_other() {
    let mut first = std::collections::HashSet::new();
    for seed in 0..60 {
        let mut world = World::new(config(2), seed);
        let mut peers = ["alice", "ben"].map(|user| world.join(Listener::Tcp, user, ""));
        let shards = ["alice", "ben"].map(|user| world.session(user).shard());
        if shards != [0, 1] {
            continue;
        }
        for peer in &mut peers {
            let message = peer.encode(&say(2, ""));
            peer.end.write(&message);
        }
        world.settle();
        let heard = world.log.so_far(|event| match event {
            Event::Message(peer, _) => Some(peer.user().to_owned()),
            _ => None,
        });
        assert_eq!(heard.len(), 2);
        first.insert(heard[0].clone());
    }
    assert_eq!(first.len(), 2, "{first:?}");
}

#[test]
fn a_start_with_a_bad_configuration_is_refused() {
    let router = crate::support::router::TestRouter::new();
    let error = comet::simulation::Simulation::new(config(0), router, 1).unwrap_err();
    assert!(matches!(error, comet::StartError::Config(_)), "{error}");
}
