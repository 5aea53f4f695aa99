//! What a peer misses, told exactly and in its place.

use std::time::Duration;

use comet::{Closed, Config, Delivery, Identity, Overflow, Target};
use comet_testkit::client::Transport;
use comet_testkit::clock;
use comet_testkit::comet::{Comet, Gap, Hello, best_effort, latest, op, reason};

use crate::support::gateway::{Server, Setup, config};
use crate::support::log::Event;
use crate::support::place::everywhere;

fn small(shards: usize) -> Config {
    config(shards).delivery(|it| {
        it.window = 2;
        it.queue = 3;
        it.room_log = 3;
    })
}

/// Numbered bodies, each where its number says in the record.
fn numbered(number: u64) -> Delivery {
    Delivery::acked(number.to_string()).position(number)
}

#[test]
fn a_full_queue_gives_up_its_oldest_and_says_so_in_its_place() {
    everywhere(|place| {
        let server =
            Server::start(small(place.shards).delivery(|it| it.overflow = Overflow::DropOldest));
        let mut alice = Comet::open(&server, place.transport, &Hello::new("alice", ""));
        (1..=9).for_each(|n| {
            server.gateway.push(Target::user("dtalk", "alice"), numbered(n)).unwrap()
        });
        assert_eq!(alice.deliveries(2), [(1, "1".into()), (2, "2".into())]);
        alice.beat();
        alice.ack(2);
        assert_eq!(alice.gap().extent(), (3, 5, 3), "3 to 7: the gap itself takes a place");
        assert_eq!(alice.delivery(), (4, "8".into()));
        alice.ack(4);
        assert_eq!(alice.delivery(), (5, "9".into()));
        assert_eq!(server.log.gaps("alice"), [(5, 3)]);
        assert_eq!(server.stats().deliveries_lost, 5);
    });
}

#[test]
fn a_reader_that_a_rooms_log_has_left_behind_is_told_the_room_and_the_range() {
    everywhere(|place| {
        let server =
            Server::start(small(place.shards).delivery(|it| it.overflow = Overflow::DropOldest));
        let mut alice = Comet::open(&server, place.transport, &Hello::new("alice", "lobby"));
        let mut bob = Comet::open(&server, place.transport, &Hello::new("bob", "lobby"));
        for number in 1..=12 {
            server.gateway.publish("lobby", numbered(number)).unwrap();
            assert_eq!(bob.delivery(), (number as u32, number.to_string()));
            bob.ack(number as u32);
            bob.beat();
        }
        assert_eq!(alice.deliveries(2).len(), 2);
        // Her shard, which need not be his, has dealt with all of it as well.
        alice.beat();
        alice.ack(2);
        let gap = alice.gap();
        assert_eq!((gap.to, gap.count, gap.position), (3, 7, 3));
        assert_eq!((&*gap.room, gap.reason), ("lobby", reason::SLOW));
        assert_eq!(alice.delivery(), (4, "10".into()));
        alice.ack(4);
        assert_eq!(alice.deliveries(2), [(5, "11".into()), (6, "12".into())]);
    });
}

#[test]
fn a_slow_peer_is_parked_and_finds_what_was_kept_and_then_the_gap() {
    everywhere(|place| {
        let limits = small(place.shards).resume(|it| it.ttl = Duration::from_secs(60));
        let server = Server::start(limits);
        let mut alice = Comet::open(&server, place.transport, &Hello::new("alice", ""));
        (1..=9).for_each(|n| {
            server.gateway.push(Target::user("dtalk", "alice"), numbered(n)).unwrap()
        });
        assert_eq!(alice.deliveries(2).len(), 2);
        assert_eq!(alice.error(), (10, true), "slow, and welcome to come back");
        let parked = server.log.collect(1, |event| match event {
            Event::Parked(_, closed) => Some(closed.clone()),
            _ => None,
        });
        assert_eq!(parked, [Closed::Slow]);
        let mut alice = Comet::open(&server, place.transport, &alice.back("alice", 2, 0));
        assert!(alice.welcome.resumed);
        assert_eq!(alice.deliveries(2), [(3, "3".into()), (4, "4".into())]);
        alice.ack(4);
        assert_eq!(alice.delivery(), (5, "5".into()));
        assert_eq!(alice.gap().extent(), (6, 4, 6));
        alice.ack(6);
        server.gateway.push(Target::user("dtalk", "alice"), numbered(10)).unwrap();
        assert_eq!(alice.delivery(), (7, "10".into()));
    });
}

#[test]
fn what_a_session_is_to_do_when_it_cannot_keep_up_may_be_its_own() {
    let server = Setup::new(small(1).delivery(|it| it.overflow = Overflow::Close))
        .on_connect(|_, request, reply| {
            let identity = Identity::new(request.app, request.token.as_str());
            reply.accept(match &*request.token {
                "patient" => identity.overflow(Overflow::DropOldest),
                _ => identity,
            });
        })
        .start();
    let mut patient = Comet::open(&server, Transport::Tcp, &Hello::new("patient", ""));
    let mut other = Comet::open(&server, Transport::Tcp, &Hello::new("other", ""));
    for user in ["patient", "other"] {
        (1..=6)
            .for_each(|n| server.gateway.push(Target::user("dtalk", user), numbered(n)).unwrap());
    }
    assert_eq!(patient.deliveries(2).len(), 2);
    // The ack must not overtake what was pushed.
    patient.beat();
    patient.ack(2);
    assert_eq!(patient.gap().extent(), (3, 2, 3));
    assert_eq!(other.deliveries(2).len(), 2);
    assert_eq!(other.error(), (10, true));
    assert_eq!(server.log.closed("other"), Closed::Slow);
}

