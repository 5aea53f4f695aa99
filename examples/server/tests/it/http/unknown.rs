//! Unknown paths, of services that this server does not have, and unknown methods.

use comet_server_testkit::http::{answer, request};
use comet_server_testkit::server::Server;
use comet_testkit::socket::Socket;
use serde_json::{Value, json};

/// A client shows the text of an envelope to its user, and "status code 404" for anything else.
#[test]
fn unknown_paths_below_a_deployed_prefix_are_answered_with_the_envelope() {
    let server = Server::start();
    for path in [
        "/app/none",
        "/store/app/none",
        "/disc/none",
        "/user/none",
        "/backend/user/login",
        "/auth/sign-in",
        "/backup/none",
        "/record/none",
        "/oss/init-multipart-upload",
        "/group/app/none",
        "/call/app/start-call",
    ] {
        for method in ["GET", "POST", "PUT"] {
            let answer = request(server.addresses.http, method, path, &[], b"{}");
            assert_eq!(answer.code(), -2000, "{method} {path}");
        }
    }
}

/// The desktop requests this first, and opens no socket before it gets status 200.
#[test]
fn paths_of_the_organisation_are_answered_with_its_own_envelope() {
    let server = Server::start();
    for (path, code) in [("/v1/staff/get-staff", 13_001), ("/v1/enterprise/info", 13_012)] {
        let answer = server.post(path, None, r#"{"id":"1AqutxNoVTtcWiVYpBtvficAgea1dYTddR"}"#);
        assert_eq!(answer.status, 200);
        let envelope: Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!((&envelope["code"], &envelope["data"]), (&json!(code), &Value::Null), "{path}");
        assert!(envelope["msg"].as_str().is_some_and(|text| !text.is_empty()));
    }
    let answer = server.post("/v1/department/get-all-staffs", None, "{}");
    let envelope: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!((answer.status, &envelope["code"]), (200, &json!(-2000)));
}

#[test]
fn other_unknown_paths_are_not_found() {
    let server = Server::start();
    for path in ["/none", "/app", "/appx/y", "/groups/app/x", "/v1", "/v2/x", "/sub/x", "/subs"] {
        for method in ["GET", "POST", "PUT"] {
            let status = request(server.addresses.http, method, path, &[], b"").status;
            assert_eq!(status, 404, "{method} {path}");
        }
    }
}

#[test]
fn the_page_is_read_and_nothing_else() {
    let server = Server::start();
    for path in ["/", "/index.html", "/main.js"] {
        let mut socket = Socket::connect(server.addresses.http);
        let host = server.addresses.http;
        let head = format!("HEAD {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        socket.write(head.as_bytes());
        let (answer, _) = socket.rest();
        assert!(answer.starts_with(b"HTTP/1.1 200 ") && answer.ends_with(b"\r\n\r\n"), "{path}");
        for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"] {
            let answer = request(server.addresses.http, method, path, &[], b"");
            assert_eq!(answer.status, 405, "{method} {path}");
            let allowed = answer.header("allow").expect("what is allowed instead");
            assert!(allowed.split(',').any(|method| method.trim() == "GET"), "{allowed}");
        }
    }
}

#[test]
fn nobody_is_connected_through() {
    let server = Server::start();
    for target in ["example.com:443", "/", "/ping"] {
        let mut socket = Socket::connect(server.addresses.http);
        socket.write(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n").as_bytes());
        assert!([400, 405].contains(&answer(&mut socket).status), "{target}");
    }
    for path in ["/ping", "/record/push", "/sub", "/none"] {
        let answer = request(server.addresses.http, "TRACE", path, &[], b"");
        assert_eq!(answer.status, 405, "{path}");
    }
}
