//! Sessions that open, send, change rooms and close, on virtual sockets, which are included in the
//! figures.

use comet::Target;
use comet::simulation::Endpoint;

use super::Benchmark;
use crate::meter::Meter;
use crate::world::{Crowd, Promise, Speech, World};

pub(super) const BENCHMARKS: &[Benchmark] = &[
    Benchmark::new("session/open-close-raw", |meter| open_close(meter, Speech::Raw)),
    Benchmark::new("session/open-close-goim", |meter| open_close(meter, Speech::Goim)),
    Benchmark::new("session/open-close-dtalk", |meter| open_close(meter, Speech::Dtalk)),
    Benchmark::new("session/open-close-dtalk-tcp", |meter| open_close(meter, Speech::DtalkTcp)),
    Benchmark::new("session/open-close-comet", |meter| open_close(meter, Speech::Comet)),
    Benchmark::new("session/message-dtalk", |meter| message(meter, Speech::Dtalk)),
    Benchmark::new("session/message-comet", |meter| message(meter, Speech::Comet)),
    Benchmark::new("session/push-dtalk", push),
    Benchmark::new("room/join-leave", join_leave),
];

const SESSIONS: usize = 100;

/// From a connection waiting for accept to a session in a room, and on to its end.
fn open_close(meter: &mut Meter, speech: Speech) {
    let mut world = World::new();
    let stays = world.knock(speech, "stays", "room,other");
    world.settle();
    for round in 0..2 {
        let mut ends: Vec<Endpoint> = (0..SESSIONS)
            .map(|number| world.knock(speech, &format!("user-{number}"), "room"))
            .collect();
        meter.measure_from_second(round, SESSIONS, || world.settle());
        assert_eq!(world.gateway().stats().sessions, SESSIONS as u64 + 1, "all have sessions");
        ends.iter_mut().for_each(Endpoint::reset);
        meter.measure_from_second(round, 0, || world.settle());
        assert_eq!(world.gateway().stats().sessions, 1, "all have gone");
    }
    drop(stays);
}

/// A message, its handling by the router, and the reply.
fn message(meter: &mut Meter, speech: Speech) {
    let mut crowd = Crowd::new(speech, Promise::BestEffort, SESSIONS, 64);
    for round in 0..5 {
        crowd.speak(&[b'x'; 64]);
        meter.measure_from_second(round, SESSIONS, || crowd.settle());
    }
    assert_eq!(crowd.stats().messages, 5 * SESSIONS as u64, "every message is heard");
}

/// A delivery to one user among many.
fn push(meter: &mut Meter) {
    let mut world = World::new();
    for number in 0..SESSIONS {
        world.knock(Speech::Dtalk, &format!("user-{number}"), "").discard();
    }
    world.settle();
    let users: Vec<String> = (0..SESSIONS).map(|number| format!("user-{number}")).collect();
    let delivery = comet::Delivery::best_effort(vec![b'x'; 64]);
    for round in 0..5 {
        meter.measure_from_second(round, SESSIONS, || {
            for user in &users {
                let taken = world.gateway().push(Target::user("bench", user), delivery.clone());
                debug_assert!(taken.is_ok(), "{taken:?}");
            }
            world.settle();
        });
    }
    assert_eq!(world.gateway().stats().deliveries, 5 * SESSIONS as u64, "every push is sent");
}

/// A user joins a room with other members, and leaves it.
fn join_leave(meter: &mut Meter) {
    let mut world = World::new();
    let _stays = world.knock(Speech::Dtalk, "stays", "room,other");
    let _moves = world.knock(Speech::Dtalk, "moves", "other");
    world.settle();
    let mut move_often = || {
        for _ in 0..SESSIONS {
            let joined = world.gateway().join(Target::user("bench", "moves"), "room");
            let left = world.gateway().leave(Target::user("bench", "moves"), "room");
            debug_assert!(joined.and(left).is_ok(), "there is room in the mailbox");
        }
        world.settle();
    };
    move_often();
    meter.measure(SESSIONS, move_often);
}
