//! Sessions that stood still, closed for nothing or haunted their server.

use comet::{Closed, Delivery, Identity, Target};
use comet_testkit::clock;
use comet_testkit::frame::{auth, frame, reply, say};

use crate::support::gateway::{Server, Setup, config};
use crate::support::log::Event;
use crate::support::place::everywhere;
use crate::support::router::hold;

/// After a refusal the server jumped back to waiting for an auth frame, as often as the client
/// liked: a password could be guessed at network speed on one connection.
#[test]
fn guessing_ends_after_a_few_attempts() {
    everywhere(|place| {
        let server = Setup::new(config(place.shards))
            .on_connect(|_, _, reply| reply.refuse("wrong"))
            .start();
        let mut client = server.connect(place.transport);
        let guesses = vec![auth(1, "guess", ""); 100];
        let bytes = client.bytes(&guesses);
        // The connection may end in the midst of it.
        let _ = client.socket.try_write(&bytes);
        client.ending();
        assert_eq!(server.stats().refused, 5);
        assert_eq!(server.ended_as(&Closed::AuthAttempts), 1);
    });
}

/// The line that handed messages upstream was commented out, and every frame that was no
/// heartbeat went back to its sender unchanged.
#[test]
fn a_message_goes_to_the_router_and_no_frame_is_echoed() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut client = server.client(place.transport, "alice", "");
        for op in [0, 2, 4, 6, 8, 9, 11, 12, 13, 14, 15, 16, 20, 21, 22, 23, 99, u32::MAX] {
            client.send(&frame(op, 3, b"an op that only a server or nobody sends"));
        }
        assert_eq!(client.ask(4, b"for the router"), b"for the router");
        assert_eq!(server.stats().frames_ignored, 18);
        let bodies = server.log.so_far(|event| match event {
            Event::Message(_, message) => Some(message.body.clone()),
            _ => None,
        });
        assert_eq!(bodies, [&b"for the router"[..]]);
    });
}

/// Wake-ups, pushes and the order to close shared one bounded channel, so that a connection that
/// did not read could not even be closed.
#[test]
fn a_session_that_does_not_read_is_closed_all_the_same() {
    everywhere(|place| {
        let server = Server::start(config(place.shards).delivery(|it| {
            it.window = 10_000;
            it.window_bytes = 64 << 20;
        }));
        let stuck = server.client(place.transport, "stuck", "");
        let mut other = server.client(place.transport, "other", "");
        let session = server.log.peer("stuck").session();
        for _ in 0..300 {
            server.gateway.push(session, Delivery::acked(vec![7; 100_000])).unwrap();
        }
        other.beat(2);
        server.gateway.kick(session, "a test").unwrap();
        assert_eq!(server.log.closed("stuck"), Closed::Kicked("a test".into()));
        assert_eq!(server.stats().sessions, 1);
        clock::eventually("the connection is dropped", || server.stats().connections == 1);
        other.beat(3);
        drop(stuck);
    });
}

/// Messages were handed to a pool of a thousand workers, and overtook each other there.
#[test]
fn the_router_gets_the_messages_of_a_session_in_order() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut clients = server.on_every_shard(place.transport, "user", "");
        for (_, client) in &mut clients {
            client.send_all(&(1..=1_000).map(|seq| say(seq, b"x")).collect::<Vec<_>>());
        }
        for (user, client) in &mut clients {
            let replies: Vec<_> = (1..=1_000).map(|seq| reply(seq, b"x")).collect();
            assert_eq!(client.receive_all(1_000), replies);
            let seqs = server.log.so_far(|event| match event {
                Event::Message(peer, message) if peer.user() == user => Some(message.seq),
                _ => None,
            });
            assert_eq!(seqs, (1..=1_000).collect::<Vec<_>>());
        }
    });
}

/// Bodies were slices of the connection's read buffer, which went on being filled while they
/// waited to be handled.
#[test]
fn a_body_stays_what_it_was_while_more_arrives() {
    everywhere(|place| {
        let server =
            Setup::new(config(place.shards).limits(|it| it.inbox = 200)).on_message(hold).start();
        let mut client = server.client(place.transport, "alice", "");
        let body = |seq: u32| vec![seq as u8; 3_000];
        for seq in 1..=100 {
            client.send(&say(seq, body(seq)));
        }
        let held: Vec<_> = (0..100).map(|_| server.log.held()).collect();
        client.send_all(&vec![say(101, [0xee; 3_000]); 50]);
        (0..50).for_each(|_| drop(server.log.held()));
        for (seq, held) in (1..).zip(held) {
            assert!(held.message.body == body(seq), "message {seq}");
            held.receipt.ack(held.message.body);
            assert!(client.receive() == reply(seq, body(seq)), "message {seq}");
        }
    });
}

/// A client that sent more than eight frames before the writer had looked at them was closed.
#[test]
fn a_client_may_send_as_much_ahead_as_it_likes() {
    everywhere(|place| {
        let server = Server::start(config(place.shards).limits(|it| it.inbox = 4));
        let mut client = server.client(place.transport, "alice", "");
        client.send_all(&(1..=3_000).map(|seq| say(seq, b"x")).collect::<Vec<_>>());
        let replies: Vec<_> = (1..=3_000).map(|seq| reply(seq, b"x")).collect();
        assert_eq!(client.receive_all(3_000), replies);
    });
}

/// Some paths through the writer skipped the flush: an answer stayed in a buffer until something
/// else had to be written.
#[test]
fn an_answer_leaves_without_waiting_for_the_next_one() {
    everywhere(|place| {
        let server = Server::start(config(place.shards).handshake(|it| it.attempts = 20));
        let mut client = server.client(place.transport, "alice", "");
        let session = server.log.peer("alice").session();
        for round in 1..=20 {
            client.beat(round);
            assert_eq!(client.ask(round, b"x"), b"x");
            client.send(&auth(round, "alice", ""));
            assert_eq!(client.receive(), frame(2, round, b""));
            server.gateway.push(session, Delivery::acked("x")).unwrap();
            client.takes(round, b"x");
        }
    });
}

/// A user was marked as online before the connection was stored, and nobody took the mark back
/// if the client had gone by then: ghosts were online for half an hour.
#[test]
fn whoever_leaves_while_being_let_in_leaves_no_ghost() {
    everywhere(|place| {
        let server = Setup::new(config(place.shards))
            .on_connect(|log, request, reply| log.keep(request, reply))
            .start();
        for number in 0..20 {
            let mut client = server.connect(place.transport);
            client.send(&auth(1, "alice", ""));
            let (_, reply) = server.log.asked();
            match number % 3 {
                0 => drop(client),
                1 => client.socket.reset(),
                _ => client.socket.half_close(),
            }
            reply.accept(Identity::new("dtalk", "alice").room("lobby"));
        }
        server.is_deserted();
        server.gateway.push(Target::user("dtalk", "alice"), Delivery::acked("to a ghost")).unwrap();
        server.gateway.publish("lobby", Delivery::acked("to a ghost")).unwrap();
        let mut client = server.connect(place.transport);
        client.send(&auth(1, "alice", ""));
        server.log.asked().1.accept(Identity::new("dtalk", "alice"));
        assert_eq!(client.receive(), frame(2, 1, b""));
        client.beat(2);
        assert_eq!(server.stats().deliveries, 0);
    });
}
