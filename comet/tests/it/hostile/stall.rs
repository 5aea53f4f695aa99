//! Peers that stand still, in every phase of a connection's life.

use std::time::Duration;

use comet::{Closed, Delivery, Dialect, Listen};
use comet_testkit::client::{Client, Next, Transport};
use comet_testkit::clock;
use comet_testkit::frame::{Wire, auth, frame, say};
use comet_testkit::socket::{Arrived, Socket};
use comet_testkit::websocket::{self, BINARY, FIN, masked};

use crate::support::gateway::{Server, Setup, anywhere, config, impatient};
use crate::support::place::everywhere;

const DEADLINE: Duration = Duration::from_millis(400);

/// A phase in which a peer stands still, on a listener by its number.
fn stalls() -> Vec<(&'static str, usize, Vec<u8>)> {
    let packet = Wire::Dtalk.bytes(&auth(1, "stalled", ""));
    let request = websocket::request("/sub", "").into_bytes();
    let upgraded = |rest: &[u8]| [&request[..], rest].concat();
    let framed = masked(FIN | BINARY, &packet);
    vec![
        ("says nothing on TCP", 0, vec![]),
        ("one byte of a head", 0, packet[..1].to_vec()),
        ("a head without its body", 0, packet[..20].to_vec()),
        ("all but a byte of the auth frame", 0, packet[..packet.len() - 1].to_vec()),
        ("frames but no auth", 0, Wire::Dtalk.bytes(&say(1, b"too early"))),
        ("says nothing on WebSocket", 1, vec![]),
        ("half an upgrade request", 1, request[..60].to_vec()),
        ("an upgrade request without its last line", 1, request[..request.len() - 2].to_vec()),
        ("an upgrade without auth", 1, request.clone()),
        ("one byte of a WebSocket frame", 1, upgraded(&framed[..1])),
        ("half of the auth message", 1, upgraded(&framed[..framed.len() / 2])),
        ("a first fragment", 1, upgraded(&masked(BINARY, &packet[..9]))),
        ("pings without auth", 1, upgraded(&masked(FIN | websocket::PING, b"hello"))),
        ("says nothing where it need not say more", 2, vec![]),
        ("half a request there", 2, request[..30].to_vec()),
    ]
}

#[test]
fn every_phase_is_over_at_the_handshake_deadline_and_nobody_else_notices() {
    for shards in [1, 2] {
        let server = Setup::new(config(shards).handshake(|it| it.timeout = DEADLINE))
            .listen(Listen::websocket(anywhere()).dialect(Dialect::Raw))
            .start();
        let mut good = server.client(Transport::Tcp, "good", "");
        let start = clock::now();
        let mut sockets: Vec<(&str, Socket)> = Vec::new();
        for (name, listener, bytes) in stalls() {
            let mut socket = Socket::connect(server.gateway.addresses()[listener]);
            socket.write(&bytes);
            sockets.push((name, socket));
        }
        let stalled = sockets.len() as u64;
        good.beat(2);
        for (name, socket) in &mut sockets {
            assert_eq!(socket.rest().1, Arrived::End, "{name}");
            assert!(clock::now() - start >= DEADLINE, "{name}: closed too early");
            good.beat(3);
        }
        assert_eq!(server.ended_as(&Closed::HandshakeTimeout), stalled);
        drop(sockets);
        clock::eventually("they are gone", || server.stats().connections == 1);
    }
}

#[test]
fn a_byte_now_and_then_does_not_put_the_deadline_off() {
    everywhere(|place| {
        let server = Server::start(config(place.shards).handshake(|it| it.timeout = DEADLINE));
        let mut socket = Socket::connect(server.address(place.transport));
        let start = clock::now();
        let bytes = match place.transport {
            Transport::Tcp => Wire::Dtalk.bytes(&auth(1, &"x".repeat(100), "")),
            Transport::WebSocket => websocket::request("/sub", "X-Filler: more\r\n").into_bytes(),
        };
        for byte in &bytes {
            if socket.try_write([*byte]).is_err() {
                break;
            }
            if socket.read_until(clock::now() + Duration::from_millis(20)) == Arrived::End {
                break;
            }
        }
        let time = clock::now() - start;
        assert!(time >= DEADLINE && time < DEADLINE + Duration::from_secs(8), "{time:?}");
        clock::eventually("counted", || server.ended_as(&Closed::HandshakeTimeout) == 1);
    });
}

