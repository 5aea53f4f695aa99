//! Resume tickets of the gateway across connections with and without TLS.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use comet::tls::ClientAuth;
use comet::{Config, Listen};
use comet_testkit::client::{Host, Transport};
use comet_testkit::comet::{Comet, Hello, loss};
use comet_testkit::socket::Socket;
use rustls::ClientConfig;

use crate::support::gateway::{Server, Setup, anywhere, config};
use crate::support::tls::{NAME, VERSIONS, authority, client, secured_by};

fn keeping() -> Config {
    config(2).resume(|it| it.ttl = Duration::from_secs(60))
}

/// A gateway whose third listener asks for client certificates over TLS.
fn server(config: Config) -> Server {
    let tls = authority().certify(&[NAME]).tls_for(ClientAuth::Optional(authority().roots()));
    Setup::new(config).listen(Listen::tcp(anywhere()).tls(&tls)).start()
}

/// A way to the gateway, plain without a configuration.
struct Way(SocketAddr, Option<Arc<ClientConfig>>);

impl Host for Way {
    fn socket(&self, _: Transport) -> Socket {
        let socket = TcpStream::connect(self.0).unwrap();
        match &self.1 {
            Some(config) => secured_by(config, socket),
            None => Socket::over(socket),
        }
    }
}

/// Ways without TLS, with it, and with two certificates of a client.
fn ways(server: &Server) -> [Way; 4] {
    let addresses = server.gateway.addresses();
    let certified = || Some(authority().certify_client("alice"));
    let clients = [None, certified(), certified()];
    let [secure, one, other] =
        clients.map(|pair| Some(Arc::new(client(authority(), &VERSIONS, pair))));
    let secured = |config| Way(addresses[2], config);
    [Way(addresses[0], None), secured(secure), secured(one), secured(other)]
}

/// Whether a session that began one way is resumed another way.
fn is_resumed(from: &Way, to: &Way, user: &str) -> bool {
    let first = Comet::open(from, Transport::Tcp, &Hello::new(user, ""));
    let back = first.back(user, 0, 0);
    let second = Comet::open(to, Transport::Tcp, &back);
    let expected = if second.welcome.resumed { loss::NONE } else { loss::UNKNOWN };
    assert_eq!(second.welcome.loss, expected);
    second.welcome.resumed
}

#[test]
fn a_ticket_is_honoured_where_it_is_as_safe_as_where_it_was_given() {
    let server = server(keeping());
    let ways = ways(&server);
    // From each row to each column: plain, TLS, one certificate, another one.
    let expected = [
        [true, true, true, true],
        [false, true, true, true],
        [false, false, true, false],
        [false, false, false, true],
    ];
    for (from, row) in expected.into_iter().enumerate() {
        for (to, is_honoured) in row.into_iter().enumerate() {
            let resumed = is_resumed(&ways[from], &ways[to], &format!("{from} to {to}"));
            assert_eq!(resumed, is_honoured, "from {from} to {to}");
        }
    }
}

#[test]
fn one_of_tls_is_honoured_on_a_plain_connection_where_that_is_permitted() {
    let server = server(keeping().resume(|it| it.plain_after_tls = true));
    let [plain, secure, one, _] = ways(&server);
    assert!(is_resumed(&secure, &plain, "alice"));
    assert!(!is_resumed(&one, &plain, "bob"), "nor is that of a certificate");
}
