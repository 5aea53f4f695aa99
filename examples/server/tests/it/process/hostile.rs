//! Hostile input on every port does not affect other clients.

use std::time::Duration;

use comet_server_testkit::client::Transport;
use comet_server_testkit::http;
use comet_server_testkit::message::to_user;
use comet_server_testkit::person::Person;
use comet_server_testkit::server::{Server, Setup};
use comet_testkit::clock;
use comet_testkit::socket::{Arrived, Socket};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Hostile connections per port.
const STRANGERS: usize = 40;

#[test]
fn garbage_on_every_port_hurts_nobody_else() {
    let seed: u64 = rand::random();
    eprintln!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let server = Server::start();
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    let mut sender = server.client(Transport::Tcp, &alice, None);
    let mut receiver = server.client(Transport::WebSocket, &bob, None);
    let at = server.addresses;
    let mut held = Vec::new();
    for number in 1..=STRANGERS {
        for address in [at.tcp, at.ws, at.http, at.admin] {
            let mut socket = Socket::connect(address);
            let mut bytes = vec![0; rng.random_range(1..20_000)];
            rng.fill(&mut bytes[..]);
            if number.is_multiple_of(2) {
                // A valid beginning.
                bytes.splice(0..0, *b"GET /sub HTTP/1.1\r\nHost: a\r\n");
            }
            // The server may close before it has seen everything.
            let _ = socket.try_write(&bytes);
            held.push(socket);
        }
        let common = to_user(&bob.uid, &format!("m-{number}"), "hi");
        let log_id = sender.ask(&common).log_id;
        assert_eq!(sender.takes(number as u32).message().log_id, log_id);
        assert_eq!(receiver.takes(number as u32).message().log_id, log_id);
    }
    assert_eq!(server.get("/ping").status, 200);
    assert_eq!(http::get(at.admin, "/health").status, 200);
    drop(held);
    server.awaits_metric("comet_gateway_connections", 2);
    sender.beat();
    receiver.beat();
    assert_eq!(server.process.errors(), "", "nothing worth a warning");
}

#[test]
fn whoever_says_nothing_is_closed_after_the_handshake_time() {
    let server = Setup::default().set("gateway.handshake_seconds=1").start();
    let at = server.addresses;
    // Nothing, part of a frame, part of a request, and a whole one without a continuation.
    let mut strangers = [
        (at.tcp, String::new()),
        (at.tcp, "\0\0".to_owned()),
        (at.ws, "GET /sub".to_owned()),
        (at.ws, comet_testkit::websocket::request("/sub", "")),
        (at.http, comet_testkit::websocket::request("/sub", "")),
    ]
    .map(|(address, bytes)| {
        let mut socket = Socket::connect(address);
        socket.write(bytes.as_bytes());
        socket
    });
    let began = std::time::Instant::now();
    for socket in &mut strangers {
        let (_, end) = socket.rest();
        assert_eq!(end, Arrived::End);
    }
    assert!(began.elapsed() > Duration::from_millis(500));
    clock::eventually("all are gone", || server.metric("comet_gateway_connections") == 0);
}

#[test]
fn a_server_without_descriptors_goes_on_once_it_has_some_again() {
    let setup = Setup::default().descriptors(240).set("gateway.handshake_seconds=2");
    let server = setup.start();
    let at = server.addresses;
    let open = || {
        std::fs::read_dir(format!("/proc/{}/fd", server.process.id())).map_or(0, Iterator::count)
    };
    let before = open();
    let strangers: Vec<Socket> = (0..300).map(|_| Socket::connect(at.tcp)).collect();
    clock::eventually("most descriptors are taken", || open() > 100);
    assert!(open() <= 200);
    drop(strangers);
    clock::eventually("they are given back", || open() <= before + 10);
    server.client(Transport::Tcp, &Person::new("alice"), None).beat();
}
