//! Before the first peer: addresses, values that make no sense, connections made elsewhere.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use comet::{Adoption, Closed, Config, Delivery, Gateway, Listen, StartError, Target};
use comet_testkit::client::{Client, Transport};
use comet_testkit::frame::{Wire, auth, frame, reply, say};
use comet_testkit::socket::{Arrived, Socket, pair};
use comet_testkit::websocket::masked;

use crate::support::gateway::{Server, Setup, anywhere, config};
use crate::support::router::TestRouter;

#[test]
fn an_address_in_use_is_named_in_the_error() {
    for shards in [1, 2] {
        let taken = TcpListener::bind(anywhere()).unwrap();
        let address = taken.local_addr().unwrap();
        let start = |address: SocketAddr| {
            Gateway::builder(TestRouter::new())
                .config(config(shards))
                .listen(Listen::tcp(anywhere()))
                .listen(Listen::websocket(address))
                .start()
        };
        let error = start(address).unwrap_err();
        let StartError::Listen { address: named, ref source } = error else { panic!("{error}") };
        assert_eq!((named, source.kind()), (address, std::io::ErrorKind::AddrInUse));
        assert!(error.to_string().contains(&address.to_string()), "{error}");

        // Another gateway counts as well, whatever the two share their sockets with.
        let server = Server::start(config(shards));
        let error = start(server.address(Transport::Tcp)).unwrap_err();
        assert!(matches!(error, StartError::Listen { .. }), "{error}");
    }
}

#[test]
fn addresses_come_in_the_order_given_and_with_real_ports() {
    for shards in [1, 3] {
        let server = Setup::new(config(shards)).listen(Listen::tcp("[::1]:0".parse().unwrap()));
        let server = server.start();
        let addresses = server.gateway.addresses();
        assert_eq!(addresses.len(), 3);
        assert!(addresses.iter().all(|address| address.port() != 0), "{addresses:?}");
        assert!(addresses[0].is_ipv4() && addresses[2].is_ipv6());
        assert_eq!(server.gateway.shards(), shards);
        Client::connect(&addresses[2], Transport::Tcp).sign_in("alice", "");
        Client::connect(&addresses[1], Transport::WebSocket).sign_in("alice", "");
    }
}

/// Another thread of the program may start a process just then: until the new process runs, it
/// has a copy of every socket, so that a port is not free yet when its socket is dropped.
#[test]
fn a_gateway_starts_while_the_program_starts_processes() {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert!(Command::new("true").status().unwrap().success());
            }
        });
        for round in 1..=20 {
            let builder = Gateway::builder(TestRouter::new()).config(config(2));
            let listeners = (0..100).map(|_| Listen::tcp(anywhere()));
            let started = listeners.fold(builder, comet::Builder::listen).start();
            // Before a failure is one, so that the other thread ends.
            done.store(round == 20 || started.is_err(), Ordering::Relaxed);
            let gateway = started.unwrap();
            gateway.drain(Duration::ZERO);
            gateway.wait();
        }
    });
}

#[test]
fn values_that_make_no_sense_are_refused_by_name_before_anything_is_bound() {
    type Spoil = fn(&mut Config);
    let cases: [(&str, Spoil); 17] = [
        ("shards", |it| it.shards = 0),
        ("shards", |it| it.shards = 100_000),
        ("handshake.attempts", |it| it.handshake.attempts = 0),
        ("limits.inbox", |it| it.limits.inbox = 0),
        ("limits.message_timeout", |it| it.limits.message_timeout = Duration::ZERO),
        ("limits.max_body", |it| it.limits.max_body = 1 << 30),
        ("delivery.window", |it| it.delivery.window = 0),
        ("delivery.queue", |it| it.delivery.queue = 0),
        ("delivery.room_log", |it| it.delivery.room_log = 0),
        ("delivery.attempts", |it| it.delivery.attempts = 0),
        ("delivery.rto", |it| it.delivery.rto = Duration::ZERO),
        ("memory.mailbox", |it| it.memory.mailbox = 0),
        ("memory.read_buffer", |it| it.memory.read_buffer = 100),
        ("memory.budget", |it| (it.shards, it.memory.budget) = (3, 40_000)),
        ("io.accept_batch", |it| it.io.accept_batch = 0),
        ("io.keepalive", |it| it.io.keepalive = Duration::from_secs(1)),
        ("io.user_timeout", |it| it.io.user_timeout = it.io.write_timeout),
    ];
    for (path, spoil) in cases {
        let mut config = Config::default();
        spoil(&mut config);
        let error = Gateway::builder(TestRouter::new()).config(config).start().unwrap_err();
        let StartError::Config(text) = error else { panic!("{path}: {error}") };
        assert!(text.starts_with(&format!("{path} must ")), "{path}: {text}");
    }
}

#[test]
fn an_upgraded_connection_can_be_handed_over_with_what_was_read_too_much() {
    for shards in [1, 2] {
        let server = Server::start(config(shards));
        for number in 0..8 {
            let user = format!("user-{number}");
            let (ours, theirs) = pair();
            let frames = [auth(1, &user, ""), say(2, b"early")];
            let early: Vec<u8> =
                frames.iter().flat_map(|frame| masked(0x82, &Wire::Dtalk.bytes(frame))).collect();
            let cut = early.len() * number / 7;
            (&theirs).write_all(&early[cut..]).unwrap();
            server
                .gateway
                .adopt_socket(ours, Adoption::websocket().leftover(early[..cut].to_vec()))
                .unwrap();
            let mut client = Client::over(Transport::WebSocket, Socket::over(theirs));
            assert_eq!(client.receive_all(2), [frame(2, 1, b""), reply(2, b"early")]);
            server.gateway.push(Target::user("dtalk", &user), Delivery::acked("hello")).unwrap();
            client.takes(1, b"hello");
        }
        server.is_deserted();
    }
}

#[test]
fn a_plain_connection_can_be_handed_over_too_and_has_the_time_of_a_new_one() {
    let server = Server::start(config(2).handshake(|it| it.timeout = Duration::from_millis(300)));
    let (ours, theirs) = pair();
    let mut client = Client::over(Transport::Tcp, Socket::over(theirs));
    server
        .gateway
        .adopt_socket(ours, Adoption::stream().leftover(Wire::Dtalk.bytes(&auth(1, "alice", ""))))
        .unwrap();
    assert_eq!(client.receive(), frame(2, 1, b""));
    assert_eq!(client.ask(2, b"hello"), b"hello");

    let (ours, theirs) = pair();
    server.gateway.adopt_socket(ours, Adoption::stream()).unwrap();
    assert_eq!(Socket::over(theirs).rest(), (vec![], Arrived::End));
    assert_eq!(server.ended_as(&Closed::HandshakeTimeout), 1);
}