#[test]
fn refusals_do_not_put_the_deadline_off() {
    everywhere(|place| {
        let limits = config(place.shards).handshake(|it| {
            it.timeout = DEADLINE;
            it.attempts = 255;
        });
        let server = Setup::new(limits).on_connect(|_, _, reply| reply.refuse("no")).start();
        let mut client = server.connect(place.transport);
        let start = clock::now();
        let request = client.bytes(&[auth(1, "alice", "")]);
        while client.socket.try_write(&request).is_ok() {
            let soon = clock::now() + Duration::from_millis(10);
            while let Next::Frame(refusal) = client.next(soon) {
                assert_eq!(refusal, frame(2, 1, b"no"));
            }
        }
        assert!(clock::now() - start >= DEADLINE);
        assert_eq!(server.ended_as(&Closed::HandshakeTimeout), 1);
    });
}

#[test]
fn a_router_that_never_decides_keeps_a_peer_no_longer_than_the_deadline() {
    everywhere(|place| {
        let server = Setup::new(config(place.shards).handshake(|it| it.timeout = DEADLINE))
            .on_connect(|log, request, reply| log.keep(request, reply))
            .start();
        let mut client = server.connect(place.transport);
        client.send(&auth(1, "alice", ""));
        let (_, reply) = server.log.asked();
        let expected = place.transport.goodbye(1008);
        assert_eq!(client.ending(), expected);
        reply.accept(comet::Identity::new("dtalk", "alice"));
        server.is_deserted();
        assert_eq!(server.stats().authenticated, 0, "too late");
    });
}

#[test]
fn half_a_frame_in_an_open_session_is_bounded_by_idleness() {
    everywhere(|place| {
        let server = Server::start(impatient(place.shards, DEADLINE));
        let mut client = server.client(place.transport, "alice", "");
        let bytes = client.bytes(&[say(2, vec![7; 10_000])]);
        client.socket.write(&bytes[..bytes.len() - 1]);
        let start = clock::now();
        let closed = server.log.closed("alice");
        assert!(clock::now() - start + Duration::from_millis(50) >= DEADLINE / 2);
        assert_eq!(closed, Closed::Idle);
    });
}

#[test]
fn a_reader_that_never_reads_is_dropped_after_the_write_timeout() {
    everywhere(|place| {
        let time = Duration::from_millis(500);
        let server = Server::start(
            config(place.shards)
                .io(|it| it.write_timeout = time)
                .memory(|it| it.write_bytes = 1 << 20),
        );
        let stuck = server.client(place.transport, "stuck", "");
        let session = server.log.peer("stuck").session();
        let mut good = server.client(place.transport, "good", "");
        let start = clock::now();
        clock::eventually("more is pushed than may wait", || {
            server.gateway.push(session, Delivery::best_effort(vec![7; 100_000])).unwrap();
            good.beat(2);
            server.stats().deliveries_dropped > 0
        });
        assert_eq!(server.log.closed("stuck"), Closed::Slow);
        assert!(clock::now() - start >= time);
        good.beat(3);
        clock::eventually("it is gone", || server.stats().connections == 1);
        drop(stuck);
    });
}

#[test]
fn a_reader_that_goes_on_within_the_write_timeout_keeps_its_session() {
    let time = Duration::from_secs(1);
    let server = Server::start(
        config(1).io(|it| it.write_timeout = time).memory(|it| it.write_bytes = 1 << 20),
    );
    let mut slow = server.client(Transport::Tcp, "slow", "");
    let session = server.log.peer("slow").session();
    clock::eventually("more is pushed than may wait", || {
        server.gateway.push(session, Delivery::best_effort(vec![7; 100_000])).unwrap();
        server.stats().deliveries_dropped > 0
    });
    let start = clock::now();
    // Reading a little, again and again, for longer than the time.
    while clock::now() - start < time + time / 2 {
        server.gateway.push(session, Delivery::best_effort(vec![7; 100_000])).unwrap();
        assert_eq!(read_some(&mut slow), Arrived::Bytes);
        assert_eq!(server.stats().sessions, 1);
        std::thread::park_timeout(Duration::from_millis(20));
    }
    slow.socket.unread.clear();
}

fn read_some(client: &mut Client) -> Arrived {
    client.socket.unread.clear();
    client.socket.read_until(clock::deadline())
}
