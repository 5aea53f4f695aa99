//! Refused peers that cannot be told when to come back are held before they are closed.

use std::time::Duration;

use comet::{Closed, Config, Identity};
use comet_testkit::client::{Client, Ending, Transport};
use comet_testkit::clock;
use comet_testkit::comet::{Comet, Hello};
use comet_testkit::frame::{Wire, auth, frame, say};

use crate::support::gateway::{Server, Setup, config};

/// How a peer asks to be refused.
#[derive(Clone, Copy, Debug)]
enum Way {
    Dtalk(Transport),
    Goim(Transport),
}

const WAYS: [Way; 4] = [
    Way::Dtalk(Transport::Tcp),
    Way::Dtalk(Transport::WebSocket),
    Way::Goim(Transport::Tcp),
    Way::Goim(Transport::WebSocket),
];

/// Lets in who is called "good", tells "wrong" to try again, and closes everybody else.
fn start(config: Config) -> Server {
    Setup::new(config)
        .on_connect(|_, request, reply| match request.token.as_str() {
            "good" => reply.accept(Identity::new("dtalk", "good")),
            "wrong" => reply.refuse("another device"),
            _ => reply.close(),
        })
        .start()
}

/// Holds up to so many, each from two fifths of this time to all of it.
fn holding(many: usize, time: Duration) -> Config {
    config(1).handshake(|it| {
        it.held_refusals = many;
        it.refusal_hold = time;
    })
}

fn asks(server: &Server, way: Way) -> Client {
    match way {
        Way::Dtalk(transport) => {
            let mut client = server.connect(transport);
            client.send(&auth(1, "bad", ""));
            client
        }
        Way::Goim(transport) => {
            let mut client = server.connect(transport);
            client.wire = Wire::Goim;
            client.send(&frame(7, 1, b"{}"));
            client
        }
    }
}

/// What is said at the end.
fn is_closed(client: &mut Client, way: Way, code: u16) {
    match way {
        Way::Dtalk(transport) | Way::Goim(transport) => {
            assert_eq!(client.ending(), transport.goodbye(code), "{way:?}");
        }
    }
}

#[test]
fn whoever_is_refused_is_held_and_then_closed_as_ever() {
    let time = Duration::from_millis(1_000);
    let server = start(holding(100, time));
    std::thread::scope(|scope| {
        for way in WAYS {
            let server = &server;
            scope.spawn(move || {
                let began = clock::now();
                let mut client = asks(server, way);
                is_closed(&mut client, way, 1008);
                let held = clock::now() - began;
                assert!(held >= time * 2 / 5, "{way:?}: {held:?}");
            });
        }
    });
    assert_eq!(server.ended_as(&Closed::Refused), 4);
    assert_eq!(server.stats().refused, 4);
}

#[test]
fn whoever_is_turned_away_is_held_too() {
    let time = Duration::from_millis(1_000);
    let server = start(holding(100, time).handshake(|it| it.rate = 1));
    let mut good = server.connect(Transport::Tcp);
    good.send(&auth(1, "good", ""));
    assert_eq!(good.receive(), frame(2, 1, b""));
    let before = server.stats().turned_away;
    let began = clock::now();
    clock::until("somebody is turned away", || {
        let mut client = asks(&server, Way::Dtalk(Transport::Tcp));
        let ending = client.ending();
        assert_eq!(ending, Ending::Fin);
        (server.stats().turned_away > before).then_some(())
    });
    assert!(clock::now() - began >= time * 2 / 5);
}

#[test]
fn so_many_are_held_one_more_is_closed_at_once_and_a_drain_ends_them_all() {
    for way in WAYS {
        let mut server = start(holding(2, Duration::from_secs(600)));
        let mut held: Vec<Client> = (0..2).map(|_| asks(&server, way)).collect();
        clock::eventually("both are refused", || server.stats().refused == 2);
        let mut third = asks(&server, way);
        is_closed(&mut third, way, 1008);
        assert_eq!(server.ended_as(&Closed::Refused), 1, "{way:?}");
        drop(third);
        server.gateway.drain(Duration::from_secs(60));
        held.iter_mut().for_each(|client| is_closed(client, way, 1008));
        drop(held);
        server.wait();
    }
}

#[test]
fn who_is_held_is_not_read_and_its_place_is_free_when_it_goes() {
    let server = start(holding(1, Duration::from_secs(600)));
    let mut first = asks(&server, Way::Dtalk(Transport::Tcp));
    clock::eventually("it is refused", || server.stats().refused == 1);
    let read = server.stats().bytes_in;
    first.send_all(&[auth(2, "good", ""), say(3, b"hello")]);
    first.hears_nothing_for(Duration::from_millis(50));
    assert_eq!((server.stats().bytes_in, server.stats().authenticated), (read, 0));
    drop(first);
    clock::eventually("it has gone", || server.ended_as(&Closed::Refused) == 1);
    let mut second = asks(&server, Way::Dtalk(Transport::Tcp));
    clock::eventually("it is refused", || server.stats().refused == 2);
    second.hears_nothing_for(Duration::from_millis(50));
    assert_eq!(server.ended_as(&Closed::Refused), 1);
}

#[test]
fn a_refusal_after_which_the_peer_may_try_again_is_not_held() {
    let server = start(holding(100, Duration::from_secs(600)).handshake(|it| it.attempts = 2));
    let mut client = server.connect(Transport::Tcp);
    client.send(&auth(1, "wrong", ""));
    assert_eq!(client.receive(), frame(2, 1, b"another device"));
    client.send(&auth(2, "good", ""));
    assert_eq!(client.receive(), frame(2, 2, b""));

    // The last attempt is told at once, and its connection held.
    let mut client = server.connect(Transport::Tcp);
    for seq in 1..=2 {
        client.send(&auth(seq, "wrong", ""));
        assert_eq!(client.receive(), frame(2, seq, b"another device"));
    }
    client.hears_nothing_for(Duration::from_millis(50));
    assert_eq!(server.ended_as(&Closed::AuthAttempts), 0);
}

#[test]
fn who_can_be_told_is_told_and_closed_at_once() {
    let server = start(holding(100, Duration::from_secs(600)));
    let mut peer = Comet::connect(&server, Transport::Tcp);
    peer.ask(&Hello::new("bad", "")).unwrap_err();
    peer.ends();
    assert_eq!(server.ended_as(&Closed::Refused), 1);
}
