//! Messages to the router: taken once, answered in order, and again if need be.

use std::time::Duration;

use comet::{Closed, Refusal};
use comet_testkit::comet::{Comet, Failure, Hello, code, op, packet, reply};
use comet_testkit::frame::HEARTBEAT;

use crate::support::gateway::{Server, Setup, config};
use crate::support::log::Event;
use crate::support::place::everywhere;
use crate::support::router::hold;

fn messages(server: &Server) -> Vec<(u32, Vec<u8>)> {
    server.log.so_far(|event| match event {
        Event::Message(_, message) => Some((message.seq, message.body.to_vec())),
        _ => None,
    })
}

#[test]
fn a_repeat_gets_the_recorded_answer_and_the_router_does_not_see_it() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut alice = Comet::open(&server, place.transport, &Hello::new("alice", ""));
        alice.say(1, 0, b"hello");
        assert_eq!(alice.receive(), reply(1, "hello"));
        alice.say(1, 0, b"hello");
        assert_eq!(alice.receive(), reply(1, "hello"));
        alice.say(2, 1, b"more");
        assert_eq!(alice.receive(), reply(2, "more"));
        alice.say(1, 1, b"hello");
        alice.beat();
        assert_eq!(messages(&server), [(1, b"hello".to_vec()), (2, b"more".to_vec())]);
    });
}

#[test]
fn answers_that_come_while_nobody_is_connected_wait_for_the_peer() {
    everywhere(|place| {
        let limits = config(place.shards).resume(|it| it.ttl = Duration::from_secs(60));
        let server = Setup::new(limits).on_message(hold).start();
        let mut alice = Comet::open(&server, place.transport, &Hello::new("alice", ""));
        alice.say(1, 0, b"one");
        alice.say(2, 0, b"two");
        let (one, two) = (server.log.held(), server.log.held());
        let back = alice.back("alice", 0, 1);
        alice.reset();
        server.log.collect(1, |event| matches!(event, Event::Parked(..)).then_some(()));
        two.receipt.refuse(Refusal::new(1_234));
        one.receipt.ack("first");

        let mut alice = Comet::open(&server, place.transport, &back);
        assert_eq!((alice.welcome.resumed, alice.welcome.accepted), (true, 2));
        assert_eq!(alice.receive(), reply(1, "first"));
        let refusal = Failure::of(&alice.receive());
        assert_eq!(refusal.op, op::REFUSAL);
        assert_eq!((refusal.ack, refusal.code, refusal.retryable), (2, 1_234, false));
        alice.say(2, 1, b"two");
        assert_eq!(Failure::of(&alice.receive()), refusal);
        assert_eq!(messages(&server).len(), 2);
    });
}

#[test]
fn a_message_nobody_answers_is_refused_for_now() {
    everywhere(|place| {
        let server = Setup::new(config(place.shards)).on_message(|_, _, _, _, _| {}).start();
        let mut alice = Comet::open(&server, place.transport, &Hello::new("alice", ""));
        alice.say(1, 0, b"hello");
        let refusal = Failure::of(&alice.receive());
        assert_eq!(refusal.op, op::REFUSAL);
        assert_eq!((refusal.code, refusal.retryable), (code::UNAVAILABLE, true));
    });
}

#[test]
fn skipped_numbers_and_a_full_window_end_the_connection_and_are_told_apart() {
    everywhere(|place| {
        let server =
            Setup::new(config(place.shards).limits(|it| it.inbox = 2)).on_message(hold).start();
        let mut alice = Comet::open(&server, place.transport, &Hello::new("alice", ""));
        assert_eq!(alice.welcome.send_window, 2);
        alice.say(2, 0, b"the first is missing");
        assert_eq!(alice.error(), (code::SEQUENCE, true));
        alice.ends();
        assert_eq!(server.log.closed("alice"), Closed::Sequence);

        let mut bob = Comet::open(&server, place.transport, &Hello::new("bob", ""));
        (1..=3).for_each(|seq| bob.say(seq, 0, b"m"));
        let failure = Failure::of(&bob.receive());
        assert_eq!(failure.op, op::ERROR);
        assert_eq!((failure.code, failure.retryable), (code::WINDOW, true));
        assert_eq!(failure.text, "message window full");
        assert_eq!(bob.ends(), place.transport.goodbye(1008));
        assert_eq!(server.log.closed("bob"), Closed::WindowFull);
        assert_eq!(messages(&server).len(), 2);
    });
}

#[test]
fn a_new_session_counts_messages_on_from_where_the_peer_says() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let auth = Hello { first_send: 41, ..Hello::new("alice", "") };
        let mut alice = Comet::open(&server, place.transport, &auth);
        assert_eq!(alice.welcome.accepted, 40);
        alice.say(41, 40, b"on");
        assert_eq!(alice.receive(), reply(41, "on"));
    });
}

#[test]
fn what_breaks_the_dialect_ends_with_its_code() {
    everywhere(|place| {
        let server = Server::start(config(place.shards).limits(|it| it.max_body = 1_000));
        let open = |name: &str| Comet::open(&server, place.transport, &Hello::new(name, ""));
        let mut twice = open("twice");
        twice.send(&[Hello::new("twice", "").frame(1)]);
        assert_eq!(twice.error(), (code::PROTOCOL, false));

        let mut wrong_side = open("wrong");
        wrong_side.send(&[packet(op::WELCOME, 0, 1, b"")]);
        assert_eq!(wrong_side.error(), (code::PROTOCOL, false));

        let mut long = open("long");
        long.say(1, 0, &[7; 1_001]);
        assert_eq!(long.error(), (code::TOO_LARGE, false));

        let mut heartbeat = open("old");
        // What dtalk clients say to stay, which means nothing here.
        heartbeat.send(&[packet(HEARTBEAT, 0, 0, b"")]);
        assert_eq!(heartbeat.error(), (code::PROTOCOL, false));
    });
}
