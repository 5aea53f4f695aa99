//! Drains and stops: clients are told, and nothing is left.

use std::time::Duration;

use comet::{Closed, Delivery};
use comet_quic::{BindError, Config, Listener, Tls, TlsError};
use comet_testkit::client::Ending;
use comet_testkit::clock;
use quinn::ConnectionError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::support::client::Peer;
use crate::support::gateway::{Server, certificate, config, tls};

#[test]
fn a_drain_ends_sessions_and_refuses_new_connections() {
    let (server, log) = Server::start(config(2), Config::default());
    let peer = Peer::connect(server.quic.address());
    let mut client = peer.sign_in("alice", "");
    server.push("alice", Delivery::acked("the last one"));
    client.takes(1, b"the last one");
    server.gateway.drain(Duration::from_millis(500));
    assert_eq!(client.ending(), Ending::Fin);
    assert_eq!(peer.closed(), (2, "going away".to_owned()));
    server.gateway.wait();
    assert_eq!(log.closed("alice"), Closed::Draining);
    let refused = Peer::try_connect(server.quic.address(), b"comet").err().expect("a refusal");
    let ConnectionError::ConnectionClosed(close) = refused else { panic!("{refused}") };
    assert_eq!(u64::from(close.error_code), 2, "CONNECTION_REFUSED");
    server.is_deserted();
}

#[test]
fn a_listener_that_is_stopped_closes_its_connections_and_frees_its_port() {
    let (server, log) = Server::start(config(1), Config::default());
    let address = server.gateway.addresses()[0];
    let extra =
        Listener::bind(&server.gateway, "127.0.0.1:0".parse().unwrap(), &tls(), Config::default());
    let extra = extra.unwrap();
    let port = extra.address();
    let busy = Listener::bind(&server.gateway, port, &tls(), Config::default());
    assert!(matches!(busy, Err(BindError::Address { address, .. }) if address == port));
    let with = Peer::connect(port);
    let mut client = with.sign_in("alice", "");
    let without = Peer::connect(port);
    // An end in the midst of a handshake says less.
    clock::eventually("both are there", || extra.stats().established == 2);
    extra.stop();
    for peer in [&with, &without] {
        assert_eq!(peer.closed(), (2, "going away".to_owned()));
    }
    assert!(matches!(client.ending(), Ending::Fin | Ending::Reset));
    assert!(matches!(log.closed("alice"), Closed::Lost(_)));
    Listener::bind(&server.gateway, port, &tls(), Config::default()).expect("the port is free");
    assert!(server.gateway.addresses().contains(&address), "the gateway goes on");
}

#[test]
fn what_cannot_be_used_is_named() {
    let (server, _) = Server::start(config(1), Config::default());
    let anywhere = || "127.0.0.1:0".parse().unwrap();
    let senseless = Config { threads: 0, ..Config::default() };
    let error = Listener::bind(&server.gateway, anywhere(), &tls(), senseless).unwrap_err();
    assert_eq!(error.to_string(), "bad configuration: threads must be 1 to 256");
    let (chain, key) = certificate();
    let other = rcgen::generate_simple_self_signed(["other".to_owned()]).unwrap();
    let other = other.signing_key.serialize_pem();
    assert!(matches!(Tls::from_pem(chain.as_bytes(), b"none"), Err(TlsError::Pem(_))));
    assert!(matches!(Tls::from_pem(chain.as_bytes(), other.as_bytes()), Err(TlsError::Key(_))));
    assert!(matches!(
        Tls::from_pem(b"none", key.as_bytes()),
        Err(TlsError::Pem(_) | TlsError::Key(_))
    ));
    let der = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
    let hash = ring::digest::digest(&ring::digest::SHA256, &der);
    assert_eq!(comet_quic::fingerprint(chain.as_bytes()).unwrap(), hash.as_ref());
    assert!(comet_quic::fingerprint(b"none").is_err());
    let missing = Tls::from_files("/nowhere/cert.pem".as_ref(), "/nowhere/key.pem".as_ref());
    assert!(matches!(missing, Err(TlsError::File { path, .. }) if path.ends_with("cert.pem")));
}
