//! The metrics page: its contents, and changes of its counters.

use comet_dtalk::message::SignalType;
use comet_server_testkit::client::{Client, Transport, auth};
use comet_server_testkit::http;
use comet_server_testkit::message::to_user;
use comet_server_testkit::person::{Person, phone};
use comet_server_testkit::server::Server;
use comet_testkit::clock;
use comet_testkit::frame::frame;
use comet_testkit::socket::Socket;

#[test]
fn counters_follow_what_happens() {
    let server = Server::start();
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    assert_eq!(server.metric("comet_gateway_sessions"), 0);
    let mut sender = server.client(Transport::Tcp, &alice, None);
    let mut receiver = server.client(Transport::WebSocket, &bob, Some(&phone("p-1")));
    assert_eq!(server.metric("comet_gateway_sessions"), 2);
    assert_eq!(server.metric("comet_gateway_sessions_by_dialect{dialect=\"dtalk\"}"), 2);
    for listener in ["tcp", "ws"] {
        let accepted =
            format!("comet_gateway_accepted_by_listener_total{{listener=\"{listener}\"}}");
        assert_eq!(server.metric(&accepted), 1, "{listener}");
    }
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

    // Both logins, each commit and the acked deliveries were timed.
    assert_eq!(server.metric("comet_login_seconds_count"), 2);
    assert!(server.metric("comet_store_commit_seconds_count") >= 2);
    assert!(server.metric("comet_gateway_delivery_seconds_count") >= 1);

    drop((sender, receiver));
    server.awaits_metric("comet_gateway_sessions", 0);
    assert_eq!(server.metric("comet_gateway_sessions_by_dialect{dialect=\"dtalk\"}"), 0);
    // The session with a device may resume.
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
        client.ends();
    }
    let mut socket = Socket::connect(server.addresses.tcp);
    socket.write([0xff; 20]);
    socket.rest();
    let logins = |outcome| server.metric(&format!("comet_logins_total{{outcome=\"{outcome}\"}}"));
    assert_eq!((logins("invalid"), logins("expired"), logins("accepted")), (1, 2, 0));
    server.awaits_metric("comet_gateway_closed_total{reason=\"bad_frame\"}", 1);
    assert_eq!(server.metric("comet_gateway_closed_total{reason=\"refused\"}"), 3);
}

#[test]
fn requests_are_counted_by_route_and_status_and_not_by_what_clients_make_up() {
    let server = Server::start();
    let (status, made_up) = (server.get("/ping").status, server.get("/no-such/page").status);
    assert_eq!((status, made_up), (200, 404));
    let requests = |labels| server.metric(&format!("comet_http_requests_total{{{labels}}}"));
    assert_eq!(requests("route=\"/ping\",code=\"200\""), 1);
    assert_eq!(requests("route=\"other\",code=\"404\""), 1);
    assert_eq!(server.metric("comet_http_request_seconds_count{route=\"/ping\"}"), 1);
}

#[test]
fn the_process_tells_its_memory_its_descriptors_and_its_version() {
    let server = Server::start();
    assert!(server.metric("process_resident_memory_bytes") > 1_000_000);
    assert!(server.metric("process_virtual_memory_bytes") > 1_000_000);
    let open = server.metric("process_open_fds");
    let held: Vec<_> = (0..40).map(|_| Socket::connect(server.addresses.tcp)).collect();
    // A few others come and go: of the database, and of requests for this page.
    let follows = || server.metric("process_open_fds") >= open + 30;
    clock::eventually("the count follows", follows);
    drop(held);
    clock::eventually("and goes back", || !follows());
    assert!(server.metric("process_max_fds") > open);
    assert!(server.metric("process_threads") > 2);
    assert!(server.metric("process_start_time_seconds") > 1_700_000_000);
    let page = http::get(server.addresses.admin, "/metrics");
    let version = concat!("version=\"", env!("CARGO_PKG_VERSION"), "\"");
    let build = page.text().lines().find(|line| line.starts_with("comet_build_info{"));
    assert!(build.is_some_and(|line| line.contains(version) && line.ends_with(" 1")), "{build:?}");
    assert_eq!(server.metric("comet_gateway_memory_budget"), 1 << 30);
}

/// Scrapers accept the entire page or nothing.
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
        assert!(name.starts_with("comet_") || name.starts_with("process_"), "{line}");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let name = name.split('{').next().expect("a name");
        let suffixes = ["_total", "_info", "_bucket", "_sum", "_count"];
        let family = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
        assert!(page.text().contains(&format!("# TYPE {family} ")), "{line}");
        let help = page
            .text()
            .lines()
            .find_map(|line| line.strip_prefix("# HELP ")?.strip_prefix(family)?.strip_prefix(' '));
        // A sentence, not a repetition of the name.
        assert!(help.is_some_and(|help| help.contains(' ') && !help.contains("..")), "{help:?}");
        typed += 1;
    }
    assert!(typed > 50, "{typed} numbers");
}
