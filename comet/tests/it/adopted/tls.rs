//! Streams over TLS of tokio-rustls.

use std::sync::Arc;

use comet::{Adoption, Closed, Delivery, Target};
use comet_testkit::client::{Client, Ending, Transport};
use comet_testkit::frame::say;
use comet_testkit::socket::{Socket, pair};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::support::gateway::{Server, config};
use crate::support::streams::{bridged, runtime, tokio_socket};

/// Configurations of a server and of a client that trusts it.
fn tls() -> (TlsAcceptor, TlsConnector) {
    let key = rcgen::generate_simple_self_signed(["gateway.test".to_owned()]).unwrap();
    let certificate = key.cert.der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let private = PrivateKeyDer::Pkcs8(key.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], private)
        .unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server).into(), Arc::new(client).into())
}

/// A socket whose bytes go through TLS to a session of the gateway.
fn over_tls(server: &Server, adoption: Adoption) -> Socket {
    let (acceptor, connector) = tls();
    let (ours, theirs) = pair();
    let (ours, theirs) = (tokio_socket(ours), tokio_socket(theirs));
    let name = ServerName::try_from("gateway.test").unwrap();
    let (ours, theirs) = runtime()
        .block_on(async { tokio::join!(acceptor.accept(ours), connector.connect(name, theirs)) });
    let _context = runtime().enter();
    server.gateway.adopt(ours.expect("a handshake"), adoption).expect("a place");
    bridged(theirs.expect("a handshake"))
}

#[test]
fn tls_carries_large_messages_both_ways_and_closes_cleanly() {
    for shards in [1, 2] {
        let server = Server::start(
            config(shards)
                .limits(|it| it.max_body = 4 << 20)
                .memory(|it| it.write_bytes = 64 << 20),
        );
        let mut client = Client::over(Transport::Tcp, over_tls(&server, Adoption::stream()));
        client.sign_in("alice", "");
        // More than TLS and the socket below it hold: writing and reading stop and go on.
        let body: Vec<u8> = (0..3 << 20).map(|at: u32| (at % 251) as u8).collect();
        client.send(&say(2, &body));
        let answered = client.receive();
        assert_eq!((answered.seq, answered.body == body), (2, true));
        for number in 1..=9 {
            let delivery = Delivery::acked(vec![number; 100_000]);
            server.gateway.push(Target::user("dtalk", "alice"), delivery).unwrap();
        }
        for number in 1..=9 {
            client.takes(number, &[number as u8; 100_000]);
        }
        server.gateway.kick(Target::user("dtalk", "alice"), "enough").unwrap();
        assert_eq!(client.ending(), Ending::Fin);
        assert!(matches!(server.log.closed("alice"), Closed::Kicked(_)));
    }
}

#[test]
fn tls_peers_that_go_without_a_word_are_lost() {
    let server = Server::start(config(1));
    let mut client = Client::over(Transport::WebSocket, over_tls(&server, Adoption::websocket()));
    client.sign_in("alice", "");
    drop(client);
    let closed = server.log.closed("alice");
    assert!(matches!(closed, Closed::ByPeer | Closed::Lost(_)), "{closed}");
    server.is_deserted();
}
