//! The demo and its page, for browsers on this machine only, and the pages that may open sessions.

use comet_server_testkit::http::{Answer, answer, request, request_to};
use comet_server_testkit::server::{Server, Setup};
use comet_testkit::socket::Socket;
use comet_testkit::websocket;
use serde_json::json;

const JSON: (&str, &str) = ("Content-Type", "application/json");
const NAME: &[u8] = br#"{"name":"anna"}"#;

fn login(server: &Server, host: &str, headers: &[(&str, &str)]) -> Answer {
    request_to(server.addresses.http, host, "POST", "/demo/login", headers, NAME)
}

/// The response carries no data, and is closed to other pages.
fn is_refused(answer: &Answer, status: u16, what: &str) {
    assert_eq!(answer.status, status, "{what}");
    assert!(!answer.text().contains("token"), "{what}: {}", answer.text());
    is_closed(answer, what);
}

/// Pages of other origins may not read it.
fn is_closed(answer: &Answer, what: &str) {
    for header in ["origin", "headers", "methods", "credentials"] {
        let name = format!("access-control-allow-{header}");
        assert_eq!(answer.header(&name), None, "{what}");
    }
}

#[test]
fn a_page_of_another_origin_cannot_sign_in_nor_see_who_is_here() {
    let server = Server::start();
    let here = server.addresses.http.to_string();
    let evil = ("Origin", "http://evil.example");
    for (headers, status) in [
        (&[("Content-Type", "text/plain"), evil][..], 403),
        (&[JSON, evil], 403),
        (&[JSON, ("Origin", "null")], 403),
        (&[JSON, ("Origin", "http://127.0.0.1:1")], 403),
        (&[JSON, ("Sec-Fetch-Site", "cross-site")], 403),
        (&[JSON, ("Sec-Fetch-Site", "same-site")], 403),
        (&[("Content-Type", "text/plain")], 415),
        (&[("Content-Type", "application/x-www-form-urlencoded")], 415),
        (&[], 415),
    ] {
        is_refused(&login(&server, &here, headers), status, &format!("{headers:?}"));
    }
    for headers in [&[evil][..], &[("Sec-Fetch-Site", "cross-site")]] {
        let online = request(server.addresses.http, "GET", "/demo/online", headers, b"");
        is_refused(&online, 403, "who is here");
    }
    let preflight = [evil, ("Access-Control-Request-Method", "POST")];
    let answer = request(server.addresses.http, "OPTIONS", "/demo/login", &preflight, b"");
    assert_eq!(answer.status, 204);
    is_closed(&answer, "a preflight");
    // No user was signed in by any of it, and the demo's own page can still do so.
    assert_eq!(server.get("/demo/online").data()["known"], json!([]));
    let own = format!("http://{here}");
    let own = [JSON, ("Origin", own.as_str()), ("Sec-Fetch-Site", "same-origin")];
    let answer = login(&server, &here, &own);
    assert!(answer.data()["token"].is_string());
    is_closed(&answer, "a success");
}

/// A foreign name that resolves to this address: its pages are same-origin here.
#[test]
fn a_page_under_a_name_that_leads_here_gets_nothing() {
    let server = Server::start();
    let port = server.addresses.http.port();
    for name in ["rebound.example", "localhost.evil.example", "192.0.2.1"] {
        let host = format!("{name}:{port}");
        let origin = format!("http://{host}");
        let own = [JSON, ("Origin", origin.as_str()), ("Sec-Fetch-Site", "same-origin")];
        is_refused(&login(&server, &host, &own), 403, name);
        let online = request_to(server.addresses.http, &host, "GET", "/demo/online", &[], b"");
        is_refused(&online, 403, name);
    }
    let host = format!("rebound.example:{port}");
    for path in ["/", "/main.js"] {
        let page = request_to(server.addresses.http, &host, "GET", path, &[], b"");
        assert_eq!(page.status, 403, "{path}");
    }
    for name in ["localhost", "127.0.0.1", "[::1]"] {
        let host = format!("{name}:{port}");
        assert_eq!(login(&server, &host, &[JSON]).envelope().0, 0, "{name}");
    }
}

#[test]
fn names_of_this_machine_can_be_added() {
    let hosts = &r#"["devbox.test"]"#;
    let server = Setup::default().variable("COMET_DEMO__HOSTS", hosts).start();
    assert_eq!(login(&server, "devbox.test:8888", &[JSON]).envelope().0, 0);
    let page = request_to(server.addresses.http, "devbox.test", "GET", "/", &[], b"");
    assert_eq!(page.status, 200);
    is_refused(&login(&server, "other.test", &[JSON]), 403, "another name");
}

