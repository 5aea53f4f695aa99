//! From Auth to Welcome or Refused, and the end of a session.

use super::BOTH;
use crate::support::client::Transport;
use crate::support::comet::{Comet, Hello, bytes, code, number, op, packet};
use crate::support::program::Program;

const ALICE: Hello<'static> =
    Hello { token: "alice", ext: "lobby", ticket: &[], last_seq: 0, ranges: &[], first_send: 0 };

#[test]
fn a_welcome_says_what_the_session_may_do() {
    let flags = ["--resume-ttl", "60", "--window", "64", "--idle", "90", "--max-message", "5000"];
    let relay = Program::relay(&flags);
    for transport in BOTH {
        let (_, welcome) = Comet::welcomed(&relay, transport, &ALICE);
        assert!(number(&welcome, 1) < 1 << 53, "session");
        let ticket = bytes(&welcome, 4);
        assert!((16..=512).contains(&ticket.len()), "{} bytes", ticket.len());
        // Epoch, resumed, ticket's lifetime, accepted, capabilities, heartbeat, longest body.
        let told = [2, 3, 5, 6, 7, 8, 9].map(|tag| number(&welcome, tag));
        assert_eq!(told, [1, 0, 60_000, 0, 3, 25_000, 5_000]);
        // Messages ahead, unacked deliveries with their eighth for signals, loss.
        assert_eq!([10, 11, 12].map(|tag| number(&welcome, tag)), [64, 72, 0]);
    }
}

#[test]
fn without_a_time_to_wait_there_is_no_ticket() {
    let relay = Program::relay(&[]);
    let (_, welcome) = Comet::welcomed(&relay, Transport::Tcp, &ALICE);
    assert_eq!(bytes(&welcome, 4), b"");
    assert_eq!([5, 7].map(|tag| number(&welcome, tag)), [0, 2]);
}

#[test]
fn a_peer_without_a_name_is_refused_for_good() {
    let relay = Program::relay(&[]);
    for transport in BOTH {
        let mut comet = Comet::connect(&relay, transport);
        comet.send(&[Hello { token: "", ..ALICE }.frame(7)]);
        let refused = comet.receive();
        assert_eq!((refused.ver, refused.op, refused.ack), (2, op::REFUSED, 7));
        assert_eq!((code(&refused.body), number(&refused.body, 3)), (5, 0), "UNAUTHENTICATED");
        assert_eq!(comet.ending(), transport.goodbye(1008));
    }
}

#[test]
fn whoever_is_one_too_many_is_told_when_to_come_back() {
    let relay = Program::relay(&["--handshake-rate", "1", "--shards", "1"]);
    let _first = Comet::welcomed(&relay, Transport::Tcp, &ALICE);
    let mut waits = Vec::new();
    for _ in 0..5 {
        let mut comet = Comet::connect(&relay, Transport::Tcp);
        comet.send(&[ALICE.frame(7)]);
        let answer = comet.receive();
        assert_eq!((answer.op, code(&answer.body)), (op::REFUSED, 8), "OVERLOADED");
        assert_eq!(number(&answer.body, 3), 1, "may be tried again");
        waits.push(number(&answer.body, 4));
    }
    assert!(waits.windows(2).all(|pair| pair[1] > pair[0] + 500), "{waits:?}");
}

#[test]
fn a_ping_is_answered_with_its_stamp_alone() {
    let relay = Program::relay(&[]);
    for transport in BOTH {
        let mut comet = Comet::open(&relay, transport, "alice", "");
        comet.beat();
        let stamp = [0xff; 8];
        for more in [&[][..], &[0, 0, 0x61, 0xa8], b"and something newer"] {
            comet.send(&[packet(op::PING, 0, 0, [&stamp[..], more].concat())]);
            assert_eq!(comet.receive(), packet(op::PONG, 0, 0, stamp));
        }
    }
}

#[test]
fn who_leaves_is_gone_and_the_ticket_with_the_session() {
    let relay = Program::relay(&["--resume-ttl", "60"]);
    for transport in BOTH {
        let (mut comet, welcome) = Comet::welcomed(&relay, transport, &ALICE);
        comet.send(&[packet(op::LEAVE, 0, 0, b"")]);
        assert_eq!(comet.ending(), transport.goodbye(1000));
        let ticket = &bytes(&welcome, 4)[..];
        let (_, again) = Comet::welcomed(&relay, transport, &Hello { ticket, ..ALICE });
        assert_eq!([2, 3, 12].map(|tag| number(&again, tag)), [1, 0, 3], "loss ENDED");
        assert_ne!(number(&again, 1), number(&welcome, 1));
    }
}

#[test]
fn a_relay_that_is_asked_to_end_says_when_to_come_back() {
    for transport in BOTH {
        let relay = Program::relay(&["--resume-ttl", "60", "--drain", "3", "--shards", "1"]);
        let mut comet = Comet::open(&relay, transport, "alice", "");
        relay.terminate();
        let away = comet.receive();
        assert_eq!((away.ver, away.op), (2, op::GOING_AWAY));
        assert_eq!([1, 3].map(|tag| number(&away.body, tag)), [1, 0], "RESTART, nothing to resume");
        let after = number(&away.body, 2);
        assert!(after <= 500, "{after} ms: there is nobody else to come back");
        assert!(!bytes(&away.body, 4).is_empty(), "a ticket for then");
        assert_eq!(comet.ending(), transport.goodbye(1001));
        drop(comet);
        assert!(relay.ended().success());
    }
}
