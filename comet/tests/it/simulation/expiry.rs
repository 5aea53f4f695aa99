//! Sessions whose identity is valid for a while.

use std::time::Duration;

use comet::simulation::Listener;
use comet::{Closed, Identity};
use comet_testkit::frame::{auth, frame, reply, say};

use super::world::{World, config};
use crate::support::router::TestRouter;

/// A virtual second.
const SECOND: u64 = 1_000_000;

/// Lets `user@device=seconds` in for so long, and without the number for ever.
fn world() -> World {
    let mut router = TestRouter::new();
    router.on_connect = Box::new(|_, request, reply| {
        let (peer, seconds) = request.token.split_once('=').unwrap_or((&request.token, ""));
        let (user, device) = peer.split_once('@').unwrap_or((peer, ""));
        let identity = Identity::new("dtalk", user).device(device);
        reply.accept(match seconds.parse() {
            Ok(seconds) => identity.expires_in(Duration::from_secs(seconds)),
            Err(_) => identity,
        });
    });
    World::with(config(2).resume(|it| it.ttl = Duration::from_secs(60)), router, 1)
}

/// The whole second before which the session of alice ended, and why.
fn end(world: &mut World, from: u64, to: u64) -> Option<(u64, Closed)> {
    (from..=to).find_map(|second| {
        world.run_until(second * SECOND + SECOND / 2);
        world.ended_as("alice").map(|closed| (second, closed))
    })
}

#[test]
fn a_session_ends_when_its_identity_expires_and_not_before() {
    for listener in [Listener::Tcp, Listener::WebSocket] {
        let mut world = world();
        let mut alice = world.join(listener, "alice@phone=10", "");
        let _bob = world.join(listener, "bob@phone", "");
        assert_eq!(end(&mut world, 1, 20), Some((10, Closed::Expired)));
        assert_eq!(world.ended_as("bob"), None);
        assert_eq!(alice.frames(), []);
        assert!(alice.end.is_shutdown() || listener == Listener::WebSocket);
        let stats = world.simulation.gateway().stats();
        assert_eq!((stats.sessions, stats.parked), (1, 0));
    }
}

#[test]
fn a_parked_session_ends_when_its_identity_expires() {
    let mut world = world();
    let mut alice = world.join(Listener::Tcp, "alice@phone=10", "");
    world.run_until(5 * SECOND);
    alice.end.reset();
    world.settle();
    assert_eq!(world.simulation.gateway().stats().parked, 1);
    assert_eq!(end(&mut world, 5, 20), Some((10, Closed::Expired)));
    let stats = world.simulation.gateway().stats();
    assert_eq!((stats.sessions, stats.parked), (0, 0));
}

#[test]
fn a_renewal_and_a_resume_bring_their_own_validity() {
    let mut world = world();
    let mut alice = world.join(Listener::Tcp, "alice@phone=10", "");
    world.run_until(5 * SECOND);
    alice.say(&mut world, &auth(2, "alice@phone=20", ""));
    assert_eq!(alice.frames(), [frame(2, 2, b"")]);
    assert_eq!(end(&mut world, 6, 15), None);
    let mut again = world.join_again(Listener::Tcp, "alice@phone=30");
    assert_eq!(again.frames(), [frame(2, 1, b"")]);
    assert_eq!(end(&mut world, 16, 60), Some((46, Closed::Expired)), "accepted at 15.5 s");

    let mut world = self::world();
    let mut alice = world.join(Listener::Tcp, "alice@phone=30", "");
    alice.say(&mut world, &auth(2, "alice@phone=5", ""));
    assert_eq!(end(&mut world, 1, 60), Some((5, Closed::Expired)), "an earlier end");
}

#[test]
fn an_expiry_is_set_moved_and_taken_back_while_the_session_is_open() {
    let mut world = world();
    let mut alice = world.join(Listener::Tcp, "alice@phone", "");
    let session = world.session("alice");
    let gateway = world.simulation.gateway().clone();
    gateway.set_expiry(session, Duration::from_secs(5)).unwrap();
    world.run_until(4 * SECOND);
    gateway.set_expiry(session, None).unwrap();
    assert_eq!(end(&mut world, 4, 30), None);
    alice.say(&mut world, &say(3, "still here"));
    assert_eq!(alice.frames(), [reply(3, b"still here")]);
    gateway.set_expiry(session, Duration::from_secs(20)).unwrap();
    gateway.set_expiry(session, Duration::from_secs(10)).unwrap();
    assert_eq!(end(&mut world, 31, 60), Some((41, Closed::Expired)), "set at 30.5 s");
}

#[test]
fn a_session_that_has_expired_already_ends_at_once() {
    let mut world = world();
    let _alice = world.join(Listener::Tcp, "alice@phone=0", "");
    assert_eq!(end(&mut world, 0, 1), Some((0, Closed::Expired)));
}
