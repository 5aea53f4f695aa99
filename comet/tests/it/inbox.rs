//! The other direction: messages wait for the router, replies for those before them.

use std::time::Duration;

use comet::{Closed, Refusal};
use comet_testkit::client::Transport;
use comet_testkit::clock;
use comet_testkit::frame::{frame, reply, say};

use crate::support::gateway::{Server, Setup, config};
use crate::support::log::Event;
use crate::support::place::{Place, everywhere, over_both};
use crate::support::router::{answer, hold};

fn holding(config: comet::Config) -> Server {
    Setup::new(config).on_message(hold).start()
}

#[test]
fn replies_leave_in_the_order_of_the_messages_whoever_settles_them_when() {
    everywhere(|place| {
        let server = holding(config(place.shards).limits(|it| it.inbox = 100));
        let mut client = server.client(place.transport, "alice", "");
        client.send_all(&(1..=100).map(|seq| say(seq, seq.to_string())).collect::<Vec<_>>());
        let mut held: Vec<_> = (0..100).map(|_| server.log.held()).collect();
        // The first one last, and the others from several threads at once.
        let first = held.remove(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let share: Vec<_> = held.drain(held.len().saturating_sub(25)..).rev().collect();
                scope.spawn(|| {
                    share.into_iter().for_each(|held| held.receipt.ack(held.message.body));
                });
            }
        });
        client.hears_nothing_for(Duration::from_millis(30));
        first.receipt.ack(first.message.body);
        let replies: Vec<_> = (1..=100).map(|seq| reply(seq, seq.to_string())).collect();
        assert_eq!(client.receive_all(100), replies);
    });
}

#[test]
fn refused_and_forgotten_messages_are_answered_by_silence_and_hold_nothing_up() {
    everywhere(|place| {
        let server = holding(config(place.shards));
        let mut client = server.client(place.transport, "alice", "");
        client.send_all(&[say(1, b"a"), say(2, b"b"), say(3, b"c"), say(4, b"d")]);
        let [a, b, c, d] = [(); 4].map(|()| server.log.held());
        d.receipt.ack("fourth");
        drop(c.receipt);
        b.receipt.ack("second");
        a.receipt.refuse(Refusal::new(5));
        assert_eq!(client.receive_all(2), [reply(2, b"second"), reply(4, b"fourth")]);
        client.beat(5);
    });
}

#[test]
fn no_more_messages_are_read_than_may_wait_and_the_rest_follows_one_by_one() {
    everywhere(|place| {
        let server = holding(config(place.shards).limits(|it| it.inbox = 3));
        let mut client = server.client(place.transport, "alice", "");
        client.send_all(&(1..=10).map(|seq| say(seq, seq.to_string())).collect::<Vec<_>>());
        client.send(&frame(3, 11, b""));
        let mut held: Vec<_> = (0..3).map(|_| server.log.held()).collect();
        for seq in 1..=10 {
            let messages = server.stats().messages;
            assert!(messages <= u64::from(seq) + 2, "{messages} while {seq} is open");
            let oldest = held.remove(0);
            assert_eq!(oldest.message.seq, seq);
            oldest.receipt.ack("");
            assert_eq!(client.receive(), reply(seq, b""));
            if seq <= 7 {
                held.push(server.log.held());
            } else if seq == 8 {
                assert_eq!(client.receive(), frame(4, 11, [0; 4]), "there is room for it now");
            }
        }
    });
}

#[test]
fn a_router_that_does_not_settle_becomes_back_pressure_and_not_memory() {
    over_both(|place| {
        let server = holding(config(place.shards).limits(|it| {
            it.inbox = 2;
            it.max_body = 1 << 20;
        }));
        let mut client = server.client(place.transport, "alice", "");
        let message = client.bytes(&[say(1, vec![7; 100_000])]);
        let written = client.socket.write_until_blocked(&message, Duration::from_millis(300));
        let read = server.stats().bytes_in;
        assert!(written < 32 << 20, "{written} bytes were taken");
        assert!(read < 2 << 20, "{read} bytes were read");
        assert_eq!(server.stats().messages, 2);

        // The rest of a message that was cut by the block.
        let whole = written.div_ceil(message.len());
        let receiver = std::thread::spawn(move || {
            client.socket.write(&message[written % message.len()..]);
            let replies = client.receive_all(whole);
            assert_eq!(replies, vec![reply(1, b""); whole]);
        });
        for _ in 0..whole {
            server.log.held().receipt.ack("");
        }
        receiver.join().expect("every message is answered");
    });
}

