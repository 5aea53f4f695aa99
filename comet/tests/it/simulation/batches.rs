//! Sockets are read and written many at a time, and what came of each is dealt with one after the
//! other: by then a connection may be another one, or may have more to write.

use std::sync::{Arc, Mutex};

use comet::simulation::{Endpoint, Listener};
use comet::{Closed, Config, Connect, Delivery, Gateway, Identity, Overflow};
use comet_testkit::frame::{auth, delivery, reply, say};
use comet_testkit::websocket::{self, CLOSE, FIN};

use super::world::{Peer, World, config};
use crate::support::log::Event;
use crate::support::router::{TestRouter, identity};

/// A virtual second.
const SECOND: u64 = 1_000_000;

type Surprise = Box<dyn FnOnce(&Gateway) + Send>;

/// A gateway to which something happens in the midst of a turn: while it handles what the user
/// "clerk" says, so after it was told about its sockets and before it writes.
struct Stage {
    world: World,
    surprise: Arc<Mutex<Option<Surprise>>>,
}

impl Stage {
    fn new(config: Config, seed: u64) -> Self {
        let surprise: Arc<Mutex<Option<Surprise>>> = Arc::default();
        let theirs = Arc::clone(&surprise);
        let mut router = TestRouter::new();
        router.on_connect = Box::new(|_, request, reply| reply.accept(policy(&request)));
        router.on_message = Box::new(move |gateway, _, _, _, receipt| {
            if let Some(surprise) = theirs.lock().unwrap().take() {
                surprise(gateway);
            }
            receipt.ack("");
        });
        Self { world: World::with(config, router, seed), surprise }
    }

    fn surprise(&mut self, clerk: &mut Peer, what: impl FnOnce(&Gateway) + Send + 'static) {
        *self.surprise.lock().unwrap() = Some(Box::new(what));
        clerk.say(&mut self.world, &say(2, "now"));
        assert!(self.surprise.lock().unwrap().is_none(), "the clerk was heard");
    }

    /// A peer whose window and queue are full.
    fn busy(&mut self, listener: Listener, token: &str, rooms: &str) -> Peer {
        let mut peer = self.world.join(listener, token, rooms);
        let user = token.split('@').next().unwrap();
        let session = self.world.session(user);
        for body in ["in flight", "waits"] {
            self.world.simulation.gateway().push(session, Delivery::acked(body)).unwrap();
        }
        self.world.settle();
        assert_eq!(peer.frames(), [delivery(1, "in flight")]);
        peer
    }
}

/// Whose device has no name cannot come back, and ends when it cannot keep up.
fn policy(request: &Connect) -> Identity {
    let parks = request.token.contains('@');
    if parks { identity(request) } else { identity(request).overflow(Overflow::Close) }
}

/// Whose sessions outlive their connections, and who are soon too slow.
fn hasty() -> Config {
    config(1).resume(|it| it.ttl = std::time::Duration::from_secs(60)).delivery(|it| {
        it.window = 1;
        it.queue = 1;
        it.room_log = 1;
    })
}

fn reset(ends: Vec<Endpoint>) {
    ends.into_iter().for_each(|mut end| end.reset());
}

/// The whole of what a peer with little space gets until the gateway ends the stream.
fn read_to_the_end(world: &mut World, peer: &mut Peer) {
    while peer.read() > 0 {
        world.settle();
    }
    assert!(peer.end.is_shutdown(), "the end of the stream, and nothing before it was lost");
}

#[test]
fn a_connection_that_takes_the_place_of_a_broken_one_during_a_walk_is_not_broken() {
    let mut stage = Stage::new(hasty(), 3);
    let mut clerk = stage.world.join(Listener::Tcp, "clerk", "");
    let broken = stage.world.join(Listener::Tcp, "broken", "lobby");
    let mut slow = stage.world.join(Listener::Tcp, "slow@phone", "lobby");
    slow.end.set_capacity(1_000, 10);
    stage.surprise(&mut clerk, move |gateway| {
        reset(vec![broken.end]);
        // More than fits a window, and more than the room keeps for those who wait.
        for body in ["one", "two", "three", "four"] {
            gateway.publish("lobby", Delivery::acked(body)).unwrap();
        }
    });
    // The broken one ended for being slow before it was looked at as broken, and the other one's
    // connection took its slot to say goodbye from there.
    assert_eq!(stage.world.ended_as("broken"), Some(Closed::Slow));
    let parked = stage.world.log.so_far(|event| match event {
        Event::Parked(peer, closed) => Some((peer.user().to_owned(), closed.clone())),
        _ => None,
    });
    assert_eq!(parked, [("slow".to_owned(), Closed::Slow)]);
    read_to_the_end(&mut stage.world, &mut slow);
    assert_eq!(slow.frames(), [delivery(1, "one")]);
}

/// For three members too much to wait for the end of the turn: it is written when the next publish
/// comes, which then is still to be handed to its room.
const LARGE: usize = 25_000;

fn large() -> Delivery {
    Delivery::best_effort(vec![b'x'; LARGE])
}

