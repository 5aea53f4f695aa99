//! Connections with a slow request or response are closed, on both HTTP ports.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use comet_server_testkit::http::{answer, get};
use comet_server_testkit::person::Person;
use comet_server_testkit::server::{Server, Setup};
use comet_testkit::clock;
use comet_testkit::socket::{Arrived, Socket};

/// A server with all timeouts at one second.
fn impatient() -> Server {
    ["HEAD", "BODY", "IDLE", "WRITE"]
        .iter()
        .fold(Setup::default(), |setup, time| {
            setup.variable(&format!("COMET_HTTP__{time}_SECONDS"), &1)
        })
        .start()
}

/// The head of a request whose body is read.
fn head(length: usize) -> String {
    let token = Person::new("alice").token();
    format!(
        "POST /app/record/sync-record HTTP/1.1\r\nHost: chat.test\r\nFZM-SIGNATURE: {token}\r\n\
         Content-Length: {length}\r\n\r\n"
    )
}

/// The time from `began` until the server closes the connection without a response.
fn cut(socket: &mut Socket, began: Instant) -> Duration {
    let (rest, end) = socket.rest();
    assert!(rest.is_empty(), "{rest:?}");
    assert!(matches!(end, Arrived::End | Arrived::Reset), "{end:?}");
    began.elapsed()
}

fn is_prompt(took: Duration) {
    assert!(took >= Duration::from_millis(900), "{took:?}: it had a second");
    assert!(took < Duration::from_secs(8), "{took:?}");
}

/// Sends a byte every tenth of a second until the server has closed; returns the time it took.
fn trickle(address: SocketAddr, head: &str) -> Duration {
    let mut socket = Socket::connect(address);
    socket.write(head.as_bytes());
    let began = Instant::now();
    let deadline = clock::deadline();
    while !clock::left(deadline).is_zero() {
        match socket.read_until(Instant::now() + Duration::from_millis(100)) {
            Arrived::Nothing if socket.try_write(b"x").is_ok() => {}
            Arrived::Bytes => panic!("answered: {:?}", socket.unread),
            _ => return began.elapsed(),
        }
    }
    panic!("a byte at a time is served for ever");
}

#[test]
fn half_a_request_and_silence_are_cut() {
    let server = impatient();
    let ports = [server.addresses.http, server.addresses.admin];
    let beginnings = [
        "",
        "GET /pi",
        "GET /ping HTTP/1.1\r\nHost: chat.test\r\nX-Half: ",
        &format!("{}{{", head(100)),
    ];
    let began = Instant::now();
    for port in ports {
        let silent = beginnings.map(|beginning| {
            let mut socket = Socket::connect(port);
            socket.write(beginning.as_bytes());
            socket
        });
        // The port of metrics reads no bodies; it answers unknown paths at once.
        let count = if port == server.addresses.admin { 3 } else { 4 };
        for mut socket in silent.into_iter().take(count) {
            is_prompt(cut(&mut socket, began));
        }
    }
    assert_eq!(server.get("/ping").status, 200);
}

#[test]
fn a_byte_at_a_time_is_cut() {
    let server = impatient();
    let endless = "GET /ping HTTP/1.1\r\nHost: chat.test\r\nX-Long: ";
    is_prompt(trickle(server.addresses.http, endless));
    is_prompt(trickle(server.addresses.admin, endless));
    is_prompt(trickle(server.addresses.http, &head(10_000)));
}

#[test]
fn a_connection_may_be_silent_between_requests_for_a_time() {
    let server = impatient();
    for (port, path) in [(server.addresses.http, "/ping"), (server.addresses.admin, "/health")] {
        let mut socket = Socket::connect(port);
        for _ in 0..2 {
            socket.write(format!("GET {path} HTTP/1.1\r\nHost: chat.test\r\n\r\n").as_bytes());
            assert_eq!(answer(&mut socket).status, 200);
        }
        is_prompt(cut(&mut socket, Instant::now()));
    }
}

#[test]
fn a_reader_that_never_reads_is_cut() {
    let server = impatient();
    for (port, path) in [(server.addresses.http, "/"), (server.addresses.admin, "/metrics")] {
        let mut socket = Socket::connect(port);
        let request = format!("GET {path} HTTP/1.1\r\nHost: chat.test\r\n\r\n");
        // Some megabytes of responses: more than all buffers hold.
        let requests = request.repeat(1_000);
        let began = Instant::now();
        while socket.try_write(requests.as_bytes()).is_ok() {
            assert!(began.elapsed() < Duration::from_secs(60), "answered for ever");
        }
        assert_eq!(get(port, path).status, 200, "others are served");
    }
}

#[test]
fn a_slow_line_may_take_its_time() {
    let server = impatient();
    let mut socket = Socket::connect(server.addresses.http);
    socket.write(head(12 * 1_024).as_bytes());
    let began = Instant::now();
    // Four times the timeout, at twice the minimum rate.
    for _ in 0..12 {
        let arrived = socket.read_until(Instant::now() + Duration::from_millis(330));
        assert_eq!(arrived, Arrived::Nothing, "after {:?}", began.elapsed());
        socket.write([b' '; 1_024]);
    }
    assert_eq!(answer(&mut socket).status, 200);
    assert!(began.elapsed() > Duration::from_secs(3));
}
