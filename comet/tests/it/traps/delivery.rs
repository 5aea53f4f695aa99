//! Deliveries that were lost, doubled, misnumbered or kept for ever.

use std::time::Duration;

use comet::{Closed, Delivery, Target};
use comet_testkit::client::{Client, Next, Transport};
use comet_testkit::clock;
use comet_testkit::frame::{Frame, ack, delivery, reply, say};

use crate::support::gateway::{Server, Setup, config};
use crate::support::log::Event;
use crate::support::place::everywhere;
use crate::support::router::hold;

/// A push to a connection whose ten-slot channel was full took its number and was dropped; the
/// pusher was told that all was well, and the client saw a hole that nothing ever filled.
#[test]
fn no_number_is_taken_by_what_is_not_sent() {
    everywhere(|place| {
        let server = Server::start(config(place.shards).delivery(|it| {
            it.window = 3;
            it.queue = 40;
        }));
        let mut client = server.client(place.transport, "alice", "");
        let session = server.log.peer("alice").session();
        for number in 1..=43 {
            server.gateway.push(session, Delivery::acked(number.to_string())).unwrap();
        }
        for number in 1..=43 {
            client.takes(number, number.to_string().as_bytes());
        }
        // All acks are known, and the window is empty.
        client.beat(99);
        // What finds no room at all ends the session, and both sides are told.
        for number in 44..=87 {
            server.gateway.push(session, Delivery::acked(number.to_string())).unwrap();
        }
        assert_eq!(client.receive_all(3), [44, 45, 46].map(|n| delivery(n, n.to_string())));
        assert_eq!(server.log.closed("alice"), Closed::Slow);
        assert!(matches!(client.next(clock::deadline()), Next::Ended(_)));
    });
}

/// One packet object went to every receiver of a group, and each push wrote its own number into
/// it: whoever was written to last decided what everybody read.
#[test]
fn receivers_of_one_publish_each_get_their_own_number() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut members = server.on_every_shard(place.transport, "user", "lobby");
        // Everybody has had another number of deliveries before.
        for (already, (user, client)) in (0..).zip(&mut members) {
            let session = server.log.peer(user).session();
            for number in 1..=already {
                server.gateway.push(session, Delivery::acked("before")).unwrap();
                client.takes(number, b"before");
            }
        }
        for round in 1..=20 {
            for _ in 0..3 {
                server.gateway.publish("lobby", Delivery::acked("to all")).unwrap();
            }
            for (already, (_, client)) in (0..).zip(&mut members) {
                let last = already + 3 * round;
                (last - 2..=last).for_each(|seq| client.takes(seq, b"to all"));
            }
        }
        clock::eventually("all acks are known", || {
            server.stats().acks == server.stats().deliveries
        });
        assert_eq!(server.stats().stray_acks, 0, "every ack found its delivery");
    });
}

/// Every two seconds the whole window was sent again, in the order of a hash map, for ever, and
/// without looking at what had been acknowledged in the meantime.
#[test]
fn what_is_sent_again_is_what_is_missing_in_order_ever_more_rarely_and_not_for_ever() {
    everywhere(|place| {
        let rto = Duration::from_millis(150);
        let server = Server::start(config(place.shards).delivery(|it| {
            it.rto = rto;
            it.attempts = 3;
        }));
        let mut client = server.client(place.transport, "alice", "lobby");
        let start = clock::now();
        for number in 1..=30 {
            server.gateway.publish("lobby", Delivery::acked(number.to_string())).unwrap();
        }
        client.receive_all(30);
        (1..=30).filter(|number| number % 3 != 0).for_each(|number| client.send(&ack(number)));
        for round in [1, 3] {
            for number in (3..=30).step_by(3) {
                assert_eq!(client.receive(), delivery(number, number.to_string()));
            }
            assert!(clock::now() - start >= rto * round, "too early");
        }
        assert!(matches!(client.next(clock::deadline()), Next::Ended(_)));
        assert_eq!(server.log.closed("alice"), Closed::Unresponsive);
        assert_eq!((server.stats().acks, server.stats().resends), (20, 20));
    });
}

/// What was not acknowledged lived with the connection, and was forgotten when that was lost:
/// web and desktop clients never got it.
#[test]
fn a_lost_connection_takes_no_delivery_with_it() {
    everywhere(|place| {
        let server =
            Server::start(config(place.shards).resume(|it| it.ttl = Duration::from_secs(60)));
        let mut client = server.client(place.transport, "alice@desktop", "lobby");
        let publish = |number: u32| {
            server.gateway.publish("lobby", Delivery::acked(number.to_string())).unwrap();
        };
        (1..=10).for_each(publish);
        client.receive_all(10);
        client.send_all(&[ack(1), ack(2), ack(3)]);
        client.beat(2);
        client.socket.reset();
        server.log.collect(1, |event| matches!(event, Event::Parked(..)).then_some(()));
        (11..=12).for_each(publish);
        let mut client = server.client(place.transport, "alice@desktop", "lobby");
        for (seq, number) in (1..).zip(4..=12) {
            client.takes(seq, number.to_string().as_bytes());
        }
        client.beat(3);
    });
}

/// An ack was matched against a table that another process filled after the delivery had left: an
/// ack that was faster than the table was lost.
#[test]
fn an_ack_is_never_too_fast() {
    everywhere(|place| {
        let server = Server::start(config(place.shards).delivery(|it| {
            it.window = 8;
            it.queue = 2_000;
        }));
        let mut client = server.client(place.transport, "alice", "lobby");
        for tag in 1..=500 {
            server.gateway.publish("lobby", Delivery::acked("hello").tag(tag)).unwrap();
        }
        (1..=500).for_each(|seq| client.takes(seq, b"hello"));
        let tags = server.log.collect(500, |event| match event {
            Event::Acked(_, tag) => Some(*tag),
            _ => None,
        });
        assert_eq!(tags, (1..=500).collect::<Vec<_>>());
        assert_eq!(server.stats().stray_acks, 0);
    });
}

