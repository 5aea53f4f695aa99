//! Certificates change again and again while deliveries go on over TLS: no session notices, and
//! each new handshake is shown the new one. `COMET_ROTATIONS=100` has a hundred; the ordinary run
//! fewer.

use std::env;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use comet_server_testkit::client::{Client, Transport};
use comet_server_testkit::message::to_user;
use comet_server_testkit::person::Person;
use comet_server_testkit::server::{Addresses, Server, Setup};
use comet_testkit::program::Signal;
use comet_testkit::{clock, websocket};
use rustls::pki_types::CertificateDer;

use super::certificate::{Folder, Made, with_certificate};
use super::line::Asked;

const NAME: &str = "localhost";

/// Pairs of users on each kind of port.
const PAIRS: usize = 3;

/// Kinds of ports: raw packets and WebSocket on the session port, the port of HTTP, and the one for
/// everything.
const KINDS: usize = 4;

/// A session over TLS.
fn session(
    kind: usize,
    at: &Addresses,
    trusted: &[CertificateDer<'static>],
    person: &Person,
) -> Client {
    let asked = Asked { trusted, name: NAME, protocol: None };
    let port = [at.tls, at.tls, at.http, at.https.expect("a port")][kind];
    let (mut socket, _) = asked.connect(port);
    let mut client = if kind == 0 {
        Client::over(Transport::Tcp, socket)
    } else {
        socket.write(websocket::request("/sub", ""));
        websocket::await_upgrade(&mut socket);
        Client::over(Transport::WebSocket, socket)
    };
    client.sign_in(person, None);
    client
}

/// One user writes to another, who acknowledges, until it is enough; counted.
fn deliver(
    mut sender: Client,
    mut receiver: Client,
    to: &str,
    over: &AtomicBool,
    done: &AtomicU32,
) {
    for number in 1.. {
        sender.ask(&to_user(to, &format!("{to}-{number}"), "hi"));
        // An author gets what it has sent, too.
        sender.takes(number);
        receiver.takes(number);
        done.store(number, Ordering::Relaxed);
        if over.load(Ordering::Relaxed) {
            break;
        }
    }
}

/// Replaces the certificate, and waits until each port shows the new one. A handshake in between is
/// shown the old one or the new one.
fn rotate(server: &Server, folder: &Folder, old: &Made) -> Made {
    let new = Made::new(&[NAME]);
    let trusted = [old.der.clone(), new.der.clone()];
    let asked = Asked { trusted: &trusted, name: NAME, protocol: None };
    folder.put("cert.pem", &new);
    server.process.signal(Signal::HUP);
    let at = &server.addresses;
    clock::eventually("the new one is shown", || asked.connect(at.tls).1 == new.der);
    for port in [at.http, at.https.expect("a port")] {
        assert_eq!(asked.connect(port).1, new.der);
    }
    let quic = Asked { protocol: Some("comet"), ..asked };
    assert_eq!(quic.quic(at.quic.expect("QUIC")), Some(new.der.clone()));
    new
}

#[test]
fn certificates_change_under_load_and_no_session_is_lost() {
    let rotations = env::var("COMET_ROTATIONS").map_or(30, |text| text.parse().expect("a number"));
    let folder = Folder::new();
    let mut made = Made::new(&[NAME]);
    let file = folder.put("cert.pem", &made);
    let setup = with_certificate(Setup::default(), &file).flag("https", &"127.0.0.1:0");
    let server = setup.start();
    let pairs: Vec<_> = (0..KINDS * PAIRS)
        .map(|n| {
            let [from, to] = ["from", "to"].map(|role| Person::new(&format!("{role}-{n}")));
            let trusted = [made.der.clone()];
            let [sender, receiver] =
                [&from, &to].map(|it| session(n % KINDS, &server.addresses, &trusted, it));
            (sender, receiver, to.uid)
        })
        .collect();
    let sessions = server.metric("comet_gateway_sessions");
    assert_eq!(sessions, 2 * (KINDS * PAIRS) as u64);

    let over = AtomicBool::new(false);
    let counts: Vec<AtomicU32> = pairs.iter().map(|_| AtomicU32::new(0)).collect();
    thread::scope(|scope| {
        for ((sender, receiver, to), done) in pairs.into_iter().zip(&counts) {
            let over = &over;
            scope.spawn(move || deliver(sender, receiver, &to, over, done));
        }
        let stop = StopWhenDropped(&over);
        for _ in 0..rotations {
            let before: Vec<_> = counts.iter().map(|it| it.load(Ordering::Relaxed)).collect();
            made = rotate(&server, &folder, &made);
            clock::eventually("deliveries go on", || {
                counts.iter().zip(&before).all(|(now, then)| now.load(Ordering::Relaxed) > *then)
            });
        }
        assert_eq!(server.metric("comet_gateway_sessions"), sessions, "none was lost");
        assert_eq!(server.metric("comet_gateway_resumed_total"), 0);
        drop(stop);
    });
    let delivered: u32 = counts.iter().map(|it| it.load(Ordering::Relaxed)).sum();
    println!("{rotations} rotations, {delivered} deliveries twice, of which none was lost");
}

/// Ends the load, also when the test has failed.
struct StopWhenDropped<'a>(&'a AtomicBool);

impl Drop for StopWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
