//! What is sent where nothing is to be said, over hours.

use std::time::Duration;

use comet::simulation::Listener;
use comet::{Closed, Delivery};
use comet_testkit::frame::{auth, frame};
use comet_testkit::websocket::{self, BINARY, FIN, PING, PONG};

use super::world::{Peer, World, config};

/// A virtual second.
const SECOND: u64 = 1_000_000;

/// What a peer over WebSocket has been sent.
#[derive(Debug, Default, Eq, PartialEq)]
struct Heard {
    messages: usize,
    pings: usize,
}

/// Takes what there is; pings are answered if the peer is one that does.
fn hear(world: &mut World, peer: &mut Peer, answers: bool) -> Heard {
    let mut heard = Heard::default();
    peer.read();
    while let Some(frame) = websocket::take(&mut peer.unread) {
        match frame.first & 0x0f {
            PING => heard.pings += 1,
            BINARY => heard.messages += 1,
            _ => return heard,
        }
    }
    if answers && heard.pings > 0 {
        peer.write(world, &websocket::masked(FIN | PONG, b""));
    }
    heard
}

/// Every second for so long: what was heard in all, and the longest time without anything.
fn listen(world: &mut World, peer: &mut Peer, from: u64, seconds: u64) -> (Heard, u64) {
    let (mut all, mut longest, mut last) = (Heard::default(), 0, from);
    for second in from..from + seconds {
        world.run_until(second * SECOND);
        let Heard { messages, pings } = hear(world, peer, true);
        if messages + pings > 0 {
            longest = longest.max(second - last);
            last = second;
        }
        all.messages += messages;
        all.pings += pings;
    }
    (all, longest.max(from + seconds - last))
}

#[test]
fn a_silent_websocket_peer_hears_something_every_25_seconds_by_default() {
    let mut world = World::new(config(2), 3);
    let mut peer = world.join(Listener::WebSocket, "alice", "");
    let (heard, longest) = listen(&mut world, &mut peer, 0, 3_600);
    assert!((144..=165).contains(&heard.pings) && heard.messages == 0, "{heard:?}");
    // It is looked at every second.
    assert!(longest <= 26, "{longest} s");
    assert_eq!(world.ended_as("alice"), None);
}

#[test]
fn whoever_is_sent_something_else_is_not_pinged() {
    let mut world = World::new(config(1), 4);
    let mut peers: Vec<Peer> =
        (0..5).map(|at| world.join(Listener::WebSocket, &format!("user-{at}"), "lobby")).collect();
    for round in 1..=30 {
        world.run_until(round * 20 * SECOND);
        // To the whole room, which is written to by a walk over its members.
        world.simulation.gateway().publish("lobby", Delivery::best_effort("x")).unwrap();
        world.settle();
        for peer in &mut peers {
            assert_eq!(hear(&mut world, peer, true), Heard { messages: 1, pings: 0 });
            // A sign of life, so that nobody is asked for one.
            peer.say(&mut world, &frame(3, 1, b""));
            assert_eq!(hear(&mut world, peer, true), Heard { messages: 1, pings: 0 });
        }
    }
    world.run_until(626 * SECOND);
    for peer in &mut peers {
        assert_eq!(hear(&mut world, peer, true), Heard { messages: 0, pings: 1 });
    }
}

#[test]
fn a_peer_that_only_listens_is_asked_before_it_counts_as_idle() {
    let mut world = World::new(config(1), 4);
    let mut peer = world.join(Listener::WebSocket, "alice", "lobby");
    let mut mute = world.join(Listener::WebSocket, "mute", "lobby");
    let mut pings = 0;
    for round in 1..=60 {
        world.run_until(round * 20 * SECOND);
        world.simulation.gateway().publish("lobby", Delivery::best_effort("x")).unwrap();
        world.settle();
        pings += hear(&mut world, &mut peer, true).pings;
        hear(&mut world, &mut mute, false);
    }
    // Every four of twenty minutes.
    assert_eq!(pings, 5);
    assert_eq!((world.ended_as("alice"), world.ended_as("mute")), (None, Some(Closed::Idle)));
}

#[test]
fn dtalk_peers_over_tcp_are_sent_nothing_and_have_the_idle_time() {
    let mut world = World::new(config(1), 4);
    let mut peer = world.join(Listener::Tcp, "alice", "");
    world.run_until(479 * SECOND);
    assert_eq!((peer.read(), world.ended_as("alice")), (0, None));
    world.run_until(481 * SECOND);
    assert_eq!(world.ended_as("alice"), Some(Closed::Idle));
}

#[test]
fn a_peer_that_answers_nothing_is_idle_at_the_configured_time_and_not_later() {
    let limits = config(1).ping(|it| it.idle_timeout = Duration::from_secs(60));
    let mut world = World::new(limits, 9);
    let mut mute = world.join(Listener::WebSocket, "mute", "");
    world.run_until(59 * SECOND);
    assert!(hear(&mut world, &mut mute, false).pings >= 2);
    assert_eq!(world.ended_as("mute"), None);
    world.run_until(61 * SECOND);
    assert_eq!(world.ended_as("mute"), Some(Closed::Idle));
}

#[test]
fn nobody_is_pinged_before_there_is_a_session() {
    let limits = config(1).handshake(|it| it.timeout = Duration::from_secs(300));
    let mut world = World::new(limits, 9);
    let mut peer = world.connect(Listener::WebSocket);
    world.run_until(200 * SECOND);
    assert_eq!(peer.read(), 0);
    peer.say(&mut world, &auth(1, "alice", ""));
    assert_eq!(hear(&mut world, &mut peer, true).messages, 1);
    world.run_until(226 * SECOND);
    assert_eq!(hear(&mut world, &mut peer, true).pings, 1);
}

#[test]
fn a_session_that_nothing_happens_to_wakes_its_shard_once_in_an_interval() {
    let mut world = World::new(config(1), 5);
    let mut peer = world.join(Listener::WebSocket, "alice", "");
    let mut turns = 0;
    for second in 1..=1_000 {
        turns += world.run_until(second * SECOND);
        hear(&mut world, &mut peer, true);
    }
    // 40 to 46 pings, each a turn, and the pong another one. The wheel looks at a deadline beyond
    // its 65 s once more; others it meets on the way.
    assert!(turns <= 100, "{turns} turns");
}
