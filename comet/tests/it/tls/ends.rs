//! Ends of TLS connections, and handshakes that come to nothing.

use std::io::Write;
use std::net::Shutdown;
use std::sync::Arc;

use comet::{Closed, Listen, TlsFault};
use comet_testkit::clock;
use comet_testkit::frame::{Wire, auth};
use comet_testkit::socket::{Arrived, Socket};

use crate::support::gateway::{Server, Setup, anywhere, config};
use crate::support::tls::{Blocking, NAME, VERSIONS, authority, client, tls};

fn server() -> Server {
    Setup::new(config(1)).listen(Listen::tcp(anywhere()).tls(tls())).start()
}

/// Clients of the gateway above in both versions, with a session each.
fn clients<'a>(
    server: &'a Server,
    prefix: &'a str,
) -> impl Iterator<Item = (String, Blocking)> + 'a {
    VERSIONS.into_iter().map(move |version| {
        let user = format!("{prefix} {:?}", version.version);
        let config = Arc::new(client(authority(), &[version], None));
        let mut client = Blocking::connect(server.gateway.addresses()[2], &config, NAME).unwrap();
        client.ask(&Wire::Dtalk.bytes(&auth(1, &user, "")), 20);
        (user, client)
    })
}

#[test]
fn an_end_with_a_goodbye_and_one_without_are_told_apart() {
    let server = server();
    for (user, mut client) in clients(&server, "polite") {
        client.0.conn.send_close_notify();
        client.0.flush().unwrap();
        assert!(client.ends_cleanly(), "the gateway says goodbye as well");
        assert_eq!(server.log.closed(&user), Closed::ByPeer);
    }
    for (user, client) in clients(&server, "hasty") {
        client.0.sock.shutdown(Shutdown::Write).unwrap();
        assert_eq!(server.log.closed(&user), Closed::Truncated);
    }
    assert_eq!(server.ended_as(&Closed::Truncated), 2);
}

#[test]
fn a_record_that_was_tampered_with_ends_its_session_by_an_alert() {
    let server = server();
    for (user, mut client) in clients(&server, "") {
        // A record of application data whose tag cannot be right.
        let mut forged = vec![0x17, 3, 3, 0, 64];
        forged.extend([7; 64]);
        client.0.sock.write_all(&forged).unwrap();
        let bad = Closed::BadTls(TlsFault::BadRecord);
        assert_eq!(server.log.closed(&user), bad);
        let error = std::io::Read::read(&mut client.0, &mut [0; 9]).unwrap_err();
        assert!(error.to_string().contains("BadRecordMac"), "{error}");
    }
}

#[test]
fn what_is_no_tls_or_speaks_no_protocol_of_ours_is_told_so() {
    let server = server();
    let address = server.gateway.addresses()[2];
    let mut http = Socket::connect(address);
    http.write("GET /sub HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
    let (answer, end) = http.rest();
    assert_eq!((answer.first(), end), (Some(&0x15), Arrived::End), "an alert");
    for (protocols, is_served) in [("comet", true), ("http/1.1", true), ("h2", false)] {
        let mut config = client(authority(), &VERSIONS, None);
        config.alpn_protocols = vec![protocols.into()];
        let connected = Blocking::connect(address, &Arc::new(config), NAME);
        match connected {
            Ok(client) => {
                assert!(is_served, "{protocols}");
                assert_eq!(client.0.conn.alpn_protocol(), Some(protocols.as_bytes()));
            }
            Err(error) => {
                assert!(!is_served, "{protocols}: {error}");
                assert!(
                    error.to_string().contains("NoApplicationProtocol"),
                    "{error} {:?}",
                    server.stats().closed().collect::<Vec<_>>()
                );
            }
        }
    }
    clock::eventually("both are counted", || {
        server.ended_as(&Closed::BadTls(TlsFault::NotTls)) == 2
    });
}