/// Messages that are settled at once by another thread, so that the limit is reached and left
/// while the gateway is in the midst of what it has read.
fn keeps_the_order_at_the_limit(place: Place, together: usize) {
    let server = holding(config(place.shards).limits(|it| it.inbox = 2));
    let mut client = server.client(place.transport, "alice", "");
    const ROUNDS: usize = 300;
    let count = ROUNDS * together;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for seq in 1..=count {
                let held = server.log.held();
                assert_eq!(held.message.seq as usize, seq, "messages come in order");
                held.receipt.ack(held.message.body);
            }
        });
        let mut seq = 0;
        for _ in 0..ROUNDS / 30 {
            let mut bytes = Vec::new();
            for _ in 0..30 {
                let packets: Vec<u8> = (0..together)
                    .flat_map(|_| {
                        seq += 1;
                        client.wire.bytes(&say(seq, b"x"))
                    })
                    .collect();
                bytes.extend(match place.transport {
                    Transport::Tcp => packets,
                    Transport::WebSocket => comet_testkit::websocket::masked(0x82, &packets),
                });
            }
            client.socket.write(&bytes);
        }
        for seq in 1..=count {
            assert_eq!(client.receive(), reply(seq as u32, b"x"));
        }
    });
}

#[test]
fn messages_keep_their_order_when_the_limit_is_reached_and_left_in_the_midst_of_reading() {
    everywhere(|place| {
        keeps_the_order_at_the_limit(place, 1);
        keeps_the_order_at_the_limit(place, 5);
    });
}

#[test]
fn a_session_that_ended_may_still_be_answered_without_effect() {
    everywhere(|place| {
        let server = holding(config(place.shards));
        let mut alice = server.client(place.transport, "alice", "");
        alice.send(&say(1, b"a"));
        let held = server.log.held();
        drop(alice);
        server.log.closed("alice");
        server.is_deserted();
        // Takes the place that the other had.
        let mut bob = server.client(place.transport, "bob", "");
        held.receipt.ack("for alice");
        bob.beat(1);
    });
}

/// The router panics on what this picks out; `victim` is closed, everybody else goes on.
fn panics(on: impl Fn(&Event) -> bool + Send + Sync + Copy + 'static, act: fn(&Server, Place)) {
    everywhere(|place| {
        let server = Setup::new(config(place.shards))
            .on_message(answer)
            .on_event(move |event| assert!(!on(event), "the router panics, as the test wants"))
            .start();
        let mut other = server.client(place.transport, "other", "");
        act(&server, place);
        clock::eventually("the panic is counted", || server.stats().router_panics == 1);
        assert_eq!(other.ask(2, b"still here"), b"still here");
        assert_eq!(server.stats().sessions, 1);
    });
}

#[test]
fn a_panic_on_a_message_closes_that_session_alone() {
    let on = |event: &Event| matches!(event, Event::Message(peer, _) if peer.user() == "victim");
    panics(on, |server, place| {
        let mut victim = server.client(place.transport, "victim", "");
        victim.send_all(&[say(2, b"boom"), say(3, b"never read")]);
        assert_eq!(victim.ending(), place.transport.goodbye(1011));
        assert_eq!(server.log.closed("victim"), Closed::RouterPanicked);
    });
}

#[test]
fn a_panic_on_an_ack_closes_that_session_alone() {
    let on = |event: &Event| matches!(event, Event::Acked(..));
    panics(on, |server, place| {
        let mut victim = server.client(place.transport, "victim", "");
        let session = server.log.peer("victim").session();
        server.gateway.push(session, comet::Delivery::acked("hello").tag(1)).unwrap();
        victim.takes(1, b"hello");
        assert_eq!(victim.ending(), place.transport.goodbye(1011));
        assert_eq!(server.log.closed("victim"), Closed::RouterPanicked);
    });
}

#[test]
fn a_panic_when_a_session_opens_closes_it_and_it_is_still_said_to_have_ended() {
    let on = |event: &Event| matches!(event, Event::Connected(peer) if peer.user() == "victim");
    panics(on, |server, place| {
        let mut victim = server.client(place.transport, "victim", "");
        assert_eq!(victim.ending(), place.transport.goodbye(1011));
        assert_eq!(server.log.closed("victim"), Closed::RouterPanicked);
    });
}

#[test]
fn a_panic_on_a_request_refuses_the_peer() {
    let on = |event: &Event| matches!(event, Event::Connect { token, .. } if token == "victim");
    panics(on, |server, place| {
        let mut victim = server.connect(place.transport);
        victim.send(&comet_testkit::frame::auth(1, "victim", ""));
        assert_eq!(victim.ending(), place.transport.goodbye(1008));
        assert_eq!(server.ended_as(&Closed::Refused), 1);
    });
}

#[test]
fn a_panic_when_a_session_has_ended_changes_nothing_more() {
    let on =
        |event: &Event| matches!(event, Event::Disconnected(peer, _) if peer.user() == "victim");
    panics(on, |server, place| {
        drop(server.client(place.transport, "victim", ""));
        assert_eq!(server.log.closed("victim"), Closed::ByPeer);
    });
}
