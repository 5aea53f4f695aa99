//! Requests refused before their body was read, from clients that write it separately from the
//! head: the response must arrive, not a reset.

use std::net::SocketAddr;

use comet_server_testkit::http::{answer, get};
use comet_server_testkit::server::Server;
use comet_testkit::socket::{Arrived, Socket};

const FORM: &str = "multipart/form-data; boundary=x";

fn head(address: SocketAddr, method: &str, path: &str, kind: &str, body: usize) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {kind}\r\n\
         Content-Length: {body}\r\n"
    )
}

/// Each is answered at once, without reading the body: without a token, to an unknown path, with a
/// wrong method, or too long.
const REFUSED: [(&str, &str, &str, u16); 8] = [
    ("POST", "/record/push", FORM, 200),
    ("POST", "/record/push2", FORM, 200),
    ("POST", "/app/record/sync-record", "application/json", 200),
    ("POST", "/user/login", "application/json", 200),
    ("POST", "/oss/upload-part", FORM, 200),
    ("PUT", "/index.html", "text/html", 405),
    ("POST", "/nothing/here", FORM, 404),
    ("POST", "/ping", "text/plain", 200),
];

#[test]
fn a_client_that_writes_its_body_later_sees_the_answer_and_no_reset() {
    let server = Server::start();
    let address = server.addresses.http;
    for (method, path, kind, status) in REFUSED {
        for length in [10, 40_000, 6_000_000] {
            let mut socket = Socket::connect(address);
            let head = head(address, method, path, kind, length);
            socket.write(format!("{head}Connection: close\r\n\r\n").as_bytes());
            // The server has seen only the head: it serves another client meanwhile.
            assert_eq!(get(address, "/ping").status, 200);
            for piece in vec![b'x'; length].chunks(16_384) {
                socket.try_write(piece).unwrap_or_else(|error| panic!("{path}: {error}"));
            }
            let (came, end) = socket.rest();
            let expected = format!("HTTP/1.1 {status} ");
            assert!(came.starts_with(expected.as_bytes()), "{path} {length}: {came:?}");
            assert_eq!(end, Arrived::End, "{path} {length}");
        }
    }
}

#[test]
fn the_connection_serves_on_after_a_refusal() {
    let server = Server::start();
    let address = server.addresses.http;
    let mut socket = Socket::connect(address);
    for (method, path, kind, status) in REFUSED {
        let head = head(address, method, path, kind, 40_000);
        socket.write(format!("{head}\r\n").as_bytes());
        socket.write(vec![b'x'; 40_000]);
        assert_eq!(answer(&mut socket).status, status, "{path}");
    }
    assert!(socket.unread.is_empty());
}

/// It asks for permission first, and sends nothing when refused.
#[test]
fn a_client_that_waits_to_be_told_to_go_on_is_refused_at_once() {
    let server = Server::start();
    let address = server.addresses.http;
    let mut socket = Socket::connect(address);
    let head = head(address, "POST", "/record/push", FORM, 40_000);
    socket.write(format!("{head}Expect: 100-continue\r\n\r\n").as_bytes());
    let answer = answer(&mut socket);
    assert_eq!(answer.code(), -1010);
    assert_eq!(answer.header("connection"), Some("close"));
}
