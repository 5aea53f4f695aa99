//! Sessions that open, send, change rooms and close, on virtual sockets, which are included in the
//! figures.

use comet::Target;
use comet::simulation::Endpoint;

use super::Benchmark;
use crate::meter::Meter;
use crate::world::{BusyRoom, PeerDialect, World};
use comet::Class;

pub(super) const BENCHMARKS: &[Benchmark] = &[
    Benchmark::new("session/open-close-raw", |meter| open_close(meter, PeerDialect::Raw)),
    Benchmark::new("session/open-close-goim", |meter| open_close(meter, PeerDialect::Goim)),
    Benchmark::new("session/open-close-dtalk", |meter| open_close(meter, PeerDialect::Dtalk)),
    Benchmark::new("session/open-close-dtalk-tcp", |meter| {
        open_close(meter, PeerDialect::DtalkTcp)
    }),
    Benchmark::new("session/open-close-comet", |meter| open_close(meter, PeerDialect::Comet)),
    Benchmark::new("session/message-dtalk", |meter| message(meter, PeerDialect::Dtalk)),
    Benchmark::new("session/message-comet", |meter| message(meter, PeerDialect::Comet)),
    Benchmark::new("session/push-dtalk", push),
    Benchmark::new("room/join-leave", join_leave),
];

const SESSIONS: usize = 100;

/// From a connection waiting for accept to a session in a room, and on to its end.
fn open_close(meter: &mut Meter, dialect: PeerDialect) {
    let mut world = World::new();
    let stays = world.connect(dialect, "stays", "room,other");
    world.run_until_idle();
    for round in 0..2 {
        let mut ends: Vec<Endpoint> = (0..SESSIONS)
            .map(|number| world.connect(dialect, &format!("user-{number}"), "room"))
            .collect();
        meter.measure_from_second(round, SESSIONS, || world.run_until_idle());
        assert_eq!(world.gateway().stats().sessions, SESSIONS as u64 + 1, "all have sessions");
        ends.iter_mut().for_each(Endpoint::reset);
        meter.measure_from_second(round, 0, || world.run_until_idle());
        assert_eq!(world.gateway().stats().sessions, 1, "all have gone");
    }
    drop(stays);
}

/// A message, its handling by the router, and the reply.
fn message(meter: &mut Meter, dialect: PeerDialect) {
    let mut room = BusyRoom::new(dialect, Class::BestEffort, SESSIONS, 64);
    for round in 0..5 {
        room.send_messages(&[b'x'; 64]);
        meter.measure_from_second(round, SESSIONS, || room.run_until_idle());
    }
    assert_eq!(room.stats().messages, 5 * SESSIONS as u64, "every message is heard");
}

/// A delivery to one user among many.
fn push(meter: &mut Meter) {
    let mut world = World::new();
    for number in 0..SESSIONS {
        world.connect(PeerDialect::Dtalk, &format!("user-{number}"), "").discard();
    }
    world.run_until_idle();
    let users: Vec<String> = (0..SESSIONS).map(|number| format!("user-{number}")).collect();
    let delivery = comet::Delivery::best_effort(vec![b'x'; 64]);
    for round in 0..5 {
        meter.measure_from_second(round, SESSIONS, || {
            for user in &users {
                let taken = world.gateway().push(Target::user("bench", user), delivery.clone());
                debug_assert!(taken.is_ok(), "{taken:?}");
            }
            world.run_until_idle();
        });
    }
    assert_eq!(world.gateway().stats().deliveries, 5 * SESSIONS as u64, "every push is sent");
}

/// A user joins a room with other members, and leaves it.
fn join_leave(meter: &mut Meter) {
    let mut world = World::new();
    let _stays = world.connect(PeerDialect::Dtalk, "stays", "room,other");
    let _moves = world.connect(PeerDialect::Dtalk, "moves", "other");
    world.run_until_idle();
    let mut move_often = || {
        for _ in 0..SESSIONS {
            let joined = world.gateway().join(Target::user("bench", "moves"), "room");
            let left = world.gateway().leave(Target::user("bench", "moves"), "room");
            debug_assert!(joined.and(left).is_ok(), "there is room in the mailbox");
        }
        world.run_until_idle();
    };
    move_often();
    meter.measure(SESSIONS, move_often);
}
