//! Pings that keep a connection open, and the time that listeners have for them.

use std::io::Write;
use std::time::Duration;

use comet::{Adoption, Config, Dialect, Gateway, Identity, Listen, StartError};
use comet_testkit::client::{Client, Transport};
use comet_testkit::clock;
use comet_testkit::comet::{Comet, Hello, op};
use comet_testkit::frame::{Wire, auth, frame};
use comet_testkit::socket::{Socket, pair};
use comet_testkit::websocket::{self, FIN, PING, WsFrame, masked};

use crate::support::gateway::{Server, Setup, anywhere, config};
use crate::support::router::TestRouter;

const INTERVAL: Duration = Duration::from_millis(300);

fn quick(shards: usize) -> Config {
    config(shards).ping(|it| it.interval = INTERVAL)
}

/// The next that comes is a ping, within the interval and some time for a busy machine.
fn is_pinged(client: &mut Client) {
    let ping = WsFrame { first: FIN | PING, payload: vec![] };
    assert_eq!(client.receive_ws(), ping);
}

#[test]
fn every_websocket_peer_that_is_sent_nothing_is_pinged_again_and_again() {
    for shards in [1, 2] {
        let raw = Listen::websocket(anywhere()).dialect(Dialect::Raw);
        let server = Setup::new(quick(shards)).listen(raw).on_connect(|_, request, reply| {
            reply.accept(match request.dialect {
                Dialect::Raw => Identity::anonymous(),
                _ => Identity::new("any", "somebody"),
            });
        });
        let server = server.start();
        let dtalk = server.client(Transport::WebSocket, "alice", "");
        let mut goim = server.connect(Transport::WebSocket);
        goim.wire = Wire::Goim;
        goim.send(&frame(7, 1, b"{}"));
        assert_eq!(goim.receive().op, 8);
        let socket = websocket::upgrade(server.gateway.addresses()[2], "/");
        let raw = Client::over(Transport::WebSocket, socket);
        let start = clock::now();
        for mut client in [dtalk, goim, raw] {
            for _ in 0..3 {
                is_pinged(&mut client);
            }
        }
        assert!(clock::now() - start >= INTERVAL * 2, "three pings take more than two intervals");
    }
}

#[test]
fn comet_peers_are_pinged_over_tcp_too_and_told_the_interval() {
    for transport in [Transport::Tcp, Transport::WebSocket] {
        let server = Server::start(quick(2));
        let mut alice = Comet::open(&server, transport, &Hello::new("alice", ""));
        assert_eq!(alice.welcome.heartbeat_ms, 300);
        for _ in 0..3 {
            assert_eq!(alice.receive().op, op::PING);
        }
    }
    let server = Server::start(config(1));
    let alice = Comet::open(&server, Transport::Tcp, &Hello::new("alice", ""));
    assert_eq!(alice.welcome.heartbeat_ms, 25_000, "by default");
}

#[test]
fn a_listener_and_adopted_connections_may_have_times_of_their_own() {
    let config = config(2).ping(|it| it.adopted_interval = Some(INTERVAL));
    let own = Listen::websocket(anywhere()).ping_interval(INTERVAL * 2);
    let server = Setup::new(config).listen(own).start();
    // Users live on both shards, so that some of these connections move.
    for user in ["a", "b", "c", "d"] {
        let socket = websocket::upgrade(server.gateway.addresses()[2], "/sub");
        let mut own = Client::over(Transport::WebSocket, socket);
        own.sign_in(user, "");
        let (ours, theirs) = pair();
        (&theirs).write_all(&masked(0x82, &Wire::Dtalk.bytes(&auth(1, user, "")))).unwrap();
        server.gateway.adopt_socket(ours, Adoption::websocket()).unwrap();
        let mut adopted = Client::over(Transport::WebSocket, Socket::over(theirs));
        assert_eq!(adopted.receive(), frame(2, 1, b""));
        let start = clock::now();
        is_pinged(&mut adopted);
        is_pinged(&mut own);
        assert!(clock::now() - start >= INTERVAL);
    }
    let mut usual = server.client(Transport::WebSocket, "usual", "");
    usual.hears_nothing_for(Duration::ZERO);
    let comet = Comet::open(&server, Transport::WebSocket, &Hello::new("alice", ""));
    assert_eq!(comet.welcome.heartbeat_ms, 25_000);
}

#[test]
fn without_an_interval_a_comet_peer_is_told_to_be_heard_in_half_the_idle_time() {
    let config = config(1).ping(|it| {
        it.interval = Duration::ZERO;
        it.idle_timeout = Duration::from_secs(3);
    });
    let server = Server::start(config);
    let alice = Comet::open(&server, Transport::Tcp, &Hello::new("alice", ""));
    assert_eq!(alice.welcome.heartbeat_ms, 1_500);
}

#[test]
fn an_idle_time_of_less_than_two_intervals_is_refused_with_the_names_of_both() {
    let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
    let short = Config::default().ping(|it| it.idle_timeout = 49 * second);
    let adopted = Config::default().ping(|it| {
        it.idle_timeout = minute;
        it.adopted_interval = Some(31 * second);
    });
    let own = Listen::tcp(anywhere()).ping_interval(241 * second);
    let cases = [
        (short, None, "ping.idle_timeout must be at least twice ping.interval"),
        (adopted, None, "ping.idle_timeout must be at least twice ping.interval"),
        (Config::default(), Some(own), "ping.idle_timeout must be at least twice ping.interval"),
        (
            Config::default().ping(|it| it.interval = second / 11),
            None,
            "ping.interval must be from 100 ms to an hour, or zero",
        ),
        (
            Config::default().ping(|it| it.interval = 61 * minute),
            None,
            "ping.interval must be from 100 ms to an hour, or zero",
        ),
    ];
    for (config, listen, expected) in cases {
        let builder = Gateway::builder(TestRouter::new()).config(config);
        let builder = listen.into_iter().fold(builder, comet::Builder::listen);
        let error = builder.start().unwrap_err();
        assert!(matches!(error, StartError::Config(text) if text.contains(expected)), "{error}");
    }
    Server::start(config(1).ping(|it| it.idle_timeout = 50 * second));
}
