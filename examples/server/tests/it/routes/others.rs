//! Routes that do not answer with the envelope, and paths that are not served.

use std::net::SocketAddr;

use comet_server_testkit::client::{Client, Transport, auth};
use comet_server_testkit::http::{Answer, request, request_to};
use comet_server_testkit::person::Person;
use comet_server_testkit::server::{Addresses, Server};
use comet_testkit::websocket;
use serde_json::{Value, json};

use super::TOO_OLD;

/// Tries a path.
type Check = fn(&Addresses, &str);

/// Their paths, and what is right and wrong with each.
pub(super) const ROUTES: &[(&str, Check)] = &[
    ("/ping", ping),
    ("/comet/transports", transports),
    ("/sub", upgrade),
    ("/sub/", upgrade),
    ("/demo/login", demo_login),
    ("/demo/online", demo_online),
    ("/metrics", admin),
    ("/health", admin),
    ("/ready", admin),
];

/// Paths of services that are not there: the envelope says so, to everybody.
const UNSUPPORTED: [&str; 6] = [
    "/oss/upload",
    "/backup/phone-query",
    "/call/app/start-call",
    "/backend/user/login",
    "/auth/sign-in",
    "/group/app/none",
];

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[test]
fn routes_without_an_envelope_are_as_specified() {
    let server = Server::start();
    for (path, check) in ROUTES {
        check(&server.addresses, path);
        assert_eq!(server.get("/ping").status, 200, "it serves on after {path}");
    }
}

#[test]
fn services_that_are_not_there_say_so_in_the_envelope() {
    let server = Server::start();
    for path in UNSUPPORTED {
        assert_eq!(server.post(path, None, "{}").code(), -2000, "{path}");
    }
    for (path, code) in [("/v1/staff/get-staff", 13_001), ("/v1/enterprise/info", 13_012)] {
        let answer = server.post(path, None, "{}");
        let envelope: Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!(envelope["code"], json!(code), "{path}");
    }
}

/// Anybody, by any method.
fn ping(at: &Addresses, path: &str) {
    for method in ["GET", "POST"] {
        assert_eq!(request(at.http, method, path, &[], b"").text(), "pong");
    }
}

/// The ways to a session, at the host that was asked.
fn transports(at: &Addresses, path: &str) {
    let Addresses { http, tcp, tls, .. } = at;
    let answer = request_to(at.http, &http.to_string(), "GET", path, &[], b"");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let quic = at.quic.expect("QUIC");
    let expected = json!([
        { "kind": "webtransport", "url": format!("https://{quic}/sub") },
        { "kind": "quic", "url": format!("quic://{quic}") },
        { "kind": "ws", "url": format!("ws://{http}/sub") },
        { "kind": "tcp", "url": format!("tcp://{tcp}") },
        { "kind": "sse", "url": format!("http://{http}/comet/sse") },
        { "kind": "wss", "url": format!("wss://{http}/sub") },
        { "kind": "wss", "url": format!("wss://{tls}/sub") },
        { "kind": "tls", "url": format!("tls://{tls}") },
    ]);
    let found: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(found["transports"], expected);
    let hash = found["certificate"]["sha256"].as_str().expect("the certificate of QUIC");
    assert!(hash.len() == 64 && hash.bytes().all(|it| it.is_ascii_hexdigit()), "{hash}");
    // The port is none of this server: somebody in between has passed the name on.
    let answer = request_to(at.http, "127.0.0.1", "GET", path, &[], b"");
    let found: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let expected = json!([
        { "kind": "ws", "url": "ws://127.0.0.1/sub" },
        { "kind": "sse", "url": "http://127.0.0.1/comet/sse" },
    ]);
    assert_eq!(found["transports"], expected);
    // A name that nobody configured is not repeated.
    let answer = request_to(at.http, "evil.example", "GET", path, &[], b"");
    assert!(!answer.text().contains("evil"), "{}", answer.text());
}

/// A request that is no upgrade is told what is expected; a client without a good token is closed.
fn upgrade(at: &Addresses, path: &str) {
    drop(websocket::upgrade(at.http, path));
    let answer = request(at.http, "GET", path, &[], b"");
    assert_eq!(answer.status, 426, "{path}");
    let mut client = Client::over(Transport::HttpPort, websocket::upgrade(at.http, path));
    client.send(&auth(1, &Person::new("alice").token_of_age(TOO_OLD), None));
    client.ends();
}

/// From this machine, by its own page alone.
fn demo_login(at: &Addresses, path: &str) {
    let login = |host: SocketAddr, body: &[u8]| request(host, "POST", path, &[JSON], body);
    assert!(login(at.http, br#"{"name":"anna"}"#).data()["token"].is_string());
    for bad in [&b"{\""[..], b"{}", br#"{"name":""}"#] {
        assert_eq!(login(at.http, bad).code(), -1012, "{bad:?}");
    }
    is_refused_elsewhere(at, "POST", path);
}

fn demo_online(at: &Addresses, path: &str) {
    assert!(request(at.http, "GET", path, &[], b"").data()["known"].is_array());
    assert_eq!(request(at.http, "POST", path, &[JSON], b"{}").status, 405);
    is_refused_elsewhere(at, "GET", path);
}

fn is_refused_elsewhere(at: &Addresses, method: &str, path: &str) {
    let body = br#"{"name":"anna"}"#;
    let elsewhere = request_to(at.http, "chat.example", method, path, &[JSON], body);
    assert_eq!(elsewhere.status, 403, "{path}");
    let foreign = [JSON, ("Origin", "http://evil.example")];
    assert_eq!(request(at.http, method, path, &foreign, body).status, 403, "{path}");
}

/// On the port for operators, and on no other.
fn admin(at: &Addresses, path: &str) {
    let get = |address| -> Answer { request(address, "GET", path, &[], b"") };
    assert_eq!(get(at.admin).status, 200, "{path}");
    assert_eq!(request(at.admin, "POST", path, &[], b"").status, 405, "{path}");
    assert_eq!(get(at.http).status, 404, "{path}");
}
