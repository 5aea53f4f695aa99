//! Full HTTP ports: they stay open, and addresses are limited.

use comet_server_testkit::http::{self, answer, request};
use comet_server_testkit::person::Person;
use comet_server_testkit::server::{Server, Setup};
use comet_testkit::socket::{Arrived, Socket};

/// A request with an incomplete body, so that it is in progress.
fn half(field: &str) -> String {
    let token = Person::new("alice").token();
    format!(
        "POST /app/record/sync-record HTTP/1.1\r\nHost: chat.test\r\nFZM-SIGNATURE: {token}\r\n\
         {field}Content-Length: 11\r\nExpect: 100-continue\r\n\r\n"
    )
}

fn limited(setting: &str, most: usize) -> Setup {
    Setup::default().variable(&format!("COMET_HTTP__{setting}"), &most)
}

/// Connections with half a request; the server waits for the other half.
fn served(server: &Server, field: &str, count: usize) -> Vec<Socket> {
    let sockets = (0..count).map(|_| {
        let mut socket = Socket::connect(server.addresses.http);
        socket.write(half(field).as_bytes());
        assert_eq!(answer(&mut socket).status, 100);
        socket
    });
    sockets.collect()
}

#[test]
fn silent_crowds_keep_nobody_out() {
    let server =
        limited("MAX_CONNECTIONS", 20).variable("COMET_HTTP__ADMIN_CONNECTIONS", &4).start();
    let silent: Vec<Socket> = (0..100)
        .flat_map(|_| [server.addresses.http, server.addresses.admin].map(Socket::connect))
        .collect();
    for _ in 0..10 {
        assert_eq!(server.get("/ping").status, 200);
        assert_eq!(http::get(server.addresses.admin, "/health").status, 200);
    }
    for mut socket in silent.into_iter().take(100) {
        let (_, end) = socket.rest();
        assert!(matches!(end, Arrived::End | Arrived::Reset), "the oldest have had to go");
    }
}

#[test]
fn a_port_where_all_are_served_says_when_to_come_back() {
    let server = limited("MAX_CONNECTIONS", 3).start();
    let mut at_work = served(&server, "", 3);
    let refused = answer(&mut Socket::connect(server.addresses.http));
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    // Their requests are served all the same.
    for socket in &mut at_work {
        socket.write(b"{\"count\":1}");
        assert_eq!(answer(socket).status, 200);
    }
    assert_eq!(server.get("/ping").status, 200);
}

#[test]
fn an_address_has_its_share_of_connections() {
    let server = limited("CONNECTIONS_PER_ADDRESS", 2).start();
    let at_work = served(&server, "", 2);
    let refused = answer(&mut Socket::connect(server.addresses.http));
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    drop(at_work);
    comet_testkit::clock::eventually("the share is given back", || {
        let mut socket = Socket::connect(server.addresses.http);
        let request = b"GET /ping HTTP/1.1\r\nHost: chat.test\r\nConnection: close\r\n\r\n";
        socket.try_write(request).is_ok() && answer(&mut socket).status == 200
    });
}

/// A server that trusts this machine in one header.
fn behind(header: &str) -> Server {
    let proxies = format!("[{{ net = \"127.0.0.0/8\", header = \"{header}\" }}]");
    limited("CONNECTIONS_PER_ADDRESS", 2).variable("COMET_TRUSTED_PROXIES", &proxies).start()
}

#[test]
fn behind_a_trusted_proxy_the_forwarded_address_has_the_share() {
    let fields = [
        ("x-forwarded-for", "X-Forwarded-For: 203.0.113.1, 198.51.100.7"),
        ("forwarded", "Forwarded: for=203.0.113.1, for=198.51.100.7"),
        ("x-real-ip", "X-Real-IP: 198.51.100.7"),
    ];
    for (header, field) in fields {
        let server = behind(header);
        let ask = |field: &str| {
            let (name, value) = field.split_once(": ").expect("a field");
            let headers = [(name, value), ("X-Client-IP", "198.51.100.7")];
            request(server.addresses.http, "GET", "/ping", &headers, b"").status
        };
        let _at_work = served(&server, &format!("{field}\r\n"), 2);
        assert_eq!(ask(field), 429);
        let other = field.replace("198.51.100.7", "198.51.100.8");
        assert_eq!(ask(&other), 200, "{header}: each client by itself, and not the proxy");
        // A header in which the proxy is not trusted is the client's own.
        for (_, foreign) in fields.iter().filter(|(name, _)| *name != header) {
            assert_eq!(ask(foreign), 200, "{header} is believed, not {foreign}");
        }
    }
}

#[test]
fn a_proxy_that_names_nobody_is_exempt_with_one_warning() {
    let server = behind("none");
    let _at_work = served(&server, "X-Forwarded-For: 198.51.100.7\r\n", 10);
    for _ in 0..5 {
        assert_eq!(server.get("/ping").status, 200);
    }
    let said = server.process.errors();
    assert_eq!(said.matches("names nobody").count(), 1, "{said}");
}

#[test]
fn whoever_is_not_trusted_is_not_believed() {
    let proxies = "[{ net = \"10.0.0.0/8\", header = \"x-forwarded-for\" }]";
    let setup = limited("CONNECTIONS_PER_ADDRESS", 2);
    let server = setup.variable("COMET_TRUSTED_PROXIES", &proxies).start();
    let _at_work = served(&server, "", 2);
    let mut socket = Socket::connect(server.addresses.http);
    // Refused before it is read.
    let _ = socket.try_write(b"GET /ping HTTP/1.1\r\nX-Forwarded-For: 198.51.100.7\r\n\r\n");
    let (said, _) = socket.rest();
    assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 429 "), "{said:?}");
    assert_eq!(server.process.errors(), "");
}
