//! Memory that others make short: who reads, acknowledges and talks notices nothing of it, whoever
//! comes is let in, and the one for whom most is kept is the one that gives way.

use std::time::Duration;

use comet::simulation::Listener;
use comet::{Closed, Config, Delivery, Target};
use comet_testkit::frame::{Wire, ack, auth, reply, say};

use super::world::{Peer, World, config};
use crate::support::log::Event;

const KIB: usize = 1_024;
const MIB: usize = 1_024 * KIB;
/// A virtual second.
const SECOND: u64 = 1_000_000;

/// Sessions outlive their connections, and nothing but the budget bounds what waits.
fn kept(shards: usize) -> Config {
    config(shards).resume(|it| it.ttl = Duration::from_secs(600)).io(|it| {
        it.write_timeout = Duration::from_secs(600);
        it.user_timeout = Duration::ZERO;
    })
}

/// Somebody who reads and acknowledges all there is, and says what was expected of it.
struct Healthy {
    peer: Peer,
    said: u32,
    /// Bodies of deliveries, in order.
    got: Vec<Vec<u8>>,
    answered: u32,
}

impl Healthy {
    fn join(world: &mut World, listener: Listener, name: &str, rooms: &str) -> Self {
        Self { peer: world.join(listener, name, rooms), said: 1, got: Vec::new(), answered: 1 }
    }

    /// Reads until nothing comes any more.
    fn read(&mut self, world: &mut World) {
        loop {
            let frames = self.peer.frames();
            if frames.is_empty() {
                return;
            }
            for frame in frames {
                match frame.op {
                    8 => self.answered = frame.ack,
                    _ => {
                        self.got.push(frame.body);
                        self.peer.say(world, &ack(frame.seq));
                    }
                }
            }
            world.settle();
        }
    }

    fn talk(&mut self, world: &mut World) {
        self.said += 1;
        self.peer.say(world, &say(self.said, "hello"));
        self.read(world);
        assert_eq!(self.answered, self.said, "an answer");
    }
}

/// Members of a hall whose sockets take no more than they have taken.
fn stalled(world: &mut World, count: usize, rooms: &str) -> Vec<Peer> {
    let join = |number: usize| {
        let listener = if number.is_multiple_of(2) { Listener::Tcp } else { Listener::WebSocket };
        let mut peer = world.join(listener, &format!("stalled-{number}@phone"), rooms);
        peer.end.set_capacity(64 * KIB, 2 * KIB);
        peer
    };
    (0..count).map(join).collect()
}

fn ends(world: &World, user: &str) -> Vec<String> {
    world.log.so_far(|event| match event {
        Event::Disconnected(peer, closed) | Event::Parked(peer, closed) if peer.user() == user => {
            Some(closed.to_string())
        }
        _ => None,
    })
}

#[test]
fn a_thousand_that_read_nothing_cost_neither_the_one_that_does_nor_whoever_comes() {
    for acked in [true, false] {
        let mut world = World::new(kept(2).memory(|it| it.budget = 64 * MIB), 11);
        let _hall = stalled(&mut world, 1_000, "hall");
        let mut healthy = Healthy::join(&mut world, Listener::Tcp, "healthy@phone", "hall");
        let start = world.simulation.now();
        let mut most = 0;
        for number in 0..500u64 {
            let mut body = number.to_string().into_bytes();
            body.resize(4 * KIB, b'.');
            let delivery = match acked {
                true => Delivery::acked(body).position(number + 1),
                false => Delivery::best_effort(body),
            };
            world.simulation.gateway().publish("hall", delivery).unwrap();
            world.settle();
            healthy.read(&mut world);
            if number % 10 == 0 {
                healthy.talk(&mut world);
                let name = format!("newcomer-{number}");
                let mut newcomer = Healthy::join(&mut world, Listener::WebSocket, &name, "");
                newcomer.talk(&mut world);
            }
            most = most.max(world.simulation.gateway().stats().memory);
            world.run_until(start + number * SECOND / 50);
        }
        assert_eq!(ends(&world, "healthy"), [""; 0], "acked: {acked}");
        assert_eq!(world.simulation.gateway().stats().turned_away, 0, "acked: {acked}");
        let texts = healthy.got.iter().map(|body| String::from_utf8_lossy(body));
        let numbers: Vec<String> = texts.map(|it| it.trim_end_matches('.').to_owned()).collect();
        let expected: Vec<String> = (0..500).map(|number: u64| number.to_string()).collect();
        assert!(numbers == expected, "acked: {acked}: all, in order: {}", numbers.len());
        // Five hundred bodies, which all refer to, and a thousand lists of what is in flight.
        assert!(most < 24 * MIB as u64, "acked: {acked}: {most}");
    }
}

