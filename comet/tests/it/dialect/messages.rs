//! Messages to the router: taken once, answered in order, and again if need be.

use std::time::Duration;

use comet::{Closed, Refusal};
use comet_protocol::comet::{ClientFrame, Code, Seq, ServerFrame};

use crate::support::client::Transport;
use crate::support::comet::{Comet, hello};
use crate::support::gateway::{Server, Setup, config};
use crate::support::log::Event;
use crate::support::place::everywhere;
use crate::support::router::hold;

fn answer(seq: u32, body: &'static str) -> ServerFrame {
    ServerFrame::SendReply { ack: Seq::new(seq), body: body.into() }
}

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
        let mut alice = Comet::open(&server, place.transport, hello("alice", ""));
        alice.send(1, 0, b"hello");
        assert_eq!(alice.hear(), answer(1, "hello"));
        alice.send(1, 0, b"hello");
        assert_eq!(alice.hear(), answer(1, "hello"));
        alice.send(2, 1, b"more");
        assert_eq!(alice.hear(), answer(2, "more"));
        alice.send(1, 1, b"hello");
        alice.beat();
        assert_eq!(messages(&server), [(1, b"hello".to_vec()), (2, b"more".to_vec())]);
    });
}

#[test]
fn answers_that_come_while_nobody_is_connected_wait_for_the_peer() {
    everywhere(|place| {
        let limits = config(place.shards).resume(|it| it.ttl = Duration::from_secs(60));
        let server = Setup::new(limits).on_message(hold).start();
        let mut alice = Comet::open(&server, place.transport, hello("alice", ""));
        alice.send(1, 0, b"one");
        alice.send(2, 0, b"two");
        let (one, two) = (server.log.held(), server.log.held());
        let back = alice.back("alice", 0, 1);
        alice.reset();
        server.log.collect(1, |event| matches!(event, Event::Parked(..)).then_some(()));
        two.receipt.refuse(Refusal::new(1_234));
        one.receipt.ack("first");

        let mut alice = Comet::open(&server, place.transport, back);
        assert_eq!((alice.welcome.resumed, alice.welcome.accepted), (true, 2));
        assert_eq!(alice.hear(), answer(1, "first"));
        let ServerFrame::Refusal { ack, refusal } = alice.hear() else { panic!("a refusal") };
        assert_eq!((ack.get(), refusal.code, refusal.retryable), (2, 1_234, false));
        alice.send(2, 1, b"two");
        let again = alice.hear();
        assert!(matches!(again, ServerFrame::Refusal { .. }), "{again:?}");
        assert_eq!(messages(&server).len(), 2);
    });
}

#[test]
fn a_message_nobody_answers_is_refused_for_now() {
    everywhere(|place| {
        let server = Setup::new(config(place.shards)).on_message(|_, _, _, _, _| {}).start();
        let mut alice = Comet::open(&server, place.transport, hello("alice", ""));
        alice.send(1, 0, b"hello");
        let ServerFrame::Refusal { refusal, .. } = alice.hear() else { panic!("a refusal") };
        assert_eq!((refusal.code, refusal.retryable), (Code::UNAVAILABLE.get(), true));
    });
}

#[test]
fn skipped_numbers_and_a_full_window_end_the_connection_and_are_told_apart() {
    everywhere(|place| {
        let server =
            Setup::new(config(place.shards).limits(|it| it.inbox = 2)).on_message(hold).start();
        let mut alice = Comet::open(&server, place.transport, hello("alice", ""));
        assert_eq!(alice.welcome.send_window, 2);
        alice.send(2, 0, b"the first is missing");
        assert_eq!(alice.error(), (Code::SEQUENCE.get(), true));
        alice.ending();
        assert_eq!(server.log.closed("alice"), Closed::Sequence);

        let mut bob = Comet::open(&server, place.transport, hello("bob", ""));
        (1..=3).for_each(|seq| bob.send(seq, 0, b"m"));
        let ServerFrame::Error(failure) = bob.hear() else { panic!("an error") };
        assert_eq!((failure.code, failure.retryable), (Code::WINDOW.get(), true));
        assert_eq!(failure.text, "message window full");
        assert_eq!(bob.ending(), place.transport.goodbye(1008));
        assert_eq!(server.log.closed("bob"), Closed::WindowFull);
        assert_eq!(messages(&server).len(), 2);
    });
}

#[test]
fn a_new_session_counts_messages_on_from_where_the_peer_says() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut auth = hello("alice", "");
        auth.first_send = 41;
        let mut alice = Comet::open(&server, place.transport, auth);
        assert_eq!(alice.welcome.accepted, 40);
        alice.send(41, 40, b"on");
        assert_eq!(alice.hear(), answer(41, "on"));
    });
}

#[test]
fn what_breaks_the_dialect_ends_with_its_code() {
    everywhere(|place| {
        let server = Server::start(config(place.shards).limits(|it| it.max_body = 1_000));
        let open = |name: &str| Comet::open(&server, place.transport, hello(name, ""));
        let mut twice = open("twice");
        twice.say(&ClientFrame::Auth { seq: 1, auth: Box::new(hello("twice", "")) });
        assert_eq!(twice.error(), (Code::PROTOCOL.get(), false));

        let mut wrong_side = open("wrong");
        let welcome = ServerFrame::Welcome { ack: 1, welcome: Box::default() };
        let mut bytes = Vec::new();
        welcome.write(&mut bytes);
        write(&mut wrong_side, place.transport, &bytes);
        assert_eq!(wrong_side.error(), (Code::PROTOCOL.get(), false));

        let mut long = open("long");
        long.send(1, 0, &[7; 1_001]);
        assert_eq!(long.error(), (Code::TOO_LARGE.get(), false));

        let mut heartbeat = open("old");
        write(&mut heartbeat, place.transport, &comet_heartbeat());
        assert_eq!(heartbeat.error(), (Code::PROTOCOL.get(), false));
    });
}

fn write(comet: &mut Comet, transport: Transport, packet: &[u8]) {
    use crate::support::websocket::{BINARY, FIN, masked};
    let bytes = match transport {
        Transport::Tcp => packet.to_vec(),
        Transport::WebSocket => masked(FIN | BINARY, packet),
    };
    comet.client.socket.write(&bytes);
}

/// What dtalk clients say to stay, which means nothing here.
fn comet_heartbeat() -> Vec<u8> {
    [&[0, 0, 0, 20, 0, 20, 0, 2, 0, 0, 0, 3], &[0; 8][..]].concat()
}
