//! What is sent again and what is not, to peers who acknowledge in time: time waits for them.

use std::time::Duration;

use comet::simulation::Listener;
use comet::{Config, Delivery, SessionId};
use comet_testkit::frame::{ack, delivery, reply, say};

use super::world::{Peer, World, config};

/// A virtual second, and the first time-out of these tests.
const SECOND: u64 = 1_000_000;
const RTO: Duration = Duration::from_secs(1);

/// A gateway, one session in the lobby, and the moment at which it has been opened.
fn session(listener: Listener, config: Config) -> (World, Peer, SessionId, u64) {
    let mut world = World::new(config.delivery(|it| it.rto = RTO), 13);
    let peer = world.join(listener, "alice", "lobby");
    let (session, now) = (world.session("alice"), world.simulation.now());
    (world, peer, session, now)
}

fn push(world: &mut World, session: SessionId, body: &str) {
    world.simulation.gateway().push(session, Delivery::acked(body.to_owned())).unwrap();
    world.settle();
}

/// Lets so many time-outs pass, each up to an eighth longer, and what a timer may be late.
fn pass(world: &mut World, timeouts: u64) {
    let now = world.simulation.now();
    world.run_until(now + timeouts * SECOND * 9 / 8 + 20_000);
}

fn everywhere(test: impl Fn(Listener, usize)) {
    for shards in [1, 2] {
        [Listener::Tcp, Listener::WebSocket].into_iter().for_each(|it| test(it, shards));
    }
}

#[test]
fn only_what_is_unacked_comes_again_oldest_first() {
    everywhere(|listener, shards| {
        let (mut world, mut peer, session, start) = session(listener, config(shards));
        (1..=6).for_each(|number: u32| push(&mut world, session, &number.to_string()));
        let sent: Vec<_> = (1..=6).map(|seq| delivery(seq, seq.to_string())).collect();
        assert_eq!(peer.frames(), sent);
        [5, 2, 1].into_iter().for_each(|seq| peer.say(&mut world, &ack(seq)));
        world.run_until(start + SECOND * 9 / 10);
        assert_eq!(peer.frames(), [], "not yet");
        pass(&mut world, 1);
        let again = [3, 4, 6].map(|seq| delivery(seq, seq.to_string()));
        assert_eq!(peer.frames(), again);
        [3, 4, 6].into_iter().for_each(|seq| peer.say(&mut world, &ack(seq)));
        pass(&mut world, 8);
        assert_eq!(peer.frames(), []);
        let stats = world.simulation.gateway().stats();
        assert_eq!((stats.acks, stats.resends), (6, 3));
    });
}

#[test]
fn a_new_delivery_is_sent_again_in_its_own_time_while_an_old_one_has_backed_off() {
    everywhere(|listener, shards| {
        let (mut world, mut peer, session, _) = session(listener, config(shards));
        push(&mut world, session, "old");
        // Sent at 0, 1, 3 and 7 s, so that the next is eight seconds away.
        [0, 1, 2, 4].into_iter().for_each(|timeouts| {
            pass(&mut world, timeouts);
            assert_eq!(peer.frames(), [delivery(1, "old")]);
        });
        world.simulation.gateway().publish("lobby", Delivery::acked("new")).unwrap();
        world.settle();
        assert_eq!(peer.frames(), [delivery(2, "new")]);
        [1, 2].into_iter().for_each(|timeouts| {
            pass(&mut world, timeouts);
            assert_eq!(peer.frames(), [delivery(2, "new")]);
        });
    });
}

#[test]
fn a_delivery_that_waited_for_the_window_is_sent_again_in_its_own_time() {
    everywhere(|listener, shards| {
        let (mut world, mut peer, session, _) =
            session(listener, config(shards).delivery(|it| it.window = 1));
        push(&mut world, session, "old");
        world.simulation.gateway().publish("lobby", Delivery::acked("new")).unwrap();
        [0, 1, 2, 4].into_iter().for_each(|timeouts| {
            pass(&mut world, timeouts);
            assert_eq!(peer.frames(), [delivery(1, "old")]);
        });
        peer.say(&mut world, &ack(1));
        [0, 1, 2].into_iter().for_each(|timeouts| {
            pass(&mut world, timeouts);
            assert_eq!(peer.frames(), [delivery(2, "new")], "after {timeouts}");
        });
    });
}

#[test]
fn nothing_is_sent_again_once_acked() {
    everywhere(|listener, shards| {
        let (mut world, mut peer, session, _) = session(listener, config(shards));
        for round in 1..=3 {
            push(&mut world, session, "hello");
            assert_eq!(peer.frames(), [delivery(round, "hello")]);
            peer.say(&mut world, &ack(round));
        }
        pass(&mut world, 10);
        assert_eq!(peer.frames(), []);
        assert_eq!(world.simulation.gateway().stats().resends, 0);
    });
}

/// The timer that sends again was started and stopped under a lock that its check did not hold:
/// a window that was emptied at the wrong moment was never looked at again.
#[test]
fn a_window_that_was_emptied_still_sends_again_what_comes_later() {
    everywhere(|listener, shards| {
        let (mut world, mut peer, session, _) = session(listener, config(shards));
        for number in 1..=40 {
            push(&mut world, session, "hello");
            assert_eq!(peer.frames(), [delivery(number, "hello")]);
            if number.is_multiple_of(10) {
                pass(&mut world, 1);
                assert_eq!(peer.frames(), [delivery(number, "hello")], "sent again");
            }
            peer.say(&mut world, &ack(number));
        }
    });
}

/// Only a heartbeat kept a session: a client that talked all the time was closed as idle.
#[test]
fn whoever_talks_is_not_idle() {
    everywhere(|listener, shards| {
        let idle = Duration::from_secs(30);
        let limits = config(shards).ping(|it| {
            it.interval = idle / 2;
            it.idle_timeout = idle;
        });
        let (mut world, mut peer, _, start) = session(listener, limits);
        for second in 1..=90u32 {
            world.run_until(start + u64::from(second) * SECOND);
            if second.is_multiple_of(29) {
                peer.say(&mut world, &say(second, "x"));
                assert_eq!(peer.frames(), [reply(second, "x")]);
            }
        }
        assert_eq!(world.ended_as("alice"), None);
        world.run_until(start + (87 + 31) * SECOND);
        assert_eq!(world.ended_as("alice"), Some(comet::Closed::Idle));
    });
}