#[test]
fn the_one_for_whom_most_is_kept_gives_way_whoever_asks_for_memory() {
    for listener in [Listener::Tcp, Listener::WebSocket] {
        let budget = 4 * MIB;
        let mut world = World::new(
            kept(1).memory(|it| it.budget = budget).delivery(|it| it.queue_bytes = budget),
            11,
        );
        let names = |prefix: &str, count: u32| -> Vec<String> {
            (0..count).map(|number| format!("{prefix}-{number}@phone")).collect()
        };
        let (modest, greedy) = (names("modest", 40), names("greedy", 3));
        let mut peers = Vec::new();
        for name in modest.iter().chain(&greedy) {
            let mut peer = world.join(listener, name, "");
            peer.end.set_capacity(64 * KIB, 2 * KIB);
            peers.push(peer);
        }
        let mut healthy = Healthy::join(&mut world, listener, "healthy@phone", "");
        let push = |world: &mut World, name: &str, len: usize| {
            let user = name.split('@').next().unwrap();
            let delivery = Delivery::acked(vec![7; len]);
            world.simulation.gateway().push(Target::user("dtalk", user), delivery).unwrap();
            world.settle();
            let memory = world.simulation.gateway().stats().memory;
            assert!(memory <= budget as u64, "{memory}");
        };
        modest.iter().for_each(|name| push(&mut world, name, 20 * KIB));
        // Asked for by all of them alike from here on, and far more than there is.
        for round in 0..600 {
            push(&mut world, &greedy[round % 3], 30 * KIB);
            push(&mut world, "healthy@phone", 10 * KIB);
            healthy.read(&mut world);
            healthy.talk(&mut world);
        }
        assert_eq!(healthy.got.len(), 600, "{listener:?}");
        assert_eq!(ends(&world, "healthy"), [""; 0], "{listener:?}");
        for name in modest {
            let user = name.split('@').next().unwrap();
            assert_eq!(ends(&world, user), [""; 0], "{listener:?}: {user} holds little");
            assert_eq!(world.log.gaps(user), [], "{listener:?}: {user} holds little");
        }
        assert!(world.simulation.gateway().stats().sheds > 0, "{listener:?}");
    }
}

#[test]
fn whoever_comes_is_let_in_while_somebody_that_stalls_could_give_way() {
    let budget = 4 * MIB;
    let mut world = World::new(
        kept(1).memory(|it| it.budget = budget).delivery(|it| it.queue_bytes = budget),
        11,
    );
    let hall = stalled(&mut world, 30, "");
    for round in 0..300u64 {
        for number in 0..hall.len() {
            let user = format!("stalled-{number}");
            let delivery = Delivery::acked(vec![7; 9 * KIB]);
            world.simulation.gateway().push(Target::user("dtalk", &user), delivery).unwrap();
            world.settle();
        }
        let listener = if round.is_multiple_of(2) { Listener::Tcp } else { Listener::WebSocket };
        let mut newcomer = Healthy::join(&mut world, listener, &format!("user-{round}"), "");
        newcomer.talk(&mut world);
    }
    assert_eq!(world.simulation.gateway().stats().turned_away, 0);
}

#[test]
fn nobody_is_let_in_when_nobody_stalls_and_memory_is_gone() {
    let mut world = World::new(kept(1).memory(|it| it.budget = 256 * KIB), 11);
    // Each has as much in flight as it may have for the moment: none could give way for another.
    let mut crowd = Vec::new();
    for number in 0..400 {
        let mut end = world.simulation.connect(Listener::Tcp, "10.1.2.3:4567".parse().unwrap());
        let name = format!("user-{number}");
        let bytes = Wire::Dtalk.bytes(&auth(1, &name, ""));
        assert_eq!(end.write(&bytes), bytes.len());
        world.settle();
        crowd.push(end);
        let delivery = Delivery::acked(vec![7; 600]);
        world.simulation.gateway().push(Target::user("dtalk", &name), delivery).unwrap();
        world.settle();
    }
    let stats = world.simulation.gateway().stats();
    assert!(stats.turned_away > 0, "{stats:?}");
    assert_eq!(stats.closed_as(&Closed::Shed), 0, "{stats:?}");
    assert_eq!(stats.deliveries_lost, 0, "{stats:?}");
}

