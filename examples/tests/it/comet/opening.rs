//! From Auth to Welcome or Refused, and the end of a session.

use comet_testkit::client::Transport;
use comet_testkit::comet::{Comet, GoingAway, Hello, Welcome, code, loss, op, packet};
use comet_testkit::program::Signal;

use super::BOTH;
use crate::example::Example;

fn hello() -> Hello {
    Hello::new("alice", "lobby")
}

#[test]
fn a_welcome_says_what_the_session_may_do() {
    let flags = ["--resume-ttl", "60", "--window", "64", "--idle", "90", "--max-message", "5000"];
    let relay = Example::relay(&flags);
    for transport in BOTH {
        let welcome = Comet::open(&relay, transport, &hello()).welcome;
        let Welcome { session, ref ticket, .. } = welcome;
        assert!(session < 1 << 53, "{session}");
        assert!((16..=512).contains(&ticket.len()), "{} bytes", ticket.len());
        let expected = Welcome {
            session,
            epoch: 1,
            resumed: false,
            ticket: ticket.clone(),
            ticket_ttl_ms: 60_000,
            accepted: 0,
            capabilities: 3,
            heartbeat_ms: 25_000,
            max_body: 5_000,
            send_window: 64,
            // An eighth more for signals.
            deliver_window: 72,
            loss: loss::NONE,
        };
        assert_eq!(welcome, expected);
    }
}

#[test]
fn without_a_time_to_wait_there_is_no_ticket() {
    let relay = Example::relay(&[]);
    let welcome = Comet::open(&relay, Transport::Tcp, &hello()).welcome;
    assert_eq!(welcome.ticket, b"");
    assert_eq!((welcome.ticket_ttl_ms, welcome.capabilities), (0, 2));
}

#[test]
fn a_peer_without_a_name_is_refused_for_good() {
    let relay = Example::relay(&[]);
    for transport in BOTH {
        let mut comet = Comet::connect(&relay, transport);
        let refused = comet.ask_as(7, &Hello::new("", "lobby")).unwrap_err();
        assert_eq!((refused.code, refused.retryable), (code::UNAUTHENTICATED, false));
        assert_eq!(comet.ends(), transport.goodbye(1008));
    }
}

#[test]
fn whoever_is_one_too_many_is_told_when_to_come_back() {
    let relay = Example::relay(&["--handshake-rate", "1", "--shards", "1"]);
    let _first = Comet::open(&relay, Transport::Tcp, &hello());
    let mut waits = Vec::new();
    for _ in 0..5 {
        let mut comet = Comet::connect(&relay, Transport::Tcp);
        let refused = comet.ask_as(7, &hello()).unwrap_err();
        assert_eq!((refused.code, refused.retryable), (code::OVERLOADED, true));
        waits.push(refused.return_after_ms);
    }
    assert!(waits.windows(2).all(|pair| pair[1] > pair[0] + 500), "{waits:?}");
}

#[test]
fn a_ping_is_answered_with_its_stamp_alone() {
    let relay = Example::relay(&[]);
    for transport in BOTH {
        let mut comet = Comet::open(&relay, transport, &Hello::new("alice", ""));
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
    let relay = Example::relay(&["--resume-ttl", "60"]);
    for transport in BOTH {
        let mut comet = Comet::open(&relay, transport, &hello());
        comet.send(&[packet(op::LEAVE, 0, 0, b"")]);
        assert_eq!(comet.ends(), transport.goodbye(1000));
        let ticket = comet.welcome.ticket.clone();
        let again = Comet::open(&relay, transport, &Hello { ticket, ..hello() }).welcome;
        assert_eq!((again.epoch, again.resumed, again.loss), (1, false, loss::ENDED));
        assert_ne!(again.session, comet.welcome.session);
    }
}

#[test]
fn a_relay_that_is_asked_to_end_says_when_to_come_back() {
    for transport in BOTH {
        let relay = Example::relay(&["--resume-ttl", "60", "--drain", "3", "--shards", "1"]);
        let mut comet = Comet::open(&relay, transport, &Hello::new("alice", ""));
        relay.signal(Signal::TERM);
        let away = GoingAway::of(&comet.receive());
        assert_eq!((away.reason, away.may_resume), (1, false), "RESTART, nothing to resume");
        let after = away.return_after_ms;
        assert!(after <= 500, "{after} ms: there is nobody else to come back");
        assert!(!away.ticket.is_empty(), "a ticket for then");
        assert_eq!(comet.ends(), transport.goodbye(1001));
        drop(comet);
        assert!(relay.ended().success());
    }
}