#[test]
fn what_is_queued_for_a_closing_connection_while_others_of_its_batch_end_is_not_cut_off() {
    let mut stage = Stage::new(hasty().memory(|it| it.budget = 1 << 20), 3);
    let mut clerk = stage.world.join(Listener::Tcp, "clerk", "");
    let broken = stage.world.join(Listener::Tcp, "broken", "hall");
    let mut slow = stage.busy(Listener::WebSocket, "slow", "hall,room");
    let _third = stage.world.join(Listener::Tcp, "third", "hall");
    // Takes the whole delivery, and not the goodbye behind it.
    slow.end.set_capacity(1_000, 4 + 20 + LARGE);
    stage.surprise(&mut clerk, move |gateway| {
        reset(vec![broken.end]);
        gateway.publish("hall", large()).unwrap();
        gateway.publish("room", Delivery::acked("too much")).unwrap();
    });
    let lost = Closed::Lost(std::io::ErrorKind::ConnectionReset);
    assert_eq!(stage.world.ended_as("broken"), Some(lost));
    assert_eq!(stage.world.ended_as("slow"), Some(Closed::Slow));
    read_to_the_end(&mut stage.world, &mut slow);
    assert_eq!(slow.frames(), [delivery(0, vec![b'x'; LARGE])]);
    let goodbye = websocket::take(&mut slow.unread).expect("a goodbye");
    assert_eq!((goodbye.first, goodbye.close_code()), (FIN | CLOSE, Some(1008)));
}

#[test]
fn the_fate_of_a_write_is_not_another_connections_that_has_its_place_by_then() {
    let mut stage = Stage::new(hasty().memory(|it| it.budget = 1 << 20), 3);
    let mut clerk = stage.world.join(Listener::Tcp, "clerk", "");
    let first = stage.world.join(Listener::Tcp, "first", "hall");
    let second = stage.busy(Listener::Tcp, "second", "hall,room");
    let mut slow = stage.busy(Listener::Tcp, "slow@phone", "hall,room");
    slow.end.set_capacity(1_000, 10);
    stage.surprise(&mut clerk, move |gateway| {
        reset(vec![first.end, second.end]);
        gateway.publish("hall", large()).unwrap();
        gateway.publish("room", Delivery::acked("too much")).unwrap();
    });
    // With the end of the first the second is found to be too slow, and its slot goes to the
    // connection of the third; that it was broken, too, is looked at after that.
    assert_eq!(stage.world.ended_as("second"), Some(Closed::Slow));
    read_to_the_end(&mut stage.world, &mut slow);
    assert_eq!(slow.frames(), [delivery(0, vec![b'x'; LARGE])]);
}

#[test]
fn what_was_read_from_a_connection_is_not_the_message_of_the_next_one_in_its_place() {
    let mut reused = 0;
    for seed in 0..60 {
        // A single command is reason enough to look into the mailbox between two sockets.
        let mut stage = Stage::new(config(2).memory(|it| it.mailbox = 1), seed);
        let mut clerk = stage.world.join(Listener::Tcp, "clerk", "");
        let mut victim = stage.world.join(Listener::Tcp, "victim", "");
        let (home, place) = (stage.world.session("clerk").shard(), stage.world.session("victim"));
        if place.shard() != home {
            continue;
        }
        let mut next = stage.world.connect(Listener::Tcp);
        stage.world.settle();
        let gateway = stage.world.simulation.gateway().clone();
        gateway.kick(place, "enough").unwrap();
        let words = victim.encode(&say(2, "the victim's"));
        let request = next.encode(&auth(1, "next", ""));
        let trigger = clerk.encode(&say(2, "now"));
        for (peer, bytes) in [(&mut next, request), (&mut clerk, trigger), (&mut victim, words)] {
            assert_eq!(peer.end.write(&bytes), bytes.len());
        }
        *stage.surprise.lock().unwrap() = Some(Box::new(move |_| reset(vec![victim.end])));
        stage.world.settle();
        let session = stage.world.session("next");
        let low = |id: comet::SessionId| id.as_u64() & 0xff_ffff;
        reused += u32::from(session.shard() == home && low(session) == low(place));
        let heard = stage.world.log.so_far(|event| match event {
            Event::Message(peer, _) => Some(peer.user().to_owned()),
            _ => None,
        });
        assert_eq!(heard, ["clerk"], "seed {seed}");
        stage.world.run_until(SECOND);
        assert!(!next.end.is_shutdown(), "seed {seed}");
    }
    assert!(reused > 0, "it never came to that");
}

#[test]
fn a_connection_that_ends_before_its_batch_is_read_takes_no_message_of_another_along() {
    let mut stage = Stage::new(config(1).memory(|it| it.mailbox = 1), 3);
    let mut clerk = stage.world.join(Listener::Tcp, "clerk", "");
    let mut victim = stage.world.join(Listener::Tcp, "victim", "");
    let mut other = stage.world.join(Listener::Tcp, "other", "");
    let session = stage.world.session("victim");
    for peer in [&mut victim, &mut other, &mut clerk] {
        let bytes = peer.encode(&say(2, "hello"));
        assert_eq!(peer.end.write(&bytes), bytes.len());
    }
    // Who is about to end is read alone, and at once.
    clerk.end.shutdown();
    *stage.surprise.lock().unwrap() = Some(Box::new(move |gateway: &Gateway| {
        reset(vec![victim.end]);
        gateway.kick(session, "enough").unwrap();
    }));
    stage.world.settle();
    assert_eq!(stage.world.ended_as("victim"), Some(Closed::Kicked("enough".into())));
    assert_eq!(other.frames(), [reply(2, "")]);
}
