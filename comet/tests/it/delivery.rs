//! Acked deliveries: numbered, kept within bounds, acknowledged; best-effort ones: told once.

use comet::{Closed, CommandError, Delivery, Stats};
use comet_testkit::client::{Client, Next, Transport};
use comet_testkit::frame::{Frame, ack, delivery, reply, say};
use comet_testkit::{clock, websocket};

use crate::support::gateway::{Server, Setup, config};
use crate::support::log::Event;
use crate::support::place::{Place, everywhere};
use crate::support::router::echo;

/// A gateway, and one session on it.
fn session(place: Place, config: comet::Config) -> (Server, Client, comet::SessionId) {
    let server = Server::start(config);
    let client = server.client(place.transport, "alice", "lobby");
    let session = server.log.peer("alice").session();
    (server, client, session)
}

fn acked_tags(server: &Server) -> Vec<u64> {
    server.log.so_far(|event| match event {
        Event::Acked(peer, tag) => {
            assert_eq!(peer.user(), "alice");
            Some(*tag)
        }
        _ => None,
    })
}

#[test]
fn acked_deliveries_count_from_1_without_holes_and_others_do_not_count() {
    everywhere(|place| {
        let (server, mut client, session) = session(place, config(place.shards));
        for round in 1..=50 {
            server.gateway.push(session, Delivery::acked("kept")).unwrap();
            server.gateway.push(session, Delivery::best_effort("told once")).unwrap();
            server.gateway.publish("lobby", Delivery::acked("published")).unwrap();
            client.takes(2 * round - 1, b"kept");
            assert_eq!(client.receive(), delivery(0, b"told once"));
            client.takes(2 * round, b"published");
        }
        client.beat(9);
        let stats = server.stats();
        assert_eq!((stats.deliveries, stats.acks, stats.resends), (150, 100, 0));
    });
}

#[test]
fn a_delivery_to_several_sessions_reaches_each_once_and_is_kept_once() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut clients: Vec<Client> =
            (0..40).map(|_| server.client(place.transport, "alice", "lobby")).collect();
        let mut bob = server.client(place.transport, "bob", "lobby");
        let sessions: Vec<comet::SessionId> = server.log.so_far(|event| match event {
            Event::Connected(peer) => Some(peer.session()),
            _ => None,
        });
        assert_eq!(sessions.len(), 41);
        let body = vec![7; 100_000];
        for seq in 1..=2 {
            let left_out = server.gateway.push_many(&sessions, Delivery::acked(body.clone()));
            assert_eq!(left_out, []);
            for client in clients.iter_mut().chain([&mut bob]) {
                assert_eq!(client.receive(), delivery(seq, &body));
            }
        }
        // Nobody has acknowledged anything: each shard keeps both.
        let kept = 2 * body.len() as u64 * place.shards.min(2) as u64;
        clock::eventually("what is kept is counted", || {
            let memory = server.stats().memory;
            memory >= 2 * body.len() as u64 && memory < kept + 100_000
        });
        server.gateway.push(sessions[0], Delivery::acked("one")).unwrap();
        assert_eq!(clients[0].receive(), delivery(3, b"one"));
        bob.beat(9);
    });
}

#[test]
fn the_golden_delivery_is_written() {
    everywhere(|place| {
        let (server, mut client, session) = session(place, config(place.shards));
        let body = &b"\x08\x02\x12\x0c\x12\x06\x0a\x04\xe8\x07\xe9\x07\x18\x4d\x20\x01"[..];
        let head = b"\0\0\0\x24\0\x14\0\x01\0\0\0\x09\0\0\0\x01\0\0\0\0";
        let before: &[u8] = if place.transport == Transport::Tcp { b"" } else { b"\x82\x24" };
        server.gateway.push(session, Delivery::acked(body)).unwrap();
        assert_eq!(client.socket.take(before.len() + 36), [before, head, body].concat());
    });
}

#[test]
fn the_senders_own_seq_and_ack_do_not_leak_into_deliveries() {
    everywhere(|place| {
        let server = Setup::new(config(place.shards)).on_message(echo).start();
        let mut client = server.client(place.transport, "alice", "");
        client.send(&Frame { ack: 55, ..say(99, b"hello") });
        let mut both = client.receive_all(2);
        both.sort_by_key(|frame| frame.op);
        assert_eq!(both, [reply(99, b""), delivery(1, b"hello")]);
    });
}

