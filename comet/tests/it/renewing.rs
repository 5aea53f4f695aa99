//! A peer that has a session and authenticates again: the same one keeps it, anybody else loses it.

use std::time::Duration;

use comet::{Closed, Connect, Delivery, Dialect, Identity};
use comet_testkit::client::Client;
use comet_testkit::frame::{Wire, auth, delivery, frame, reply, say};

use crate::support::gateway::{Server, Setup, config};
use crate::support::log::Event;
use crate::support::place::{Place, everywhere};

/// Lets `user@device=token` in as that user on that device: the part behind the `=` is what clients
/// renew. Of tokens, "old" is closed, "wrong" refused with a body, "later" not decided.
fn doorman(place: Place) -> Setup {
    Setup::new(config(place.shards)).on_connect(|_, request, reply| {
        let (peer, token) = request.token.split_once('=').unwrap_or((&request.token, ""));
        let (user, device) = peer.split_once('@').unwrap_or((peer, ""));
        match token {
            "old" => reply.close(),
            "wrong" => reply.refuse("another device"),
            "later" => reply.later(Duration::from_secs(1)),
            _ => reply.accept(Identity::new("dtalk", user).device(device).room("elsewhere")),
        }
    })
}

/// Who renews, as far as the requests say.
fn renewals(server: &Server) -> Vec<(String, u8)> {
    server.log.so_far(|event| match event {
        Event::Connect { token, attempt } if *attempt > 1 => Some((token.clone(), *attempt)),
        _ => None,
    })
}

/// Calls of the router about sessions.
fn lives(server: &Server) -> usize {
    let about = |event: &Event| {
        matches!(event, Event::Connected(_) | Event::Resumed(_) | Event::Disconnected(..))
    };
    server.log.so_far(|event| about(event).then_some(())).len()
}

#[test]
fn the_same_user_on_the_same_device_gets_the_same_answer_and_the_session_is_untouched() {
    everywhere(|place| {
        let server = doorman(place).start();
        let mut client = server.client(place.transport, "alice@phone=1", "");
        let session = server.log.peer("alice").session();
        server.gateway.push(session, Delivery::acked("before")).unwrap();
        assert_eq!(client.receive(), delivery(1, b"before"));
        client.send_all(&[auth(9, "alice@phone=2", ""), say(10, b"and on")]);
        assert_eq!(client.receive(), frame(2, 9, b""));
        assert_eq!(client.receive(), reply(10, b"and on"));
        server.gateway.push(session, Delivery::acked("after")).unwrap();
        assert_eq!(client.receive(), delivery(2, b"after"), "numbers go on");
        assert_eq!(renewals(&server), [("alice@phone=2".to_owned(), 2)]);
        assert_eq!((server.stats().sessions, lives(&server)), (1, 1));
    });
}

#[test]
fn whoever_is_not_the_same_any_more_is_closed_for_that_reason() {
    everywhere(|place| {
        let server = doorman(place).start();
        let others = ["bob@phone=1", "alice@tablet=1", "alice=1", "alice@phone=old"];
        for (number, other) in (1..).zip(others) {
            let mut client = server.client(place.transport, "alice@phone=1", "");
            client.send_all(&[auth(9, other, ""), say(10, b"not heard")]);
            assert_eq!(client.ending(), place.transport.goodbye(1008), "{other}");
            assert_eq!(server.ended_as(&Closed::NotRenewed), number, "{other}");
        }
        assert_eq!(server.log.closed("alice"), Closed::NotRenewed);
        assert_eq!((server.stats().messages, server.stats().sessions), (0, 0));

        let mut client = server.client(place.transport, "alice@phone=1", "");
        client.send(&frame(1, 9, b"\xff\xff\xff"));
        assert_eq!(client.ending(), place.transport.goodbye(1002), "no auth body at all");
        assert_eq!(server.ended_as(&Closed::BadAuth), 1);
    });
}

#[test]
fn who_is_refused_with_a_body_is_told_and_closed() {
    everywhere(|place| {
        let server = doorman(place).start();
        let mut client = server.client(place.transport, "alice@phone=1", "");
        client.send(&auth(9, "alice@phone=wrong", ""));
        assert_eq!(client.receive(), frame(2, 9, b"another device"));
        assert_eq!(client.ending(), place.transport.goodbye(1008));
        assert_eq!(server.log.closed("alice"), Closed::NotRenewed);
    });
}

