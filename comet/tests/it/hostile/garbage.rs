//! Bytes that are no frames.

use comet::{Closed, Dialect, Listen};
use comet_protocol::DecodeError;
use comet_testkit::client::{Client, Ending, Transport};
use comet_testkit::clock;
use comet_testkit::frame::{Wire, auth, frame, say};
use comet_testkit::socket::Socket;
use comet_testkit::websocket::{self, BINARY, FIN, masked, status};

use crate::support::gateway::{Server, Setup, anywhere, config};
use crate::support::place::everywhere;

/// A dtalk head with this packet length and head length.
fn head(pack_len: u32, head_len: u16) -> Vec<u8> {
    let mut bytes = Wire::Dtalk.bytes(&frame(3, 1, b""));
    bytes[..4].copy_from_slice(&pack_len.to_be_bytes());
    bytes[4..6].copy_from_slice(&head_len.to_be_bytes());
    bytes
}

/// How a WebSocket peer is told.
fn code_of(error: &DecodeError) -> u16 {
    if matches!(error, DecodeError::TooLong { .. }) { 1009 } else { 1002 }
}

fn bad_heads() -> Vec<(Vec<u8>, DecodeError)> {
    vec![
        (head(0xffff_ffff, 20), DecodeError::TooShort(-1)),
        (head(0x8000_0000, 20), DecodeError::TooShort(i32::MIN)),
        (head(0, 20), DecodeError::TooShort(0)),
        (head(19, 20), DecodeError::TooShort(19)),
        (head(0x7fff_ffff, 20), DecodeError::TooLong { len: 0x7fff_ffff, limit: 16_404 }),
        (head(16_405, 20), DecodeError::TooLong { len: 16_405, limit: 16_404 }),
        (head(20, 0), DecodeError::HeadLen(0)),
        (head(20, 21), DecodeError::HeadLen(21)),
        (head(20, 0xffec), DecodeError::HeadLen(-20)),
    ]
}

fn send_packet(client: &mut Client, packet: &[u8]) {
    match client.transport {
        Transport::Tcp => client.socket.write(packet),
        Transport::WebSocket => client.socket.write(masked(FIN | BINARY, packet)),
    }
}

#[test]
fn lengths_that_cannot_be_end_the_session_from_the_head_alone() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        for (number, (bytes, error)) in bad_heads().into_iter().enumerate() {
            let user = format!("user-{number}");
            let mut client = server.client(place.transport, &user, "");
            send_packet(&mut client, &bytes);
            assert_eq!(client.ending(), place.transport.goodbye(code_of(&error)), "{error}");
            assert_eq!(server.log.closed(&user), Closed::BadFrame(error));
        }
    });
}

#[test]
fn the_same_lengths_as_the_very_first_bytes_end_the_connection() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        for (bytes, error) in bad_heads() {
            let mut client = server.connect(place.transport);
            send_packet(&mut client, &bytes);
            assert_eq!(client.ending(), place.transport.goodbye(code_of(&error)), "{error}");
        }
        let count = bad_heads().len() as u64;
        assert_eq!(server.ended_as(&Closed::BadFrame(DecodeError::TooShort(0))), count);
    });
}

#[test]
fn a_refused_length_is_answered_without_waiting_for_what_it_promises() {
    let server = Server::start(config(1));
    let mut client = server.client(Transport::Tcp, "alice", "");
    client.socket.write(0x7fff_ffffu32.to_be_bytes());
    assert_eq!(client.ending(), Ending::Fin);
}

#[test]
fn a_message_that_ends_inside_a_packet_ends_the_session() {
    let server = Server::start(config(2));
    let packet = Wire::Dtalk.bytes(&say(2, b"hello"));
    for (number, (cut, need)) in (1..).zip([(1, 20), (5, 20), (6, 25), (19, 25), (24, 25)]) {
        let user = format!("user-{number}");
        let mut client = server.client(Transport::WebSocket, &user, "");
        client.socket.write(masked(FIN | BINARY, &[&packet[..], &packet[..cut]].concat()));
        assert_eq!(client.ending(), Ending::Close(Some(1002)));
        let error = DecodeError::Truncated { have: cut, need };
        assert_eq!(server.log.closed(&user), Closed::BadFrame(error));
        assert_eq!(server.stats().messages, number, "the packet before it was read");
    }
}

