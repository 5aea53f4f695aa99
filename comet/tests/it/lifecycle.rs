//! How sessions end, each exactly once and for a reason.

use std::time::Duration;

use comet::{Closed, Delivery, Dialect, MetricKind, Target};
use comet_testkit::client::{Client, Next, Transport};
use comet_testkit::clock::{self, PATIENCE};
use comet_testkit::frame::{auth, delivery, frame, say};
use comet_testkit::websocket::masked;

use crate::support::gateway::{Server, Setup, config, impatient};
use crate::support::place::{everywhere, on_sockets, over_both};
use crate::support::router::answer;

#[test]
fn a_client_that_closes_ends_its_session() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        drop(server.client(place.transport, "alice", "lobby"));
        assert_eq!(server.log.closed("alice"), Closed::ByPeer);
        server.is_deserted();
    });
}

#[test]
fn a_client_that_closes_with_its_last_words_is_heard() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        for round in 0..20 {
            let user = format!("user-{round}");
            let mut client = server.client(place.transport, &user, "");
            client.send(&say(2, b"goodbye"));
            drop(client);
            server.log.closed(&user);
        }
        assert_eq!(server.stats().messages, 20);
    });
}

#[test]
fn a_reset_ends_the_session_as_lost() {
    on_sockets(|place| {
        let server = Server::start(config(place.shards));
        server.client(place.transport, "alice", "lobby").socket.reset();
        let closed = server.log.closed("alice");
        assert_eq!(closed, Closed::Lost(std::io::ErrorKind::ConnectionReset));
        server.is_deserted();
    });
}

#[test]
fn a_half_closed_connection_is_closed_from_here_too() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut client = server.client(place.transport, "alice", "");
        client.socket.half_close();
        assert_eq!(client.ending(), place.transport.goodbye(1000));
        assert_eq!(server.log.closed("alice"), Closed::ByPeer);
    });
}

#[test]
fn what_is_on_its_way_to_a_half_closed_client_still_arrives() {
    everywhere(|place| {
        let server = Server::start(config(place.shards).memory(|it| it.write_bytes = 16 << 20));
        let mut client = server.client(place.transport, "alice", "");
        let session = server.log.peer("alice").session();
        for number in 0..60u8 {
            let delivery = Delivery::best_effort(vec![number; 100_000]);
            server.gateway.push(session, delivery).unwrap();
        }
        clock::eventually("all is queued", || server.stats().deliveries == 60);
        client.socket.half_close();
        for number in 0..60 {
            assert!(client.receive() == delivery(0, vec![number; 100_000]), "number {number}");
        }
        assert_eq!(client.ending(), place.transport.goodbye(1000));
    });
}

#[test]
fn a_kick_ends_one_session_or_all_of_a_user() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut phone = server.client(place.transport, "alice@phone", "");
        let session = server.log.peer("alice").session();
        let mut desktop = server.client(place.transport, "alice@desktop", "");
        let mut bob = server.client(place.transport, "bob", "");
        server.gateway.kick(session, "one device").unwrap();
        assert_eq!(phone.ending(), place.transport.goodbye(1008));
        assert_eq!(server.log.closed("alice"), Closed::Kicked("one device".into()));
        desktop.beat(2);

        let _laptop = server.client(place.transport, "alice@laptop", "");
        server.gateway.kick(Target::user("dtalk", "alice"), "all devices").unwrap();
        assert_eq!(desktop.ending(), place.transport.goodbye(1008));
        clock::eventually("both are gone", || server.stats().sessions == 1);
        assert_eq!(server.ended_as(&Closed::Kicked("".into())), 3);
        bob.beat(2);
    });
}

#[test]
fn silence_ends_a_session_and_any_sign_of_life_keeps_it() {
    everywhere(|place| {
        let idle = Duration::from_millis(600);
        let server = Setup::new(impatient(place.shards, idle)).on_message(answer);
        let server = server.start();
        let start = clock::now();
        let mut silent = server.client(place.transport, "silent", "");
        let mut alive = server.client(place.transport, "alive", "");
        let mut seq = 1;
        while !server.log.has_ended("silent") {
            assert!(clock::now() - start < PATIENCE, "nobody is idle");
            // A message counts as well as a heartbeat.
            seq += 1;
            assert_eq!(alive.ask(seq, b"here"), b"here");
            assert_eq!(alive.next(clock::now() + Duration::from_millis(20)), Next::Nothing);
        }
        assert!(clock::now() - start >= idle);
        assert_eq!(server.log.closed("silent"), Closed::Idle);
        assert_eq!(silent.ending(), place.transport.goodbye(1008));
        alive.beat(1);
    });
}

