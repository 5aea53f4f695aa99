//! Strangers that abuse the handshake, and peers that abuse the records.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use comet::{Closed, Config, Listen, TlsFault};
use comet_testkit::client::{Client, Transport};
use comet_testkit::clock;
use comet_testkit::frame::{Wire, auth};
use comet_testkit::socket::{Arrived, Socket};
use rustls::version::TLS13;

use crate::support::gateway::{Server, Setup, anywhere, config};
use crate::support::tls::{Blocking, NAME, VERSIONS, authority, client, secured, tls};

fn server(config: Config) -> Server {
    Setup::new(config).listen(Listen::tcp(anywhere()).tls(tls())).start()
}

fn stranger(server: &Server) -> Socket {
    Socket::connect(server.gateway.addresses()[2])
}

/// A handshake record with a part of a message.
fn record(part: &[u8]) -> Vec<u8> {
    let mut record = vec![22, 3, 1];
    record.extend((part.len() as u16).to_be_bytes());
    record.extend(part);
    record
}

/// The beginning of a client hello that claims to have so many bytes.
fn hello(len: usize) -> Vec<u8> {
    let mut hello = vec![1];
    hello.extend(&(len as u32).to_be_bytes()[1..]);
    hello.resize(4 + len, 0);
    hello
}

#[test]
fn a_handshake_that_dribbles_or_rests_ends_by_its_deadline() {
    let server = server(config(1).handshake(|it| it.timeout = Duration::from_millis(400)));
    let mut silent = stranger(&server);
    let mut dribbling = stranger(&server);
    let bytes = record(&hello(2_000));
    let mut sent = 0;
    let ended = loop {
        if dribbling.try_write(&bytes[sent..=sent]).is_err() {
            break Arrived::Reset;
        }
        sent += 1;
        match dribbling.read_until(clock::now() + Duration::from_millis(20)) {
            Arrived::Nothing => {}
            ended => break ended,
        }
    };
    assert_ne!(ended, Arrived::Bytes, "nothing is said to it");
    assert!(sent < 200, "{sent} bytes in 400 ms");
    assert_eq!(silent.rest(), (Vec::new(), Arrived::End));
    clock::eventually("both are counted", || server.ended_as(&Closed::HandshakeTimeout) == 2);
}

#[test]
fn a_hello_that_is_too_long_is_not_kept_in_whatever_pieces_it_comes() {
    let server = server(config(1));
    let hello = hello(60_000);
    let whole: Vec<u8> = hello.chunks(16_384).flat_map(record).collect();
    let dust: Vec<u8> = hello.chunks(1).flat_map(record).collect();
    for (n, bytes) in [whole, dust].iter().enumerate() {
        let mut stranger = stranger(&server);
        // It may be closed before it has sent everything.
        let _ = stranger.try_write(bytes);
        let (said, _) = stranger.rest();
        assert!(said.len() < 100, "an alert at most: {said:?}");
        let too_long = Closed::BadTls(TlsFault::TooLong);
        clock::eventually("it is counted", || server.ended_as(&too_long) == n as u64 + 1);
    }
    let mut client = Client::over(Transport::Tcp, secured(server.gateway.addresses()[2]));
    client.sign_in("alice", "");
}

#[test]
fn a_record_that_is_begun_and_not_finished_is_charged_and_ends_its_session() {
    let server = server(config(1).limits(|it| it.message_timeout = Duration::from_millis(300)));
    for version in VERSIONS {
        let user = format!("{:?}", version.version);
        let config = Arc::new(client(authority(), &[version], None));
        let mut client = Blocking::connect(server.gateway.addresses()[2], &config, NAME).unwrap();
        client.ask(&Wire::Dtalk.bytes(&auth(1, &user, "")), 20);
        let before = server.stats().memory;
        let mut begun = vec![0x17, 3, 3, 0x40, 0];
        begun.resize(16_000, 7);
        client.0.sock.write_all(&begun).unwrap();
        clock::eventually("it is charged", || server.stats().memory >= before + 16_000);
        assert_eq!(server.log.closed(&user), Closed::Unfinished);
    }
}

#[test]
fn updates_of_keys_without_end_are_not_followed() {
    let server = server(config(1));
    let config = Arc::new(client(authority(), &[&TLS13], None));
    let mut client = Blocking::connect(server.gateway.addresses()[2], &config, NAME).unwrap();
    client.ask(&Wire::Dtalk.bytes(&auth(1, "alice", "")), 20);
    for _ in 0..200 {
        client.0.conn.refresh_traffic_keys().unwrap();
        if client.0.flush().is_err() {
            break;
        }
    }
    assert_eq!(server.log.closed("alice"), Closed::BadTls(TlsFault::Misbehaved));
}

#[test]
fn sessions_are_served_while_a_crowd_shakes_hands() {
    let server = server(config(1));
    let mut member = Client::over(Transport::Tcp, secured(server.gateway.addresses()[2]));
    member.sign_in("alice", "");
    let address = server.gateway.addresses()[2];
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                let mut config = client(authority(), &VERSIONS, None);
                config.resumption = rustls::client::Resumption::disabled();
                let config = Arc::new(config);
                let crowd: Vec<_> =
                    (0..50).map(|_| Blocking::connect(address, &config, NAME).unwrap()).collect();
                assert_eq!(crowd.len(), 50);
            });
        }
        for seq in 2..200 {
            assert_eq!(member.ask(seq, b"hello"), b"hello");
        }
    });
    clock::eventually("all are counted", || server.stats().tls_handshakes == 201);
}