/// Bytes of a generator that everybody can repeat.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn garbage_on_every_listener_ends_only_the_connection_that_brought_it() {
    for shards in [1, 2] {
        let server = Setup::new(
            config(shards).handshake(|it| it.timeout = std::time::Duration::from_secs(1)),
        )
        .listen(Listen::websocket(anywhere()).dialect(Dialect::Raw))
        .listen(Listen::tcp(anywhere()).dialect(Dialect::Goim))
        .start();
        let mut good = server.client(Transport::WebSocket, "good", "");
        let upgraded = websocket::request("/sub", "");
        for seed in 0..160 {
            let listener = seed as usize % 4;
            let mut socket = Socket::connect(server.gateway.addresses()[listener]);
            if listener == 1 && seed % 3 == 0 {
                socket.write(&upgraded);
            }
            // The gateway may close in the midst of it.
            let _ = socket.try_write(noise(seed, 1 + (seed as usize * 97) % 5_000));
        }
        good.beat(2);
        clock::eventually("all were accepted", || server.stats().accepted == 161);
        clock::eventually("they are gone", || server.stats().connections == 1);
        good.beat(3);
    }
}

#[test]
fn noise_inside_an_open_session_ends_it_at_most() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut good = server.client(place.transport, "good", "");
        for seed in 0..60 {
            let mut client = server.client(place.transport, &format!("user-{seed}"), "a");
            let bytes = noise(seed, 3_000);
            let _ = client.socket.try_write(&match place.transport {
                Transport::Tcp => bytes,
                Transport::WebSocket if seed % 2 == 0 => bytes,
                Transport::WebSocket => masked(FIN | BINARY, &bytes),
            });
        }
        clock::eventually("they are gone", || server.stats().connections == 1);
        good.beat(2);
    });
}

#[test]
fn an_upgrade_request_that_is_too_long_or_has_too_many_fields_is_refused() {
    let server = Server::start(config(1).handshake(|it| {
        it.max_upgrade = 4_000;
        it.max_upgrade_headers = 20;
    }));
    let answer = |request: &[u8]| {
        let mut socket = Socket::connect(server.address(Transport::WebSocket));
        // The gateway need not read it to the end.
        let _ = socket.try_write(request);
        status(&websocket::response(&mut socket))
    };
    let filler = |count: usize, len: usize| -> String {
        (0..count).map(|number| format!("X-{number}: {}\r\n", "y".repeat(len))).collect()
    };
    assert_eq!(answer(websocket::request("/sub", &filler(10, 10)).as_bytes()), 101);
    assert_eq!(answer(websocket::request("/sub", &filler(16, 1)).as_bytes()), 431);
    assert_eq!(answer(websocket::request("/sub", &filler(3, 1_500)).as_bytes()), 431);
    assert_eq!(answer(websocket::request(&"/".repeat(4_000), "").as_bytes()), 431);
    let endless = [b"GET /sub HTTP/1.1\r\n", &b"a".repeat(100_000)[..]].concat();
    assert_eq!(answer(&endless), 431);
    assert_eq!(answer(b"\x16\x03\x01\x02\x00 a TLS hello"), 400);
    assert_eq!(server.ended_as(&Closed::UpgradeRefused(0)), 5);
}

#[test]
fn auth_bodies_of_any_bytes_are_decided_about_or_refused() {
    everywhere(|place| {
        let server =
            Setup::new(config(place.shards)).on_connect(|_, _, reply| reply.refuse("no")).start();
        for seed in 0..60 {
            let mut client = server.connect(place.transport);
            client.send(&frame(1, 1, noise(seed, seed as usize)));
            client.send(&auth(2, "proper", ""));
            client.socket.half_close();
            client.ending();
        }
        let stats = server.stats();
        let malformed = stats.closed_as(&Closed::BadAuth);
        assert!(malformed > 20, "{malformed}");
        assert_eq!(stats.authenticated, 0);
    });
}
