//! Cross-origin access to responses.

use comet_server_testkit::http::{Answer, request};
use comet_server_testkit::server::Server;

use super::open::{FORM_PATHS, JSON_PATHS};

const ELSEWHERE: (&str, &str) = ("Origin", "https://elsewhere.example");

/// Headers that deployed clients send besides those that every page may send.
const HEADERS: [&str; 8] = [
    "authorization",
    "content-type",
    "fzm-device",
    "fzm-device-name",
    "fzm-request-source",
    "fzm-signature",
    "fzm-uuid",
    "fzm-version",
];

#[test]
fn every_answer_of_the_api_may_be_read_from_any_page_errors_too() {
    let server = Server::start();
    let requests = [
        ("GET", "/ping", 200),
        ("GET", "/disc/nodes", 200),
        ("POST", "/app/modules/all", 200),
        ("POST", "/app/record/sync-record", 200),
        ("POST", "/record/push", 200),
        ("POST", "/group/app/group-list", 200),
        ("POST", "/v1/staff/get-staff", 200),
        ("GET", "/record/push", 405),
        ("DELETE", "/app/modules/all", 405),
        ("TRACE", "/ping", 405),
        ("GET", "/sub", 426),
        ("GET", "/no/such/thing", 404),
        ("POST", "/no/such/thing", 404),
        ("GET", "/..%2fCargo.toml", 404),
    ];
    for (method, path, status) in requests {
        let answer = request(server.addresses.http, method, path, &[ELSEWHERE], b"");
        assert_eq!(answer.status, status, "{method} {path}");
        is_open(&answer);
    }
}

#[test]
fn a_preflight_is_answered_everywhere_and_names_what_clients_send() {
    let server = Server::start();
    let preflight = [
        ELSEWHERE,
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization,fzm-signature,content-type"),
    ];
    let paths = ["/", "/ping", "/sub", "/sub/", "/no/such/thing"];
    for path in paths.into_iter().chain(JSON_PATHS).chain(FORM_PATHS) {
        let answer = request(server.addresses.http, "OPTIONS", path, &preflight, b"");
        assert_eq!((answer.status, answer.text()), (204, ""), "{path}");
        is_open(&answer);
    }
}

fn is_open(answer: &Answer) {
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    // Browsers refuse this header together with `*`.
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    let listed = |name: &str| {
        let list = answer.header(name).unwrap_or_else(|| panic!("no {name}"));
        list.split(", ").map(str::to_ascii_lowercase).collect::<Vec<_>>()
    };
    let headers = listed("access-control-allow-headers");
    for header in HEADERS {
        assert!(headers.iter().any(|allowed| allowed == header), "{header} in {headers:?}");
    }
    let methods = listed("access-control-allow-methods");
    for method in ["get", "post", "options"] {
        assert!(methods.iter().any(|allowed| allowed == method), "{methods:?}");
    }
    assert!(listed("access-control-expose-headers").contains(&"retry-after".to_owned()));
    let age: u32 = answer.header("access-control-max-age").expect("an age").parse().expect("s");
    assert!((3_600..=86_400).contains(&age), "{age}");
}