#[test]
fn a_silent_websocket_peer_is_asked_for_a_sign_of_life_and_its_pong_is_one() {
    let limits = config(1).ping(|it| it.interval = Duration::from_millis(800));
    let server = Server::start(limits.ping(|it| it.idle_timeout = Duration::from_millis(1_700)));
    let start = clock::now();
    let mut answers = server.client(Transport::WebSocket, "answers", "");
    let mut mute = server.client(Transport::WebSocket, "mute", "");
    let ping = mute.receive_ws();
    assert_eq!((ping.first, ping.payload), (0x89, vec![]));
    assert!(clock::now() - start >= Duration::from_millis(600));
    // The client answers pings by itself.
    answers.hears_nothing_for(Duration::from_millis(2_000));
    assert_eq!(server.log.closed("mute"), Closed::Idle);
    answers.beat(2);
}

#[test]
fn whoever_leaves_in_the_midst_of_everything_is_said_to_be_here_and_gone_once() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        for number in 0..120 {
            let mut client = server.connect(place.transport);
            let frames =
                [auth(1, &format!("user-{}", number % 7), "a,b"), say(2, b"x"), frame(3, 3, b"")];
            let bytes = client.bytes(&frames);
            let cut = if number % 3 == 0 { bytes.len() } else { bytes.len() * number / 120 };
            client.socket.write(&bytes[..cut]);
            match number % 4 {
                0 => client.socket.reset(),
                1 => client.socket.half_close(),
                2 => drop(client),
                _ => {
                    server.gateway.kick(Target::user("dtalk", "user-3"), "a test").unwrap();
                    drop(client);
                }
            }
        }
        clock::eventually("all have come", || server.arrived() == 120);
        // Beginnings and ends are counted when the gateway is dropped.
        server.is_deserted();
    });
}

#[test]
fn gauges_follow_what_is_there_and_counters_what_was() {
    on_sockets(|place| {
        let server = Server::start(config(place.shards));
        let clients: Vec<Client> = (0..5)
            .map(|number| server.client(place.transport, &format!("user-{number}"), "lobby"))
            .collect();
        let stranger = server.connect(place.transport);
        // One that moves may be counted on both shards for a moment.
        clock::eventually("all are counted", || {
            let stats = server.stats();
            (stats.accepted, stats.connections) == (6, 6)
        });
        let stats = server.stats();
        assert_eq!((stats.sessions, stats.accepted, stats.authenticated), (5, 6, 5));
        assert!((1..=place.shards as u64).contains(&stats.rooms));
        let sessions = stats.metrics().find(|metric| metric.name == "sessions").expect("named");
        assert_eq!((sessions.value, sessions.kind), (5, MetricKind::Gauge));
        assert_eq!(sessions.help, "Sessions that have a connection now.");
        assert_eq!(stats.accepted_by.iter().sum::<u64>(), 6);
        let by_dialect: Vec<_> = stats.sessions_by_dialect().filter(|&(_, n)| n > 0).collect();
        assert_eq!(by_dialect, [(Dialect::Dtalk, 5)]);
        drop((clients, stranger));
        server.is_deserted();
        let stats = server.stats();
        assert_eq!((stats.accepted, stats.authenticated), (6, 5));
        assert_eq!(stats.closed().map(|(_, count)| count).sum::<u64>(), 6);
    });
}

#[test]
fn a_closing_connection_waits_only_so_long_for_its_peer() {
    over_both(|place| {
        let time = Duration::from_millis(200);
        let server = Server::start(config(place.shards).io(|it| it.close_timeout = time));
        let mut client = server.client(place.transport, "alice", "");
        let start = clock::now();
        server.gateway.kick(Target::user("dtalk", "alice"), "a test").unwrap();
        assert_eq!(client.ending(), place.transport.goodbye(1008));
        // The client never closes its side.
        server.is_deserted();
        assert!(clock::now() - start >= time);
        let late = masked(0x82, b"");
        clock::eventually("the connection is gone", || client.socket.try_write(&late).is_err());
    });
}