#[test]
fn where_nobody_can_decide_now_the_session_goes_on_without_an_answer() {
    everywhere(|place| {
        let server = doorman(place).start();
        let mut client = server.client(place.transport, "alice@phone=1", "");
        client.send_all(&[auth(9, "alice@phone=later", ""), say(10, b"still here")]);
        assert_eq!(client.receive(), reply(10, b"still here"));
        client.send(&auth(11, "alice@phone=2", ""));
        assert_eq!(client.receive(), frame(2, 11, b""));
    });
}

#[test]
fn a_router_is_told_whose_session_is_renewed_and_nothing_is_read_until_it_has_answered() {
    everywhere(|place| {
        let setup =
            Setup::new(config(place.shards)).on_connect(|log, request, reply| {
                match &request.renews {
                    None => reply.accept(Identity::new("dtalk", "alice").device("phone")),
                    Some(_) => log.keep(request, reply),
                }
            });
        let server = setup.start();
        let mut client = server.client(place.transport, "alice", "");
        client.send_all(&[auth(9, "alice", ""), say(10, b"later")]);
        let (request, decision) = server.log.asked();
        let Connect { renews: Some(peer), dialect: Dialect::Dtalk, .. } = request else {
            panic!("{request:?}")
        };
        assert_eq!(peer.session(), server.log.peer("alice").session());
        server.gateway.push(peer.session(), Delivery::best_effort("meanwhile")).unwrap();
        assert_eq!(client.receive(), delivery(0, b"meanwhile"));
        assert_eq!(server.stats().messages, 0);
        decision.accept(Identity::new("dtalk", "alice").device("phone"));
        assert_eq!(client.receive(), frame(2, 9, b""));
        assert_eq!(client.receive(), reply(10, b"later"));
    });
}

#[test]
fn an_answer_for_a_connection_that_is_gone_decides_nothing_about_the_next_one() {
    everywhere(|place| {
        let config = config(place.shards).resume(|it| it.ttl = Duration::from_secs(60));
        let setup = Setup::new(config).on_connect(|log, request, reply| match &request.renews {
            None => reply.accept(Identity::new("dtalk", "alice").device("phone")),
            Some(_) => log.keep(request, reply),
        });
        let server = setup.start();
        let mut lost = server.client(place.transport, "alice", "");
        lost.send(&auth(9, "good", ""));
        let (_, good) = server.log.asked();
        drop(lost);

        let mut client = server.client(place.transport, "alice", "");
        client.send(&auth(9, "bad", ""));
        let (_, bad) = server.log.asked();
        good.accept(Identity::new("dtalk", "alice").device("phone"));
        bad.close();
        assert_eq!(client.ending(), place.transport.goodbye(1008), "not accepted by the older one");
    });
}

#[test]
fn whoever_authenticates_again_and_again_is_closed() {
    everywhere(|place| {
        let server = doorman(place).start();
        let mut client = server.client(place.transport, "alice@phone=1", "");
        let many: Vec<_> = (1..=200).map(|seq| auth(seq, "alice@phone=2", "")).collect();
        client.send_all(&many);
        assert_eq!(server.log.closed("alice"), Closed::AuthAttempts);
        // A burst, and one a second for as long as this took on a busy machine.
        let asked = renewals(&server).len();
        assert!((5..100).contains(&asked), "{asked}");
    });
}

#[test]
fn a_goim_peer_authenticates_again_by_the_same_rules() {
    const SAME: &[u8] = br#"{"mid":123,"token":"2"}"#;
    const OTHER: &[u8] = br#"{"mid":456}"#;
    everywhere(|place| {
        let setup = Setup::new(config(place.shards)).on_connect(|_, request, reply| {
            let is_other = &request.ext[..] == OTHER;
            reply.accept(Identity::new("goim", if is_other { "456" } else { "123" }));
        });
        let server = setup.start();
        let mut client: Client = server.connect(place.transport);
        client.wire = Wire::Goim;
        client.send(&frame(7, 1, br#"{"mid":123}"#));
        assert_eq!(client.receive().op, 8);
        client.send(&frame(7, 2, SAME));
        let answer = client.receive();
        assert_eq!((answer.op, answer.seq), (8, 2));
        client.send(&frame(7, 3, OTHER));
        assert_eq!(client.ending(), place.transport.goodbye(1008));
        assert_eq!(server.log.closed("123"), Closed::NotRenewed);
    });
}
