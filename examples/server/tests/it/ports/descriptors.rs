//! Few descriptors: if one kind of connection uses up its share, the others keep theirs.

use comet_server_testkit::client::Transport;
use comet_server_testkit::http;
use comet_server_testkit::person::Person;
use comet_server_testkit::server::{Server, Setup};
use comet_testkit::socket::Socket;

const FEW: u32 = 200;

/// More than the whole process has descriptors.
const CROWD: usize = 300;

fn operators_are_answered(server: &Server) {
    for path in ["/health", "/metrics"] {
        assert_eq!(http::get(server.addresses.admin, path).status, 200, "{path}");
    }
}

#[test]
fn silent_connections_to_http_stop_no_login() {
    let server = Setup::default().descriptors(FEW).start();
    let _crowd: Vec<_> = (0..CROWD).map(|_| Socket::connect(server.addresses.http)).collect();
    for round in 0..3 {
        for transport in Transport::ALL {
            let person = Person::new(&format!("{transport:?}-{round}"));
            server.client(transport, &person, None).beat();
        }
        operators_are_answered(&server);
        assert_eq!(server.get("/ping").status, 200);
    }
    assert_eq!(server.process.errors(), "", "no descriptor was missing");
}

#[test]
fn silent_connections_to_sessions_stop_neither_http_nor_operators() {
    let server = Setup::default().descriptors(FEW).start();
    let mut session = server.client(Transport::Tcp, &Person::new("alice"), None);
    let _crowd: Vec<_> = (0..CROWD)
        .map(|number| [server.addresses.tcp, server.addresses.ws][number % 2])
        .map(Socket::connect)
        .collect();
    operators_are_answered(&server);
    assert_eq!(server.get("/ping").status, 200);
    let alice = Person::new("alice");
    assert_eq!(server.post("/user/login", Some(&alice), "").data()["address"], alice.uid);
    session.beat();
    assert_eq!(server.process.errors(), "", "no descriptor was missing");
}

#[test]
fn a_setting_beyond_the_limit_is_warned_about_with_both_numbers() {
    let setup = Setup::default().descriptors(FEW);
    let server = setup.variable("COMET_GATEWAY__MAX_CONNECTIONS", &5_000).start();
    let said = server.process.errors();
    assert_eq!(said.lines().count(), 1, "{said}");
    for part in ["gateway.max_connections", "5000", "200"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    server.client(Transport::Tcp, &Person::new("alice"), None).beat();
}

#[test]
fn sessions_have_a_limit_beside_that_of_connections() {
    let server = Setup::default().variable("COMET_GATEWAY__MAX_SESSIONS", &1).start();
    let mut first = server.client(Transport::Tcp, &Person::new("alice"), None);
    let mut second =
        comet_server_testkit::client::Client::connect(Transport::HttpPort, &server.addresses);
    second.send(&comet_server_testkit::client::auth(1, &Person::new("bob").token(), None));
    assert_eq!(second.ends(), comet_server_testkit::client::Ending::Close(Some(1013)));
    first.beat();
}
