//! Peers whose network does what they ask: sessions, messages, deliveries, timers, drain.

use std::time::Duration;

use comet::simulation::Listener;
use comet::{Closed, Delivery};
use comet_testkit::frame::{ack, auth, delivery, reply, say};
use comet_testkit::websocket::{self, CLOSE, FIN};

use super::world::{World, config};
use crate::support::log::Event;

const BOTH: [Listener; 2] = [Listener::Tcp, Listener::WebSocket];

/// A virtual second.
const SECOND: u64 = 1_000_000;

#[test]
fn a_peer_authenticates_and_its_messages_are_answered() {
    for listener in BOTH {
        for seed in 0..20 {
            let mut world = World::new(config(3), seed);
            let mut peer = world.join(listener, "alice", "");
            peer.say(&mut world, &say(2, "hello"));
            peer.say(&mut world, &say(3, "again"));
            assert_eq!(peer.frames(), [reply(2, "hello"), reply(3, "again")]);
            assert_eq!(world.simulation.gateway().stats().sessions, 1);
        }
    }
}

#[test]
fn frames_that_come_byte_by_byte_are_the_same_frames() {
    for listener in BOTH {
        let mut world = World::new(config(2), 7);
        let mut peer = world.connect(listener);
        for frame in [auth(1, "alice", "lobby"), say(2, "one"), say(3, "")] {
            for byte in peer.encode(&frame) {
                peer.write(&mut world, &[byte]);
            }
        }
        let answers = peer.frames();
        assert_eq!(answers[1..], [reply(2, "one"), reply(3, "")]);
    }
}

#[test]
fn a_connection_that_waits_on_another_shard_than_its_users_moves_there() {
    let mut moved = 0;
    for seed in 0..20 {
        let mut world = World::new(config(4), seed);
        let mut peer = world.connect(Listener::Tcp);
        let mut bytes = peer.encode(&auth(1, "alice", ""));
        bytes.extend(peer.encode(&say(2, "right after")));
        peer.write(&mut world, &bytes);
        assert_eq!(peer.frames()[1..], [reply(2, "right after")]);
        moved += world.simulation.gateway().stats().moved;
    }
    assert!((5..=20).contains(&moved), "{moved} of 20 with four shards");
}

#[test]
fn a_publish_reaches_the_members_on_all_shards() {
    let mut world = World::new(config(4), 11);
    let mut peers: Vec<_> =
        (0..12).map(|at| world.join(BOTH[at % 2], &format!("user{at}"), "lobby")).collect();
    world.simulation.gateway().publish("lobby", Delivery::acked("to all")).unwrap();
    world.settle();
    for peer in &mut peers {
        assert_eq!(peer.frames(), [delivery(1, "to all")]);
    }
}

#[test]
fn what_is_not_acknowledged_is_sent_again_when_virtual_time_has_come() {
    for listener in BOTH {
        let mut world = World::new(config(1), 3);
        let mut peer = world.join(listener, "alice", "");
        let begin = world.simulation.now();
        let session = world.session("alice");
        world.simulation.gateway().push(session, Delivery::acked("x").tag(9)).unwrap();
        world.settle();
        assert_eq!(peer.frames(), [delivery(1, "x")]);
        world.run_until(begin + 2 * SECOND - 1);
        assert_eq!(peer.frames(), []);
        world.run_until(begin + 2 * SECOND + SECOND / 2);
        assert_eq!(peer.frames(), [delivery(1, "x")]);
        peer.say(&mut world, &ack(1));
        world.run_until(begin + 60 * SECOND);
        assert_eq!(peer.frames(), []);
        let acked = world.log.so_far(|event| match event {
            Event::Acked(peer, tag) => Some((peer.user().to_owned(), *tag)),
            _ => None,
        });
        assert_eq!(acked, [("alice".to_owned(), 9)]);
    }
}

