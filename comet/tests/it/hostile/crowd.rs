//! Two hundred who misbehave at once, each in its own way, and twenty who only talk.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use comet::{Dialect, Listen};
use comet_testkit::client::Transport;
use comet_testkit::clock;
use comet_testkit::frame::{Wire, auth, delivery, frame, reply, say};
use comet_testkit::socket::Socket;
use comet_testkit::websocket::{self, BINARY, CONTINUATION, FIN, PING, masked};

use crate::support::gateway::{Server, Setup, anywhere, config};
use crate::support::router::echo;

const BAD: usize = 200;
const GOOD: usize = 20;

/// What misbehaviour number `kind` sends first, to which listener, and then over and over.
fn misbehaviour(kind: usize) -> (usize, Vec<u8>, Vec<u8>) {
    let packet = Wire::Dtalk.bytes(&auth(1, "bad", "lobby"));
    let request = websocket::request("/sub", "").into_bytes();
    let upgraded = |rest: &[u8]| [&request[..], rest].concat();
    let signed_in = upgraded(&masked(FIN | BINARY, &packet));
    match kind % 10 {
        0 => (0, vec![], vec![]),
        1 => (0, packet[..30].to_vec(), vec![]),
        2 => (1, request[..50].to_vec(), b"y".to_vec()),
        3 => (1, upgraded(b""), vec![]),
        4 => (0, b"\xff\xff\xff\xff".repeat(9), b"\xff".repeat(100)),
        5 => (0, packet, Wire::Dtalk.bytes(&frame(3, 1, b"")).repeat(200)),
        6 => (1, signed_in, masked(FIN | PING, &[1; 125]).repeat(50)),
        7 => (1, [signed_in, masked(BINARY, b"")].concat(), masked(CONTINUATION, b"").repeat(50)),
        8 => (2, websocket::request("/anything", "").into_bytes(), vec![0xc1; 300]),
        _ => (1, signed_in, masked(FIN | BINARY, &Wire::Dtalk.bytes(&say(1, [7; 2_000])))),
    }
}

fn misbehaves(server: &Server, kind: usize, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let (listener, first, then) = misbehaviour(kind);
        let mut socket = Socket::connect(server.gateway.addresses()[listener]);
        if socket.try_write(&first).is_err() {
            continue;
        }
        // Nothing is ever read. Who is not closed is left alone until the end.
        while !stop.load(Ordering::Relaxed) {
            std::thread::park_timeout(Duration::from_millis(20));
            if socket.write_once(&then).is_err() {
                break;
            }
        }
    }
}

#[test]
fn twenty_who_talk_are_answered_while_two_hundred_misbehave() {
    let limits = config(2)
        .handshake(|it| it.timeout = Duration::from_secs(1))
        .io(|it| it.write_timeout = Duration::from_secs(1))
        .memory(|it| it.write_bytes = 100_000)
        .delivery(|it| it.rto = Duration::from_secs(30));
    let server = Setup::new(limits)
        .listen(Listen::websocket(anywhere()).dialect(Dialect::Raw))
        .on_connect(|_, request, reply| {
            if request.dialect == Dialect::Dtalk {
                reply.accept(crate::support::router::identity(&request));
            }
        })
        .on_message(echo)
        .start();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let builder = || std::thread::Builder::new().stack_size(128 * 1024);
        for kind in 0..BAD {
            let (server, stop) = (&server, &stop);
            builder().spawn_scoped(scope, move || misbehaves(server, kind, stop)).unwrap();
        }
        let good: Vec<_> = (0..GOOD)
            .map(|number| {
                let server = &server;
                builder().spawn_scoped(scope, move || talks(server, number)).unwrap()
            })
            .collect();
        let results: Vec<_> = good.into_iter().map(|thread| thread.join()).collect();
        stop.store(true, Ordering::Relaxed);
        assert!(results.iter().all(Result::is_ok), "somebody was not answered");
    });
    assert!(server.stats().accepted >= (BAD + GOOD) as u64);
    clock::eventually("all have gone", || server.stats().connections == 0);
}

fn talks(server: &Server, number: usize) {
    let transport = if number < GOOD / 2 { Transport::Tcp } else { Transport::WebSocket };
    let mut client = server.client(transport, &format!("good-{number}"), "");
    for seq in 1..=100 {
        let body = format!("{number} says {seq}");
        client.send(&say(seq, &body));
        let mut both = client.receive_all(2);
        both.sort_by_key(|frame| frame.op);
        assert_eq!(both, [reply(seq, b""), delivery(seq, &body)]);
        client.send(&comet_testkit::frame::ack(seq));
    }
}
