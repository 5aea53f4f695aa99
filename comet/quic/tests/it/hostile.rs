//! Peers that do what they may not, each bounded, with a healthy client beside them.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use comet_quic::{Config, Retry};
use comet_testkit::clock;
use quinn::ConnectionError;
use quinn::crypto::rustls::QuicClientConfig;
use quinn_proto::{ClientConfig, Endpoint, EndpointConfig};

use crate::support::client::{Peer, runtime, rustls_config};
use crate::support::gateway::{Server, config};

/// First datagrams of clients that never answer.
fn flood(to: SocketAddr, count: usize) {
    let crypto = QuicClientConfig::try_from(rustls_config(b"comet")).unwrap();
    let client = ClientConfig::new(Arc::new(crypto));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut endpoint = Endpoint::new(Arc::new(EndpointConfig::default()), None, true, None);
    for _ in 0..count {
        let now = clock::now();
        let (_, mut connection) =
            endpoint.connect(now, client.clone(), to, "gateway.test").unwrap();
        let mut buffer = Vec::new();
        let transmit = connection.poll_transmit(now, 1, &mut buffer).expect("a first datagram");
        assert_eq!(transmit.segment_size, None);
        // The receiver's buffer may be full: then the flood is a smaller one.
        let _ = socket.send_to(&buffer[..transmit.size], to);
    }
}

#[test]
fn a_connection_without_a_stream_is_closed_in_time_and_gives_its_place_back() {
    let quic = Config { deadline: Duration::from_millis(300), ..Config::default() };
    let limits = config(1).limits(|it| it.max_sessions = 1);
    let (server, _) = Server::start(limits, quic);
    let peer = Peer::connect(server.quic.address());
    clock::eventually("its place is taken", || server.gateway.stats().connections <= 1);
    let second = Peer::connect(server.quic.address());
    assert_eq!(second.closed(), (3, "too many connections".to_owned()));
    assert_eq!(peer.closed(), (1, "no stream in time".to_owned()));
    assert_eq!((server.stats().overdue, server.stats().refused), (1, 1));
    let third = Peer::connect(server.quic.address());
    assert_eq!(third.sign_in("alice", "").ask(2, b"in"), b"in");
}

#[test]
fn a_stream_without_a_session_is_closed_by_the_deadline_of_the_gateway() {
    let impatient = config(1).handshake(|it| it.timeout = Duration::from_millis(300));
    let (server, _) = Server::start(impatient, Config::default());
    let peer = Peer::connect(server.quic.address());
    let mut client = peer.open();
    runtime().block_on(client.0.write_all(b"\0\0")).unwrap();
    assert_eq!(peer.closed().0, 0);
    server.is_deserted();
}

#[test]
fn a_connection_has_one_session_and_no_streams_of_other_kinds() {
    let (server, _) = Server::default();
    let peer = Peer::connect(server.quic.address());
    let mut client = peer.sign_in("alice", "");
    for _ in 0..5 {
        let (mut send, mut receive) = peer.open();
        let refused = runtime().block_on(async {
            // It may be refused before all is written.
            let _ = send.write_all(b"another session").await;
            receive.read_to_end(10).await.unwrap_err()
        });
        assert!(refused.to_string().contains("reset"), "{refused}");
    }
    runtime().block_on(async {
        // Streams and datagrams that mean nothing here.
        let mut stream = peer.connection.open_uni().await.unwrap();
        let _ = stream.write_all(&[7; 100_000]).await;
        peer.connection.send_datagram_wait(vec![0, 1, 2].into()).await.unwrap();
    });
    assert_eq!(client.ask(2, b"still here"), b"still here");
    assert_eq!(server.gateway.stats().sessions, 1);
}

#[test]
fn an_unknown_protocol_is_refused_in_the_handshake() {
    let (server, _) = Server::default();
    let refused = Peer::try_connect(server.quic.address(), b"gopher").err().expect("a refusal");
    let ConnectionError::ConnectionClosed(close) = refused else { panic!("{refused}") };
    assert_eq!(u64::from(close.error_code), 0x178, "no_application_protocol (RFC 9001, 8.1)");
    clock::eventually("it is counted", || server.stats().failed == 1);
    server.is_deserted();
}

#[test]
fn an_address_has_its_share_whether_it_is_proved_before_or_after() {
    for retry in [Retry::Always, Retry::Never] {
        let limits = config(1).limits(|it| it.connections_per_address = 1);
        let (server, _) = Server::start(limits, Config { retry, ..Config::default() });
        let peer = Peer::connect(server.quic.address());
        let mut client = peer.sign_in("alice", "");
        match (retry, Peer::try_connect(server.quic.address(), b"comet")) {
            (Retry::Always, Err(ConnectionError::ConnectionClosed(close))) => {
                assert_eq!(u64::from(close.error_code), 2, "refused before TLS");
                assert_eq!(server.stats().begun, 1);
            }
            (Retry::Never, Ok(second)) => assert_eq!(second.closed().0, 3),
            (_, other) => panic!("{retry:?}: {:?}", other.map(|_| "connected")),
        }
        assert_eq!(client.ask(2, b"still here"), b"still here");
        assert_eq!(server.stats().retried, if retry == Retry::Always { 2 } else { 0 });
        peer.connection.close(0u32.into(), b"");
        server.is_deserted();
        Peer::connect(server.quic.address()).sign_in("bob", "");
    }
}

#[test]
fn a_flood_of_handshakes_is_bounded_and_passes() {
    let quic = Config {
        handshakes: 8,
        retry: Retry::Never,
        deadline: Duration::from_millis(500),
        ..Config::default()
    };
    let (server, _) = Server::start(config(1), quic);
    let healthy = Peer::connect(server.quic.address());
    let mut client = healthy.sign_in("alice", "");
    flood(server.quic.address(), 200);
    clock::eventually("most of it is dropped", || server.stats().dropped >= 100);
    let stats = server.stats();
    assert!(stats.connections <= 1 + 8, "{stats:?}");
    assert_eq!(client.ask(2, b"still here"), b"still here");
    clock::eventually("it passes", || server.stats().connections == 1);
    Peer::connect(server.quic.address()).sign_in("bob", "");
}

#[test]
fn a_flood_of_forged_addresses_costs_nothing_where_they_are_to_be_proved() {
    let quic = Config { handshakes: 8, retry: Retry::Above(2), ..Config::default() };
    let (server, _) = Server::start(config(1), quic);
    flood(server.quic.address(), 200);
    clock::eventually("it is asked for proofs", || server.stats().retried >= 100);
    let stats = server.stats();
    assert!(stats.connections <= 3 && stats.dropped == 0, "{stats:?}");
    // While the flood is there.
    Peer::connect(server.quic.address()).sign_in("alice", "");
    assert!(server.stats().retried > stats.retried || server.stats().begun <= 4);
}

#[test]
fn garbage_is_counted_and_disturbs_nobody() {
    let (server, _) = Server::default();
    let peer = Peer::connect(server.quic.address());
    let mut client = peer.sign_in("alice", "");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let before = server.stats();
    let mut seed = 7u64;
    let mut sent = 0;
    for len in (0..1_400).step_by(7) {
        let garbage: Vec<u8> = (0..len)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
                (seed >> 56) as u8
            })
            .collect();
        sent += usize::from(socket.send_to(&garbage, server.quic.address()).is_ok());
    }
    assert!(sent > 100);
    clock::eventually("it is counted", || {
        server.stats().datagrams.stray >= before.datagrams.stray + 100
    });
    assert_eq!(client.ask(2, b"still here"), b"still here");
    assert!(server.stats().begun <= 2, "no handshake without an Initial packet");
}
