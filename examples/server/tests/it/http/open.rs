//! What needs no token, and what holds for every answer.

use serde_json::{Value, json};

use crate::support::http::{Answer, request};
use crate::support::person::Person;
use crate::support::server::{Server, Setup};

/// What is asked with a token and a JSON body.
const JSON_PATHS: [&str; 5] = [
    "/user/login",
    "/app/record/sync-record",
    "/store/app/pri-chat-record",
    "/app/record/revoke",
    "/app/record/focus",
];
/// What is asked with a token and a form.
const FORM_PATHS: [&str; 2] = ["/record/push", "/record/push2"];

#[test]
fn every_answer_may_be_read_from_any_page() {
    let server = Server::start();
    let requests = [
        ("GET", "/ping", 200),
        ("GET", "/disc/nodes", 200),
        ("POST", "/app/modules/all", 200),
        ("GET", "/", 200),
        ("POST", "/app/record/sync-record", 200),
        ("POST", "/record/push", 200),
        ("GET", "/record/push", 405),
        ("DELETE", "/app/modules/all", 405),
        ("GET", "/sub", 426),
        ("GET", "/no/such/thing", 404),
        ("POST", "/no/such/thing", 404),
        ("GET", "/..%2fCargo.toml", 404),
    ];
    for (method, path, status) in requests {
        let headers = [("Origin", "https://elsewhere.example")];
        let answer = request(server.addresses.http, method, path, &headers, b"");
        assert_eq!(answer.status, status, "{method} {path}");
        is_permitted(&answer);
    }
}

#[test]
fn options_are_answered_everywhere_without_content() {
    let server = Server::start();
    let preflight = [
        ("Origin", "https://elsewhere.example"),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "fzm-signature,content-type"),
    ];
    let paths = ["/", "/ping", "/sub", "/sub/", "/no/such/thing", "/demo/login"];
    for path in paths.into_iter().chain(JSON_PATHS).chain(FORM_PATHS) {
        let answer = request(server.addresses.http, "OPTIONS", path, &preflight, b"");
        assert_eq!((answer.status, answer.text()), (204, ""), "{path}");
        is_permitted(&answer);
    }
}

#[test]
fn ping_is_answered_to_any_method() {
    let server = Server::start();
    for method in ["GET", "POST", "PUT"] {
        assert_eq!(request(server.addresses.http, method, "/ping", &[], b"").status, 200);
    }
}

#[test]
fn clients_are_told_of_one_server_at_least() {
    let server = Server::start();
    let here = format!("http://{}", server.addresses.http);
    for method in ["GET", "POST"] {
        let data = request(server.addresses.http, method, "/disc/nodes", &[], b"").data();
        assert_eq!(data["servers"].as_array().expect("servers").len(), 1);
        assert_eq!(data["servers"][0]["address"], here, "where the client asked");
        assert!(data["servers"][0]["name"].is_string());
        assert_eq!(data["nodes"], json!([]));
    }
    assert_eq!(server.post("/app/modules/all", None, "").data(), json!([]));
}

#[test]
fn servers_nodes_and_modules_are_told_as_configured() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("comet.toml");
    let config = r#"
        [discovery]
        servers = [{ name = "main", address = "https://chat.example" }]
        nodes = [{ name = "chain", address = "https://node.example" }]

        [[modules]]
        name = "oa"
        isEnabled = true
        endPoints = ["https://oa.example"]

        [[modules]]
        name = "wallet"
        isEnabled = false
        endPoints = []
    "#;
    std::fs::write(&file, config).expect("a file");
    let server = Setup::default().flag("config", &file.display()).start();

    let servers = json!([{ "name": "main", "address": "https://chat.example" }]);
    let nodes = json!([{ "name": "chain", "address": "https://node.example" }]);
    let expected = json!({ "servers": servers, "nodes": nodes });
    assert_eq!(server.get("/disc/nodes").data(), expected);
    let oa = json!({ "name": "oa", "isEnabled": true, "endPoints": ["https://oa.example"] });
    let wallet = json!({ "name": "wallet", "isEnabled": false, "endPoints": [] });
    assert_eq!(server.post("/app/modules/all", None, "").data(), json!([oa, wallet]));
}

#[test]
fn a_missing_a_bad_and_an_old_token_have_their_codes() {
    let server = Server::start();
    let alice = Person::new("alice");
    let expired = alice.token_of_age(126_000);
    let early = alice.token_of_age(-610_000);
    let tokens = [
        (None, -1010),
        (Some(""), -1010),
        (Some("MOCK"), -1010),
        (Some("MOCK2"), -1010),
        (Some(&expired[1..]), -1010),
        (Some(&early), -1010),
        (Some(&*expired), -1011),
    ];
    for path in JSON_PATHS.into_iter().chain(FORM_PATHS) {
        for (token, code) in tokens {
            let headers: Vec<_> = token.map(|token| ("FZM-SIGNATURE", token)).into_iter().collect();
            let answer = request(server.addresses.http, "POST", path, &headers, b"{}");
            assert_eq!(answer.code(), code, "{path} {token:?}");
        }
    }
}

#[test]
fn bodies_that_cannot_be_read_are_bad_parameters() {
    let server = Server::start();
    let alice = Person::new("alice");
    for path in JSON_PATHS {
        for body in ["{", "7", "\"text\"", "\u{0}", "{\"count\":1"] {
            assert_eq!(server.post(path, Some(&alice), body).code(), -1012, "{path} {body:?}");
        }
    }
    for path in FORM_PATHS {
        for body in ["", "{}", "--x\r\n"] {
            assert_eq!(server.post(path, Some(&alice), body).code(), -1012, "{path} {body:?}");
        }
    }
}

#[test]
fn a_body_that_is_far_too_long_is_refused_and_the_server_goes_on() {
    let server = Server::start();
    let alice = Person::new("alice");
    let long = format!(r#"{{"count":20,"more":"{}"}}"#, "x".repeat(64 * 1024));
    let answer = server.post("/app/record/sync-record", Some(&alice), &long);
    assert_eq!(answer.code(), -1012);
    is_permitted(&answer);
    assert_eq!(server.get("/ping").status, 200);
}

fn is_permitted(answer: &Answer) {
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("*"));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    let methods = answer.header("access-control-allow-methods").expect("methods");
    for method in ["GET", "POST", "OPTIONS"] {
        assert!(methods.split(", ").any(|allowed| allowed == method), "{methods}");
    }
}

/// Clients look into `data` without asking whether it is there.
#[test]
fn a_failure_has_empty_data_and_a_text_for_the_person() {
    let server = Server::start();
    let answer = server.post("/app/record/sync-record", None, "");
    let envelope: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(envelope, json!({ "result": -1010, "message": "signature invalid", "data": {} }));
}
