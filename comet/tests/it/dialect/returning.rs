//! When peers are to come back, and that who comes earlier is turned away before anything is asked.

use std::collections::HashSet;
use std::time::Duration;

use comet::{Closed, Config, Delivery, Target};
use comet_testkit::client::Transport;
use comet_testkit::comet::{Comet, Failure, GoingAway, Hello, code, op, packet};
use comet_testkit::frame::auth;

use crate::support::gateway::{Server, Setup, config};
use crate::support::log::Event;
use crate::support::place::everywhere;

#[test]
fn each_that_is_told_to_go_away_is_told_its_own_time_and_kept_to_it() {
    let key = [42; 32];
    let limits = || {
        config(1).resume(|it| {
            it.ttl = Duration::from_secs(60);
            it.return_rate = 1;
            it.ticket_key = Some(key);
        })
    };
    let mut server = Server::start(limits());
    let mut peers: Vec<Comet> = (0..30)
        .map(|number| {
            Comet::open(&server, Transport::Tcp, &Hello::new(&format!("user-{number}"), ""))
        })
        .collect();
    server.gateway.drain(Duration::from_secs(2));
    let mut times = HashSet::new();
    let mut tickets = Vec::new();
    for peer in &mut peers {
        let away = GoingAway::of(&peer.receive());
        assert!(!away.may_resume && away.return_after_ms <= 31_000);
        times.insert(away.return_after_ms / 500);
        tickets.push((away.return_after_ms, away.ticket));
    }
    server.wait();
    assert_eq!(times.len(), 30, "spread over the time: {times:?}");

    let next = Server::start(limits());
    let (after, ticket) = tickets.iter().max_by_key(|(after, _)| after).unwrap();
    let mut early = Comet::connect(&next, Transport::Tcp);
    let request = Hello { ticket: ticket.clone(), ..Hello::new("user-29", "") };
    let refused = early.ask(&request).unwrap_err();
    assert_eq!((refused.code, refused.retryable), (code::OVERLOADED, true));
    assert!(refused.return_after_ms <= *after && refused.return_after_ms > 0);
    let asked = next.log.so_far(|event| matches!(event, Event::Connect { .. }).then_some(()));
    assert_eq!(asked.len(), 0, "the router was not asked");
    assert_eq!(next.stats().closed_as(&Closed::TurnedAway), 1);
}

#[test]
fn a_lone_peer_is_asked_to_come_back_at_once() {
    let mut server = Server::start(config(2).resume(|it| it.ttl = Duration::from_secs(60)));
    let mut alice = Comet::open(&server, Transport::Tcp, &Hello::new("alice", ""));
    server.gateway.drain(Duration::from_secs(10));
    let away = GoingAway::of(&alice.receive());
    assert!(away.return_after_ms <= 100, "{away:?}");
    drop(alice);
    server.wait();
}

#[test]
fn a_crowd_is_let_in_at_the_rate_and_the_rest_gets_times_of_their_own() {
    everywhere(|place| {
        let server = Server::start(config(place.shards).handshake(|it| it.rate = 20));
        let mut times = HashSet::new();
        let mut open = Vec::new();
        for number in 0..20 {
            let mut peer = Comet::connect(&server, place.transport);
            match peer.ask(&Hello::new(&format!("user-{number}"), "")) {
                Ok(()) => open.push(peer),
                Err(refused) => {
                    assert_eq!(refused.code, code::OVERLOADED);
                    assert!(refused.retryable && refused.return_after_ms >= 100);
                    times.insert(refused.return_after_ms);
                }
            }
        }
        assert!(!open.is_empty() && times.len() > 3, "{} in, {times:?}", open.len());
        let asked = server.log.so_far(|event| matches!(event, Event::Connect { .. }).then_some(()));
        assert_eq!(asked.len(), open.len(), "the router was asked about nobody else");

        let mut old = server.connect(place.transport);
        old.send(&auth(1, "old", ""));
        assert_eq!(old.ending(), place.transport.goodbye(1013));
    });
}

#[test]
fn a_router_that_cannot_decide_now_has_the_peer_come_back() {
    everywhere(|place| {
        let server = Setup::new(config(place.shards))
            .on_connect(|_, _, reply| reply.later(Duration::from_secs(3)))
            .start();
        let mut peer = Comet::connect(&server, place.transport);
        let refused = peer.ask(&Hello::new("alice", "")).unwrap_err();
        assert_eq!((refused.code, refused.retryable), (code::UNAVAILABLE, true));
        assert_eq!(refused.return_after_ms, 3_000);
        let mut old = server.connect(place.transport);
        old.send(&auth(1, "old", ""));
        assert_eq!(old.ending(), place.transport.goodbye(1013));
    });
}

#[test]
fn a_server_asks_for_a_sign_of_life_and_closes_as_idle_without_one() {
    let quick: Config = config(1).ping(|it| {
        it.interval = Duration::from_secs(1);
        it.idle_timeout = Duration::from_secs(2);
    });
    let server = Server::start(quick);
    let mut alice = Comet::open(&server, Transport::Tcp, &Hello::new("alice", ""));
    assert_eq!(alice.welcome.heartbeat_ms, 1_000);
    let ping = alice.receive();
    assert_eq!(ping.op, op::PING);
    alice.send(&[packet(op::PONG, 0, 0, &ping.body[..8])]);
    assert_eq!(alice.receive().op, op::PING, "and again");
    let last = loop {
        match alice.receive() {
            ping if ping.op == op::PING => {}
            other => break Failure::of(&other),
        }
    };
    assert_eq!((last.op, last.code, last.retryable), (op::ERROR, code::IDLE, true));
    assert_eq!(server.log.closed("alice"), Closed::Idle);
}

#[test]
fn who_is_kicked_is_told_so() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut alice = Comet::open(&server, place.transport, &Hello::new("alice", ""));
        server.gateway.push(Target::user("dtalk", "alice"), Delivery::acked("bye")).unwrap();
        server.gateway.kick(Target::user("dtalk", "alice"), "a test").unwrap();
        assert_eq!(alice.delivery(), (1, "bye".into()));
        assert_eq!(alice.error(), (code::KICKED, false));
        alice.ends();
    });
}
