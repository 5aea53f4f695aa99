//! The metrics page: what it counts, and that it counts.

use comet_dtalk::message::SignalType;

use crate::support::client::{Client, Transport, auth};
use crate::support::common::to_user;
use crate::support::frame::frame;
use crate::support::http;
use crate::support::person::{Person, phone};
use crate::support::server::Server;
use crate::support::socket::Socket;

#[test]
fn counters_follow_what_happens() {
    let server = Server::start();
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    assert_eq!(server.metric("comet_gateway_sessions"), 0);
    let mut sender = server.client(Transport::Tcp, &alice, None);
    let mut receiver = server.client(Transport::WebSocket, &bob, Some(&phone("p-1")));
    assert_eq!(server.metric("comet_gateway_sessions"), 2);
    assert_eq!(server.metric("comet_gateway_authenticated_total"), 2);
    assert_eq!(server.metric("comet_logins_total{outcome=\"accepted\"}"), 2);

    let common = to_user(&bob.uid, "m-1", "hi");
    sender.ask(&common);
    sender.takes(1);
    receiver.takes(1);
    sender.takes(2).signal::<()>(SignalType::Received);
    sender.ask(&common);
    sender.send(&frame(7, 9, "no protobuf"));
    sender.send(&frame(99, 9, ""));
    sender.ack(77);
    sender.beat();
    server.awaits_metric("comet_gateway_acks_total", 3);
    for (name, value) in [
        ("store_stored", 1),
        ("store_repeated", 1),
        ("store_malformed", 1),
        ("gateway_messages", 3),
        ("gateway_deliveries", 3),
        ("gateway_frames_ignored", 1),
        ("gateway_stray_acks", 1),
        ("gateway_resends", 0),
        ("gateway_router_panics", 0),
    ] {
        assert_eq!(server.metric(&format!("comet_{name}_total")), value, "{name}");
    }
    assert!(server.metric("comet_store_commits_total") >= 2);
    assert!(server.metric("comet_gateway_bytes_in_total") > 300);
    assert!(server.metric("comet_gateway_bytes_out_total") > 300);

    drop((sender, receiver));
    server.awaits_metric("comet_gateway_sessions", 0);
    // The one with a device may come back.
    assert_eq!(server.metric("comet_gateway_parked"), 1);
    assert_eq!(server.metric("comet_gateway_closed_total{reason=\"by_peer\"}"), 1);
}

#[test]
fn those_who_are_not_let_in_are_counted_by_the_reason() {
    let server = Server::start();
    let alice = Person::new("alice");
    for token in ["MOCK", &alice.token_of_age(126_000), &alice.token_of_age(126_000)] {
        let mut client = Client::connect(Transport::Tcp, &server.addresses);
        client.send(&auth(1, token, None));
        client.ending();
    }
    let mut socket = Socket::connect(server.addresses.tcp);
    socket.write(&[0xff; 20]);
    socket.rest();
    let logins = |outcome| server.metric(&format!("comet_logins_total{{outcome=\"{outcome}\"}}"));
    assert_eq!((logins("invalid"), logins("expired"), logins("accepted")), (1, 2, 0));
    server.awaits_metric("comet_gateway_closed_total{reason=\"bad_frame\"}", 1);
    assert_eq!(server.metric("comet_gateway_closed_total{reason=\"refused\"}"), 3);
}

/// Scrapers take the whole page or nothing of it.
#[test]
fn the_page_is_what_scrapers_expect() {
    let server = Server::start();
    let page = http::get(server.addresses.admin, "/metrics");
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(page.header("content-type"), Some(kind));
    assert!(page.text().ends_with("# EOF\n"));
    let mut typed = 0;
    for line in page.text().lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        assert!(name.starts_with("comet_"), "{line}");
        assert!(value.parse::<u64>().is_ok(), "{line}");
        let family = name.split('{').next().expect("a name");
        let family = family.strip_suffix("_total").unwrap_or(family);
        assert!(page.text().contains(&format!("# TYPE {family} ")), "{line}");
        typed += 1;
    }
    assert!(typed > 50, "{typed} numbers");
}