#[test]
fn the_router_learns_once_of_each_ack_that_it_asked_for() {
    everywhere(|place| {
        let (server, mut client, session) = session(place, config(place.shards));
        for tag in [70, 0, 71, u64::MAX] {
            server.gateway.push(session, Delivery::acked("hello").tag(tag)).unwrap();
        }
        server.gateway.push(session, Delivery::best_effort("hello").tag(9)).unwrap();
        client.receive_all(5);
        client.send_all(&[ack(3), ack(2), ack(3), ack(1), ack(4), ack(1)]);
        client.beat(2);
        assert_eq!(acked_tags(&server), [71, 70, u64::MAX]);
        assert_eq!((server.stats().acks, server.stats().stray_acks), (4, 2));
    });
}

#[test]
fn acks_of_nothing_are_ignored_and_counted() {
    everywhere(|place| {
        let (server, mut client, session) =
            session(place, config(place.shards).delivery(|it| it.window = 2));
        client.send(&ack(1));
        client.beat(1);
        (0..3).for_each(|_| {
            server.gateway.push(session, Delivery::acked("hello").tag(1)).unwrap();
        });
        client.receive_all(2);
        let strays = [0, 3, 4, 1_000, 0x7fff_ffff, 0x8000_0000, u32::MAX];
        client.send_all(&strays.map(ack));
        client.beat(2);
        assert_eq!(server.stats().stray_acks, 8);
        assert_eq!(acked_tags(&server), [0_u64; 0], "nothing was in flight under these numbers");
        client.send(&ack(1));
        assert_eq!(client.receive(), delivery(3, b"hello"));
    });
}

#[test]
fn the_window_bounds_what_is_in_flight_and_acks_let_the_rest_follow() {
    everywhere(|place| {
        let (server, mut client, session) =
            session(place, config(place.shards).delivery(|it| it.window = 4));
        for number in 1..=20 {
            server.gateway.push(session, Delivery::acked(number.to_string())).unwrap();
        }
        for number in 1..=4 {
            assert_eq!(client.receive(), delivery(number, number.to_string()));
        }
        client.beat(1);
        for number in 1..=20 {
            client.send(&ack(number));
            if number <= 16 {
                assert_eq!(client.receive(), delivery(number + 4, (number + 4).to_string()));
            }
            client.beat(number);
        }
        assert_eq!((server.stats().acks, server.stats().resends), (20, 0));
    });
}

#[test]
fn bytes_bound_the_window_too_but_one_delivery_may_always_fly() {
    everywhere(|place| {
        let limits = config(place.shards).delivery(|it| it.window_bytes = 1_000);
        let (server, mut client, session) = session(place, limits);
        for len in [5_000, 600, 400, 1, 300] {
            server.gateway.push(session, Delivery::acked(vec![7; len])).unwrap();
        }
        client.takes(1, &[7; 5_000]);
        assert_eq!(client.receive(), delivery(2, [7; 600]));
        assert_eq!(client.receive(), delivery(3, [7; 400]));
        client.beat(2);
        client.send(&ack(2));
        assert_eq!(client.receive(), delivery(4, [7; 1]));
        assert_eq!(client.receive(), delivery(5, [7; 300]));
    });
}

/// Six deliveries where five have room: pushed one way or the other. So many are taken.
fn overflows(taken: u64, push: impl Fn(&Server, comet::SessionId, Delivery) + Sync) {
    everywhere(|place| {
        let limits = config(place.shards).delivery(|it| {
            it.window = 2;
            it.queue = 3;
            it.room_log = 3;
        });
        let (server, mut client, session) = session(place, limits);
        let mut other = server.client(place.transport, "bob", "");
        for number in 1..=6 {
            push(&server, session, Delivery::acked(number.to_string()));
        }
        assert_eq!(client.receive(), delivery(1, b"1"));
        assert_eq!(client.receive(), delivery(2, b"2"));
        assert_eq!(client.next(clock::deadline()), Next::Ended(place.transport.goodbye(1008)));
        assert_eq!(server.log.closed("alice"), Closed::Slow);
        other.beat(2);
        assert_eq!(server.stats().deliveries, taken);
    });
}

#[test]
fn more_pushes_than_may_wait_end_the_session_as_slow() {
    overflows(5, |server, session, delivery| server.gateway.push(session, delivery).unwrap());
}

#[test]
fn more_publishes_than_may_wait_end_the_session_as_slow() {
    // The log takes the sixth, and has forgotten the third by then.
    overflows(6, |server, _, delivery| server.gateway.publish("lobby", delivery).unwrap());
}