/// The head of a delivery was the sender's own, its ack included, which one client took for an
/// ack of its own message of that number and stopped sending it again.
#[test]
fn a_delivery_acknowledges_nothing() {
    everywhere(|place| {
        let server = Setup::new(config(place.shards)).on_message(hold).start();
        let mut sender = server.client(place.transport, "sender", "");
        let mut receiver = server.client(place.transport, "receiver", "lobby");
        // The receiver waits for the reply to its own message 5.
        receiver.send(&say(5, b"mine"));
        let mine = server.log.held();
        sender.send(&Frame { ack: 5, ..say(5, b"theirs") });
        let theirs = server.log.held();
        server.gateway.publish("lobby", Delivery::acked(theirs.message.body.clone())).unwrap();
        theirs.receipt.ack("");
        receiver.takes(1, b"theirs");
        assert_eq!(sender.receive(), reply(5, b""));
        mine.receipt.ack("done");
        assert_eq!(receiver.receive(), reply(5, b"done"));
    });
}

/// Publishes to one room were spread over workers in turn, which then raced each other.
#[test]
fn a_room_hears_one_publisher_in_its_order_however_busy_other_rooms_are() {
    everywhere(|place| {
        let server = Server::start(config(place.shards).memory(|it| it.write_bytes = 64 << 20));
        let mut clients = server.on_every_shard(place.transport, "user", "watched,busy");
        std::thread::scope(|scope| {
            let gateway = &server.gateway;
            scope.spawn(|| {
                for _ in 0..2_000 {
                    gateway.publish("busy", Delivery::best_effort("")).unwrap();
                }
            });
            scope.spawn(|| {
                for number in 0..2_000 {
                    let body = number.to_string();
                    gateway.publish("watched", Delivery::best_effort(body)).unwrap();
                }
            });
        });
        for (_, client) in &mut clients {
            let all = client.receive_all(4_000);
            let watched = all.iter().filter(|frame| !frame.body.is_empty());
            let expected: Vec<_> =
                (0..2_000).map(|number| delivery(0, number.to_string())).collect();
            assert!(watched.eq(&expected), "out of order");
        }
    });
}

/// A full channel swallowed room messages without a trace in any counter.
#[test]
fn what_is_not_delivered_is_counted() {
    let server = Server::start(config(1).memory(|it| it.write_bytes = 50_000));
    let stuck = server.client(Transport::Tcp, "stuck", "lobby");
    let mut published = 0;
    while server.stats().deliveries_dropped < 10 {
        for _ in 0..10 {
            server.gateway.publish("lobby", Delivery::best_effort(vec![7; 40_000])).unwrap();
        }
        published += 10;
        assert!(published < 5_000, "nothing was dropped of {published}");
        clock::eventually("each is accounted for", || {
            let stats = server.stats();
            stats.deliveries + stats.deliveries_dropped == published
        });
    }
    drop(stuck);
}

/// A push to several users answered with what the last of several gateways knew, and an error of
/// one of them was logged and forgotten.
#[test]
fn a_push_to_a_user_reaches_every_device() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut devices: Vec<Client> = (0..6)
            .map(|number| server.client(place.transport, &format!("alice@{number}"), ""))
            .collect();
        clock::eventually("all are here", || server.stats().sessions == 6);
        server.gateway.push(Target::user("dtalk", "alice"), Delivery::acked("hello")).unwrap();
        devices.iter_mut().for_each(|device| device.takes(1, b"hello"));
    });
}

/// A connection was in exactly one room, and changing it meant leaving the other.
#[test]
fn a_session_hears_all_its_rooms() {
    everywhere(|place| {
        let rooms: Vec<String> = (0..200).map(|number| format!("room-{number}")).collect();
        let server = Server::start(config(place.shards));
        let mut client = server.client(place.transport, "alice", &rooms.join(","));
        for room in &rooms {
            server.gateway.publish(room, Delivery::best_effort(room.clone())).unwrap();
        }
        rooms.iter().for_each(|room| assert_eq!(client.receive(), delivery(0, room)));
    });
}

/// What waited for a socket was kept in a queue without a bound, so that one reader who stopped
/// could take the memory of all.
#[test]
fn what_waits_for_a_reader_is_bounded_and_costs_others_nothing() {
    everywhere(|place| {
        let limits = config(place.shards).delivery(|it| {
            it.window_bytes = 1 << 20;
            it.room_log_bytes = 1 << 20;
        });
        let server = Server::start(limits);
        let stuck = server.client(place.transport, "stuck", "lobby");
        let mut reads = server.client(place.transport, "reads", "lobby");
        let mut seq = 0;
        while server.stats().sessions == 2 {
            seq += 1;
            server.gateway.publish("lobby", Delivery::acked(vec![7; 20_000])).unwrap();
            reads.takes(seq, &[7; 20_000]);
            assert!(seq < 1_000, "no bound at {seq} deliveries");
            // Another shard may be that of the one that does not read.
            clock::eventually("it is taken for both", || {
                let stats = server.stats();
                stats.deliveries == u64::from(2 * seq) || stats.sessions < 2
            });
        }
        assert_eq!(server.log.closed("stuck"), Closed::Slow);
        // 2 MiB of 20,000 bytes each.
        assert!((100..120).contains(&seq), "ended after {seq} deliveries");
        reads.beat(2);
        drop(stuck);
    });
}