#[test]
fn a_shard_on_which_nobody_stalls_does_not_pay_for_another() {
    let budget = 8 * MIB;
    let mut world = World::new(
        kept(4).memory(|it| it.budget = budget).delivery(|it| it.queue_bytes = budget),
        11,
    );
    let hall = stalled(&mut world, 12, "");
    let names: Vec<String> = (0..12).map(|number| format!("healthy-{number}@phone")).collect();
    let mut healthy: Vec<Healthy> =
        names.iter().map(|name| Healthy::join(&mut world, Listener::Tcp, name, "")).collect();
    let home = world.session("stalled-0").shard();
    let of_home: Vec<String> = (0..hall.len())
        .map(|number| format!("stalled-{number}"))
        .filter(|user| world.session(user).shard() == home)
        .collect();
    for round in 0..400 {
        let user = &of_home[round % of_home.len()];
        let delivery = Delivery::acked(vec![7; 30 * KIB]);
        world.simulation.gateway().push(Target::user("dtalk", user), delivery).unwrap();
        for name in &names {
            let user = name.split('@').next().unwrap();
            let delivery = Delivery::acked(vec![7; 8 * KIB]);
            world.simulation.gateway().push(Target::user("dtalk", user), delivery).unwrap();
        }
        world.settle();
        for healthy in &mut healthy {
            healthy.talk(&mut world);
        }
    }
    for (name, healthy) in names.iter().zip(&healthy) {
        assert_eq!(healthy.got.len(), 400, "{name}");
        assert_eq!(ends(&world, name.split('@').next().unwrap()), [""; 0]);
    }
    let stats = world.simulation.gateway().stats();
    assert!(stats.sheds > 0 && stats.turned_away == 0, "{stats:?}");
}

#[test]
fn whoever_talks_is_heard_while_others_begin_messages_and_do_not_finish_them() {
    for listener in [Listener::Tcp, Listener::WebSocket] {
        let budget = 8 * MIB;
        let mut world = World::new(
            kept(1).memory(|it| it.budget = budget).limits(|it| it.max_body = 2 * MIB),
            11,
        );
        let mut healthy = Healthy::join(&mut world, listener, "healthy@phone", "");
        for number in 0..100 {
            let mut peer = world.join(listener, &format!("begins-{number}"), "");
            let bytes = peer.encode(&say(2, vec![7; MIB]));
            let mut rest = &bytes[..bytes.len() - 1];
            while !rest.is_empty() && !peer.end.is_closed() {
                rest = &rest[peer.end.write(rest)..];
                world.settle();
            }
            // In two pieces, so that a part of it waits.
            let words = healthy.peer.encode(&say(number + 2, vec![7; 3_000]));
            healthy.peer.write(&mut world, &words[..2_000]);
            healthy.peer.write(&mut world, &words[2_000..]);
            assert_eq!(healthy.peer.frames(), [reply(number + 2, vec![7; 3_000])]);
        }
        assert_eq!(ends(&world, "healthy"), [""; 0], "{listener:?}");
        let stats = world.simulation.gateway().stats();
        assert_eq!(stats.turned_away, 0, "{listener:?}");
        assert!(stats.closed_as(&Closed::Shed) > 80, "{listener:?}: {stats:?}");
    }
}