#[test]
fn a_body_longer_than_the_peer_takes_is_a_gap() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let auth = Hello { max_body: 10, ..Hello::new("alice", "lobby") };
        let mut alice = Comet::open(&server, place.transport, &auth);
        server.gateway.publish("lobby", Delivery::acked("short").position(1)).unwrap();
        server.gateway.publish("lobby", Delivery::acked("much too long").position(2)).unwrap();
        server.gateway.publish("lobby", Delivery::acked("fits").position(3)).unwrap();
        assert_eq!(alice.delivery(), (1, "short".into()));
        let gap = alice.gap();
        assert_eq!((gap.to, gap.count, gap.position), (2, 1, 2));
        assert_eq!(gap.reason, reason::TOO_LARGE);
        assert_eq!(alice.delivery(), (3, "fits".into()));
    });
}

#[test]
fn best_effort_deliveries_that_were_dropped_are_counted_before_the_next_one() {
    let server = Server::start(config(1).memory(|it| it.write_bytes = 50_000));
    let mut alice = Comet::open(&server, Transport::Tcp, &Hello::new("alice", "lobby"));
    let mut sent = 0;
    while server.stats().deliveries_dropped < 3 {
        sent += 1;
        server.gateway.publish("lobby", Delivery::best_effort(vec![7; 30_000])).unwrap();
        clock::eventually("it is taken or dropped", || {
            let stats = server.stats();
            stats.deliveries + stats.deliveries_dropped == sent
        });
        assert!(sent < 2_000, "nothing was dropped");
    }
    let mut came = 0;
    let missing = loop {
        let packet = alice.receive();
        if packet.op != op::BEST_EFFORT {
            let gap = Gap::of(&packet);
            assert_eq!((gap.to, &*gap.room), (0, "lobby"));
            break gap.count;
        }
        came += 1;
    };
    assert_eq!((came, missing), (sent - 3, 3));
    server.gateway.publish("lobby", Delivery::best_effort("after")).unwrap();
    assert_eq!(alice.receive(), best_effort("after"));
}

#[test]
fn a_parked_peer_finds_only_the_newest_of_each_key_and_how_much_else_it_missed() {
    everywhere(|place| {
        let server =
            Server::start(config(place.shards).resume(|it| it.ttl = Duration::from_secs(60)));
        let alice = Comet::open(&server, place.transport, &Hello::new("alice", ""));
        let back = alice.back("alice", 0, 0);
        alice.reset();
        server.log.collect(1, |event| matches!(event, Event::Parked(..)).then_some(()));
        let push =
            |delivery| server.gateway.push(Target::user("dtalk", "alice"), delivery).unwrap();
        push(Delivery::latest("typing", "bob"));
        push(Delivery::latest("presence", "away"));
        push(Delivery::best_effort("nobody hears"));
        push(Delivery::latest("typing", "carol"));
        let mut alice = Comet::open(&server, place.transport, &back);
        assert_eq!(alice.gap().extent(), (0, 1, 0));
        assert_eq!(alice.receive(), latest("presence", "away"));
        assert_eq!(alice.receive(), latest("typing", "carol"));
        push(Delivery::latest("typing", "dave"));
        assert_eq!(alice.receive(), latest("typing", "dave"));
    });
}

#[test]
fn who_knows_no_keys_gets_latest_deliveries_as_they_come() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let plain = Hello { capabilities: 0, ..Hello::new("alice", "lobby") };
        let mut alice = Comet::open(&server, place.transport, &plain);
        let mut bob = Comet::open(&server, place.transport, &Hello::new("bob", "lobby"));
        let mut dtalk = server.client(place.transport, "carol", "lobby");
        server.gateway.publish("lobby", Delivery::latest("k", "v")).unwrap();
        assert_eq!(alice.receive(), best_effort("v"));
        assert_eq!(bob.receive(), latest("k", "v"));
        assert_eq!(dtalk.receive(), comet_testkit::frame::delivery(0, b"v"));
    });
}

#[test]
fn a_delivery_without_fallback_is_for_those_who_know_its_class() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let plain = Hello { capabilities: 0, ..Hello::new("alice", "lobby") };
        let mut alice = Comet::open(&server, place.transport, &plain);
        let mut bob = Comet::open(&server, place.transport, &Hello::new("bob", "lobby"));
        let mut dtalk = server.client(place.transport, "carol", "lobby");
        let typing = || Delivery::latest("k", "v").without_fallback();
        server.gateway.publish("lobby", typing()).unwrap();
        assert_eq!(bob.receive(), latest("k", "v"));
        for user in ["alice", "carol", "bob"] {
            server.gateway.push(Target::user("dtalk", user), typing()).unwrap();
        }
        assert_eq!(bob.receive(), latest("k", "v"));
        let acked = Delivery::acked("for acknowledging peers").without_fallback();
        server.gateway.publish("lobby", acked).unwrap();
        assert_eq!(bob.delivery(), (1, "for acknowledging peers".into()));
        server.gateway.publish("lobby", Delivery::best_effort("after")).unwrap();
        assert_eq!(bob.receive(), best_effort("after"));
        assert_eq!(alice.delivery(), (1, "for acknowledging peers".into()));
        assert_eq!(alice.receive(), best_effort("after"));
        let body = b"for acknowledging peers";
        assert_eq!(dtalk.receive(), comet_testkit::frame::delivery(1, body));
        assert_eq!(dtalk.receive(), comet_testkit::frame::delivery(0, b"after"));
    });
}