#[test]
fn bytes_that_wait_for_the_window_are_bounded_too() {
    everywhere(|place| {
        let limits = config(place.shards).delivery(|it| {
            it.window = 1;
            it.queue_bytes = 1_000;
        });
        let (server, mut client, session) = session(place, limits);
        for len in [10, 600, 400, 1] {
            server.gateway.push(session, Delivery::acked(vec![7; len])).unwrap();
        }
        assert_eq!(server.log.closed("alice"), Closed::Slow);
        assert_eq!(client.ending(), place.transport.goodbye(1008));
    });
}

#[test]
fn best_effort_deliveries_to_who_never_reads_are_dropped_while_others_get_them() {
    everywhere(|place| {
        let limits = config(place.shards).memory(|it| it.write_bytes = 100_000);
        let server = Server::start(limits);
        let mut stuck = server.client(place.transport, "stuck", "lobby");
        let mut reads = server.client(place.transport, "reads", "lobby");
        let body = |number: u32| [&number.to_be_bytes()[..], &[1; 60_000]].concat();
        let mut sent = 0;
        while server.stats().deliveries_dropped < 20 {
            server.gateway.publish("lobby", Delivery::best_effort(body(sent))).unwrap();
            assert!(reads.receive() == delivery(0, body(sent)), "number {sent}");
            sent += 1;
            assert!(sent < 2_000, "nothing was dropped of {sent}");
        }
        // The other one's shard may not have had the last of them.
        let counted = |stats: &Stats| stats.deliveries + stats.deliveries_dropped;
        clock::eventually("both have been counted", || {
            counted(&server.stats()) == 2 * u64::from(sent)
        });
        let stats = server.stats();
        let taken = u64::from(sent) - stats.deliveries_dropped;
        assert_eq!(stats.deliveries, u64::from(sent) + taken);

        // What was taken comes whole and in order.
        let mut last = None;
        for _ in 0..taken {
            let frame = stuck.receive();
            let number = u32::from_be_bytes(frame.body[..4].try_into().unwrap());
            assert!(frame == delivery(0, body(number)) && last < Some(number), "number {number}");
            last = Some(number);
        }
        stuck.beat(2);
        server.gateway.publish("lobby", Delivery::best_effort("again")).unwrap();
        assert_eq!(stuck.receive(), delivery(0, b"again"));
    });
}

#[test]
fn whoever_pushes_is_told_when_the_mailbox_is_full() {
    let (enter, entered) = std::sync::mpsc::sync_channel(1);
    let (leave, left) = std::sync::mpsc::sync_channel::<()>(1);
    let left = std::sync::Mutex::new(left);
    let server = Setup::new(config(1).memory(|it| it.mailbox = 3))
        .on_message(move |_, _, _, _, receipt| {
            enter.send(()).unwrap();
            left.lock().unwrap().recv().unwrap();
            receipt.ack("");
        })
        .start();
    let mut client = server.client(Transport::Tcp, "alice", "");
    let session = server.log.peer("alice").session();
    client.send(&say(2, b"hold the shard up"));
    entered.recv().unwrap();
    let push = || server.gateway.push(session, Delivery::best_effort("hello"));
    assert_eq!([push(), push(), push()], [Ok(()); 3]);
    assert_eq!([push(), push()], [Err(CommandError::Full); 2]);
    assert_eq!(server.gateway.broadcast(Delivery::best_effort("")), Err(CommandError::Full));

    leave.send(()).unwrap();
    let mut frames = client.receive_all(4);
    frames.sort_by_key(|frame| frame.op);
    assert_eq!(frames[0], reply(2, b""));
    assert_eq!(frames[1..], [const { Vec::new() }; 3].map(|_: Vec<u8>| delivery(0, b"hello")));
    assert_eq!(push(), Ok(()), "there is room again");
    assert_eq!(client.receive(), delivery(0, b"hello"));
}

#[test]
fn a_delivery_is_one_binary_message_whatever_its_length() {
    let server = Server::start(config(1).delivery(|it| {
        it.window_bytes = 1 << 20;
        it.queue_bytes = 4 << 20;
    }));
    let mut client = server.client(Transport::WebSocket, "alice", "lobby");
    for (seq, len) in (1..).zip([0usize, 105, 106, 65_515, 65_516, 70_000]) {
        server.gateway.publish("lobby", Delivery::acked(vec![7; len])).unwrap();
        let header = websocket::header(0x82, 0, len + 20);
        assert_eq!(client.socket.take(header.len()), header, "{len} bytes");
        let packet = client.socket.take(len + 20);
        assert!(client.wire.parse(&packet) == delivery(seq, vec![7; len]), "{len} bytes");
    }
}