#[test]
fn a_peer_that_is_merely_busy_does_not_give_way_for_those_that_have_stopped_reading() {
    let budget = 8 * MIB;
    let mut world = World::new(
        kept(2).memory(|it| it.budget = budget).delivery(|it| it.queue_bytes = budget),
        11,
    );
    let hall = stalled(&mut world, 40, "");
    let mut busy = Healthy::join(&mut world, Listener::Tcp, "busy@phone", "");
    for round in 0..400 {
        let users = (0..hall.len()).map(|number| format!("stalled-{number}"));
        // For the busy one more waits at times than for any other, and never for long.
        for user in users.chain(["busy"; 3].map(str::to_owned)) {
            let delivery = Delivery::acked(vec![7; 15 * KIB]);
            world.simulation.gateway().push(Target::user("dtalk", &user), delivery).unwrap();
            world.settle();
        }
        busy.said += 1;
        busy.peer.say(&mut world, &say(busy.said, "hello"));
        if round % 8 == 7 {
            busy.read(&mut world);
            assert_eq!(busy.answered, busy.said, "an answer in round {round}");
        }
        world.run_until(world.simulation.now() + SECOND / 5);
    }
    busy.read(&mut world);
    assert_eq!(ends(&world, "busy"), [""; 0]);
    assert_eq!(busy.got.len(), 1_200);
    assert!(world.simulation.gateway().stats().sheds > 0);
}

/// Two members that read everything, one that has stalled, and in each turn publishes of these
/// lengths, less than an eighth of the budget.
fn burst_to_readers(delivery: impl Fn(Vec<u8>) -> Delivery, bodies: &[usize]) {
    let budget = 512 * KIB;
    let config = kept(1).memory(|it| it.budget = budget).delivery(|it| {
        (it.queue_bytes, it.room_log_bytes) = (budget, budget);
    });
    let mut world = World::new(config, 11);
    let _stalled = stalled(&mut world, 1, "hall");
    let mut readers: Vec<Healthy> = [Listener::Tcp, Listener::WebSocket]
        .into_iter()
        .zip(["tcp@phone", "websocket@phone"])
        .map(|(listener, name)| Healthy::join(&mut world, listener, name, "hall"))
        .collect();
    for round in 0..500 {
        for len in bodies {
            world.simulation.gateway().publish("hall", delivery(vec![7; *len])).unwrap();
        }
        // What follows in the turn has the publishes queued, not written at once.
        let user = Target::user("dtalk", "stalled-0");
        world.simulation.gateway().push(user, Delivery::acked(vec![7; 1_100])).unwrap();
        world.settle();
        readers.iter_mut().for_each(|reader| reader.read(&mut world));
        for (reader, user) in readers.iter().zip(["tcp", "websocket"]) {
            assert_eq!(ends(&world, user), [""; 0], "{user} in round {round}");
            assert_eq!(reader.got.len(), (round + 1) * bodies.len(), "{user} in round {round}");
        }
    }
    assert!(world.simulation.gateway().stats().sheds > 0);
}

#[test]
fn a_burst_in_one_turn_cuts_off_nobody_who_reads_while_one_that_stalls_could_give_way() {
    burst_to_readers(Delivery::best_effort, &[5_000; 6]);
    burst_to_readers(Delivery::best_effort, &[900; 30]);
    burst_to_readers(Delivery::acked, &[5_000; 6]);
    burst_to_readers(Delivery::acked, &[900; 30]);
}

#[test]
fn a_push_to_many_sessions_cuts_off_none_that_reads_while_one_that_stalls_could_give_way() {
    let budget = 512 * KIB;
    let mut world = World::new(
        kept(1).memory(|it| it.budget = budget).delivery(|it| it.queue_bytes = budget),
        11,
    );
    let _stalled = stalled(&mut world, 1, "");
    let mut many: Vec<Healthy> = (0..150)
        .map(|device| {
            let listener = if device % 2 == 0 { Listener::Tcp } else { Listener::WebSocket };
            Healthy::join(&mut world, listener, &format!("many@{device}"), "")
        })
        .collect();
    for round in 0..300 {
        for (user, len) in [("stalled-0", 8 * KIB), ("many", 900)] {
            let delivery = Delivery::acked(vec![7; len]);
            world.simulation.gateway().push(Target::user("dtalk", user), delivery).unwrap();
        }
        world.settle();
        many.iter_mut().for_each(|reader| reader.read(&mut world));
        assert_eq!(ends(&world, "many"), [""; 0], "round {round}");
        assert!(many.iter().all(|reader| reader.got.len() == round + 1), "round {round}");
    }
    assert!(world.simulation.gateway().stats().sheds > 0);
}