#[test]
fn a_silent_peer_is_closed_at_its_deadline_and_costs_few_turns_until_then() {
    for listener in BOTH {
        let mut world = World::new(config(2), 5);
        let peer = world.connect(listener);
        let turns = world.run_until(8 * SECOND - 1);
        assert!(turns < 5, "{turns} turns for nothing");
        assert!(!peer.end.is_shutdown() && !peer.end.is_closed());
        world.run_until(11 * SECOND);
        assert!(peer.end.is_closed());
        assert_eq!(world.simulation.gateway().stats().connections, 0);
    }
}

#[test]
fn steps_of_the_wall_clock_move_no_timer() {
    let mut world = World::new(config(1), 5);
    let begin = world.simulation.now();
    let early = world.connect(Listener::Tcp);
    world.simulation.step_wall_clock(3_600_000);
    world.run_until(begin + 4 * SECOND);
    let late = world.connect(Listener::Tcp);
    world.simulation.step_wall_clock(-7_200_000);
    let closed = |world: &mut World, at: u64| {
        world.run_until(begin + at);
        assert_eq!(world.simulation.now(), begin + at);
        [early.end.is_shutdown(), late.end.is_shutdown()]
    };
    // Each authentication timeout ends after 8 s, or one tick of the wheel later.
    assert_eq!(closed(&mut world, 8 * SECOND - 1), [false, false]);
    assert_eq!(closed(&mut world, 8 * SECOND + SECOND / 4), [true, false]);
    assert_eq!(closed(&mut world, 12 * SECOND - 1), [true, false]);
    assert_eq!(closed(&mut world, 12 * SECOND + SECOND / 4), [true, true]);
}

#[test]
fn a_peer_that_sends_no_more_can_read_to_the_end() {
    for listener in BOTH {
        let mut world = World::new(config(1), 2);
        let mut peer = world.join(listener, "alice", "");
        peer.say(&mut world, &say(2, "bye"));
        peer.end.shutdown();
        world.settle();
        assert!(!peer.end.is_shutdown(), "there is something to be read");
        assert_eq!(peer.frames(), [reply(2, "bye")]);
        assert!(peer.end.is_shutdown() && peer.end.is_closed() && !peer.end.is_reset());
        assert_eq!(world.ended_as("alice"), Some(Closed::ByPeer));
    }
}

#[test]
fn what_arrives_together_with_the_end_is_heard() {
    for listener in BOTH {
        let mut world = World::new(config(1), 2);
        let mut peer = world.join(listener, "alice", "");
        let last = peer.encode(&say(2, "bye"));
        assert_eq!(peer.end.write(&last), last.len());
        peer.end.shutdown();
        world.settle();
        let heard = world.log.so_far(|event| match event {
            Event::Message(_, message) => Some(message.body.clone()),
            _ => None,
        });
        assert_eq!(heard, ["bye"]);
        assert_eq!(world.ended_as("alice"), Some(Closed::ByPeer));
    }
}

#[test]
fn a_drained_gateway_says_goodbye_and_stops() {
    for listener in BOTH {
        let mut world = World::new(config(3), 8);
        let mut peer = world.join(listener, "alice", "");
        world.simulation.gateway().drain(Duration::from_secs(4));
        world.run_until(SECOND);
        assert!(!world.simulation.is_stopped(), "a peer that has not closed its side");
        assert_eq!(peer.frames(), []);
        if listener == Listener::WebSocket {
            let goodbye = websocket::take(&mut peer.unread).expect("a goodbye");
            assert_eq!((goodbye.first, goodbye.close_code()), (FIN | CLOSE, Some(1001)));
        }
        assert!(peer.end.is_shutdown());
        peer.end.shutdown();
        world.settle();
        assert!(world.simulation.is_stopped());
        assert_eq!(world.ended_as("alice"), Some(Closed::Draining));
        assert!(peer.end.is_closed());
        assert_eq!(world.simulation.next_timeout(), None);
        let late = world.simulation.connect(listener, "10.0.0.9:9".parse().unwrap());
        assert!(late.is_closed() && late.is_reset());
    }
}
