//! Clients whose network changes or fails.

use std::io::ErrorKind;
use std::time::Duration;

use comet::{Closed, Delivery};
use comet_testkit::client::{Client, Transport};
use comet_testkit::clock;
use quinn::ConnectionError;

use crate::support::client::{Peer, bridged, new_runtime};
use crate::support::gateway::{Server, config};
use crate::support::link::Link;

#[test]
fn a_client_that_moves_keeps_its_session() {
    let (server, _) = Server::default();
    let peer = Peer::connect(server.quic.address());
    let mut client = peer.sign_in("alice", "");
    for move_number in 1..=3 {
        peer.rebind();
        assert_eq!(client.ask(10 + move_number, b"still here"), b"still here");
        clock::eventually("the server knows", || server.stats().migrated == u64::from(move_number));
        server.push("alice", Delivery::acked("found"));
        client.takes(move_number, b"found");
    }
    assert_eq!((server.stats().established, server.gateway.stats().sessions), (1, 1));
}

/// The system spreads clients over the sockets by their address, so that a client which moves
/// reaches another socket sooner or later.
#[test]
fn a_client_that_moves_to_the_socket_of_another_thread_is_handed_over() {
    let quic = comet_quic::Config { threads: 4, ..comet_quic::Config::default() };
    let (server, _) = Server::start(config(1), quic);
    let peer = Peer::connect(server.quic.address());
    let mut client = peer.sign_in("alice", "");
    let mut number = 10;
    clock::eventually("another socket is reached", || {
        peer.rebind();
        number += 1;
        assert_eq!(client.ask(number, b"still here"), b"still here");
        server.stats().datagrams.forwarded > 0
    });
    assert_eq!(client.ask(1_000, b"and here"), b"and here");
    assert_eq!((server.stats().established, server.stats().datagrams.unforwarded), (1, 0));
}

#[test]
fn a_client_that_falls_silent_is_lost_in_time() {
    let quic = comet_quic::Config {
        idle_timeout: Duration::from_millis(600),
        keep_alive: Duration::from_millis(200),
        ..comet_quic::Config::default()
    };
    let (server, log) = Server::start(config(1), quic);
    let runtime = new_runtime();
    let (peer, streams) = runtime.block_on(async {
        let peer = Peer::connecting(server.quic.address(), b"comet").await.unwrap();
        let streams = peer.connection.open_bi().await.unwrap();
        (peer, streams)
    });
    let mut client = Client::over(Transport::Tcp, bridged(&runtime, streams.0, streams.1));
    client.sign_in("alice", "");
    // It answers pings while its runtime runs, so it is not lost by being idle.
    client.hears_nothing_for(Duration::from_millis(1_500));
    assert_eq!(server.stats().timed_out, 0);
    runtime.shutdown_background();
    assert_eq!(log.closed("alice"), Closed::Lost(ErrorKind::TimedOut));
    assert_eq!(server.stats().timed_out, 1);
    server.is_deserted();
    drop(peer);
}

/// A server that has forgotten everything but its secret tells clients that their connections are
/// gone, at once instead of after the idle timeout.
#[test]
fn a_server_that_starts_anew_resets_connections_that_it_does_not_know() {
    let quic = || comet_quic::Config { reset_key: Some([7; 32]), ..comet_quic::Config::default() };
    let (before, _) = Server::start(config(1), quic());
    let (after, _) = Server::start(config(1), quic());
    let link = Link::to(before.quic.address());
    let peer = Peer::connect(link.address);
    let mut client = peer.sign_in("alice", "");
    assert_eq!(client.ask(2, b"hello"), b"hello");
    link.lead(Some(after.quic.address()));
    client.send(&comet_testkit::frame::say(3, [7; 100]));
    assert!(matches!(peer.ended(), ConnectionError::Reset), "a stateless reset");
    assert!(after.stats().datagrams.stray >= 1);
}

#[test]
fn a_network_that_fails_for_a_while_is_survived() {
    let (server, _) = Server::default();
    let link = Link::to(server.quic.address());
    let peer = Peer::connect(link.address);
    let mut client = peer.sign_in("alice", "");
    link.lead(None);
    for number in 1..=5 {
        server.push("alice", Delivery::acked(format!("number {number}")));
    }
    client.hears_nothing_for(Duration::from_millis(700));
    link.lead(Some(server.quic.address()));
    for number in 1..=5 {
        client.takes(number, format!("number {number}").as_bytes());
    }
    assert_eq!(client.ask(2, b"hello"), b"hello");
    assert_eq!((server.stats().established, server.gateway.stats().sessions), (1, 1));
}
