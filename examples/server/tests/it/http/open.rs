//! Paths without a token, and properties of every response.

use comet_server_testkit::http::{request, request_to};
use comet_server_testkit::person::Person;
use comet_server_testkit::server::{Server, Setup};
use serde_json::{Value, json};

/// Paths that take a token and a JSON body.
pub(super) const JSON_PATHS: [&str; 5] = [
    "/user/login",
    "/app/record/sync-record",
    "/store/app/pri-chat-record",
    "/app/record/revoke",
    "/app/record/focus",
];
/// Paths that take a token and a form.
pub(super) const FORM_PATHS: [&str; 2] = ["/record/push", "/record/push2"];

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
    let answer = request(server.addresses.http, "POST", "/app/modules/all", &[], b"");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let oa = json!({ "name": "oa", "isEnabled": true, "endPoints": [here] });
    assert_eq!(answer.data(), json!([oa]), "the desktop waits for an answer from there");
}

/// The address that a client is told when it sends a request to this host.
fn told(server: &Server, host: &str) -> String {
    let answer = request_to(server.addresses.http, host, "POST", "/disc/nodes", &[], b"");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.data()["servers"][0]["address"].as_str().expect("an address").to_owned()
}

#[test]
fn a_host_that_the_server_was_not_told_of_is_not_repeated() {
    let server = Server::start();
    let here = format!("http://{}", server.addresses.http);
    for host in ["evil.example", "evil.example:8888", "localhost.evil.example", "a\"b", "", "x/y"] {
        assert_eq!(told(&server, host), here, "{host}");
    }
    for host in ["localhost", "LOCALHOST:8888", "192.0.2.1:80", "[::1]:8888", "127.0.0.2"] {
        assert_eq!(told(&server, host), format!("http://{host}"));
    }
    // This proxy is not configured as trusted.
    let headers = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example")];
    let answer = request(server.addresses.http, "GET", "/disc/nodes", &headers, b"");
    assert_eq!(answer.data()["servers"][0]["address"], here);
}

#[test]
fn a_trusted_proxy_says_by_which_scheme_clients_come() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("comet.toml");
    let told = |header: &str, saying: (&str, &str)| {
        let config = format!(
            "[origins]\nhosts = [\"chat.example\"]\n\
             [[trusted_proxies]]\nnet = \"127.0.0.1/32\"\nheader = \"{header}\"\n"
        );
        std::fs::write(&file, config).expect("a file");
        let server = Setup::default().flag("config", &file.display()).start();
        let http = server.addresses.http;
        let answer = request_to(http, "chat.example", "GET", "/disc/nodes", &[saying], b"");
        answer.data()["servers"][0]["address"].as_str().expect("an address").to_owned()
    };
    let says = ("X-Forwarded-Proto", "https");
    assert_eq!(told("x-forwarded-for", says), "https://chat.example");
    assert_eq!(told("x-forwarded-for", ("X-Forwarded-Proto", "http")), "http://chat.example");
    let says = ("Forwarded", "for=192.0.2.1, for=192.0.2.2;proto=https");
    assert_eq!(told("forwarded", says), "https://chat.example");
}

#[test]
fn names_that_the_server_was_told_are_repeated_and_the_first_stands_for_others() {
    let hosts = &r#"["chat.example", "www.chat.example:8888"]"#;
    let server = Setup::default().variable("COMET_ORIGINS__HOSTS", hosts).start();
    for host in ["chat.example", "Chat.Example:9999", "www.chat.example:8888"] {
        assert_eq!(told(&server, host), format!("http://{host}"));
    }
    for host in ["evil.example", "www.chat.example", "chat.example.evil.example"] {
        assert_eq!(told(&server, host), "http://chat.example", "{host}");
    }
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
        isEnabled = false
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
    let oa = json!({ "name": "oa", "isEnabled": false, "endPoints": ["https://oa.example"] });
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
    assert_eq!(server.get("/ping").status, 200);
}

/// Clients access `data` without checking for its presence.
#[test]
fn a_failure_has_empty_data_and_a_text_for_the_person() {
    let server = Server::start();
    let answer = server.post("/app/record/sync-record", None, "");
    let envelope: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(envelope, json!({ "result": -1010, "message": "signature invalid", "data": {} }));
}

/// Field by field what clients read, who do not look whether it is there.
#[test]
fn a_client_is_told_that_its_version_is_the_newest() {
    let server = Server::start();
    let check = |device: &[(&str, &str)], body: &str| {
        request(server.addresses.http, "POST", "/app/version/check", device, body.as_bytes())
    };
    let told = check(&[("FZM-DEVICE", "Android")], r#"{"versionCode":4}"#).data();
    let expected = json!({
        "id": 0, "platform": "", "status": 0, "deviceType": "Android", "versionName": "",
        "versionCode": 4, "url": "", "force": false, "description": [], "opeUser": "", "md5": "",
        "size": 0, "updateTime": 0, "createTime": 0,
    });
    assert_eq!(told, expected);
    assert_eq!(check(&[], r#"{"versionCode":"7"}"#).data()["versionCode"], json!(7));
    for bad in ["", "{}", r#"{"versionCode":{}}"#, "no JSON"] {
        assert_eq!(check(&[], bad).code(), -1012, "{bad}");
    }
}

#[test]
fn a_desktop_that_asks_for_its_backup_gets_an_envelope() {
    let server = Server::start();
    let answer = request(server.addresses.http, "POST", "/backup/address-retrieve", &[], b"");
    assert_eq!(answer.data(), json!({}));
}