#[test]
fn the_demo_is_refused_through_a_proxy_that_says_that_it_is_one() {
    let server = Server::start();
    let here = server.addresses.http.to_string();
    for header in [
        ("X-Forwarded-For", "192.0.2.1"),
        ("X-Forwarded-Host", "chat.example"),
        ("X-Forwarded-Proto", "https"),
        ("Forwarded", "for=192.0.2.1"),
        ("X-Real-IP", "192.0.2.1"),
        ("Via", "1.1 proxy.example"),
    ] {
        is_refused(&login(&server, &here, &[JSON, header]), 403, header.0);
    }
}

#[test]
fn the_demo_is_off_once_a_proxy_or_a_public_name_is_configured() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("comet.toml");
    for config in [
        "[[trusted_proxies]]\nnet = \"127.0.0.1/32\"\nheader = \"x-forwarded-for\"\n",
        "[origins]\nhosts = [\"chat.example\"]\n",
    ] {
        std::fs::write(&file, config).expect("a file");
        let server = Setup::default().flag("config", &file.display()).start();
        let here = server.addresses.http.to_string();
        assert_eq!(login(&server, &here, &[JSON]).status, 404, "{config}");
    }
}

#[test]
fn a_link_to_the_page_may_be_followed_and_the_page_not_be_used_by_others() {
    let server = Server::start();
    let cross = ("Sec-Fetch-Site", "cross-site");
    let followed = [cross, ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")];
    let get =
        |headers: &[(&str, &str)]| request(server.addresses.http, "GET", "/", headers, b"").status;
    assert_eq!(get(&followed), 200);
    assert_eq!(get(&[cross]), 403);
    assert_eq!(get(&[cross, followed[1], ("Sec-Fetch-Dest", "iframe")]), 403);
    assert_eq!(get(&[("Origin", "https://elsewhere.example")]), 403);
}

#[test]
fn new_names_come_at_a_rate_and_look_alikes_not_at_all() {
    let server = Setup::default().variable("COMET_DEMO__NEW_NAMES_PER_MINUTE", &3).start();
    let sign_in = |name: &str| {
        let answer = server.post("/demo/login", None, &json!({ "name": name }).to_string());
        (answer.envelope().0, answer.text().to_owned())
    };
    assert_eq!(sign_in("anna").0, 0);
    let (code, text) = sign_in("\u{430}nn\u{430}");
    assert!(code == -1012 && text.contains("called anna already"), "{text}");
    for name in ["an\u{202e}na", "an\u{200b}na", "an\u{7}na"] {
        assert_eq!(sign_in(name).0, -1012, "{name:?}");
    }
    assert_eq!((sign_in("ben").0, sign_in("cleo").0), (0, 0));
    let (code, text) = sign_in("dora");
    assert!(code == -1000 && text.contains("try again"), "{text}");
    assert_eq!(sign_in("anna").0, 0, "no new name");
    let known = server.get("/demo/online").data()["known"].as_array().map(Vec::len);
    assert_eq!(known, Some(3));
}

/// The status of an upgrade requested by a page of this origin, on both ports.
fn opened(server: &Server, origin: Option<&str>) -> [u16; 2] {
    [server.addresses.ws, server.addresses.http].map(|address| {
        let line = origin.map_or(String::new(), |origin| format!("Origin: {origin}\r\n"));
        let mut socket = Socket::connect(address);
        socket.write(websocket::request("/sub", &line));
        answer(&mut socket).status
    })
}

#[test]
fn sessions_may_be_opened_by_any_page_or_by_those_that_are_set() {
    let server = Server::start();
    for origin in [None, Some("https://elsewhere.example"), Some("null")] {
        assert_eq!(opened(&server, origin), [101; 2], "{origin:?}");
    }
    // Requests in these tests are addressed to gateway.test.
    let same = Setup::default().variable("COMET_ORIGINS__SUB", &"same-origin").start();
    let list = &r#"["https://chat.example"]"#;
    let listed = Setup::default().variable("COMET_ORIGINS__SUB", list).start();
    for (server, origin, status) in [
        (&same, None, 101),
        (&same, Some("http://gateway.test"), 101),
        (&same, Some("http://gateway.test.evil.example"), 403),
        (&same, Some("null"), 403),
        (&listed, None, 101),
        (&listed, Some("https://chat.example"), 101),
        (&listed, Some("http://chat.example"), 403),
        (&listed, Some("http://gateway.test"), 403),
    ] {
        assert_eq!(opened(server, origin), [status; 2], "{origin:?}");
    }
}
