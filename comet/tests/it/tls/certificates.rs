//! Certificates: which one a client is shown, which ones of clients are taken, what tickets are
//! worth, and all of that while it changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use comet::tls::{ClientAuth, Tls, TlsConfig};
use comet::{Closed, Listen, TlsFault};
use comet_testkit::client::{Client, Transport};
use comet_testkit::clock;
use comet_testkit::frame::{Wire, auth};
use rustls::{ClientConfig, HandshakeKind};

use crate::support::gateway::{Server, Setup, anywhere, config};
use crate::support::router::identity;
use crate::support::tls::{Authority, Blocking, NAME, VERSIONS, authority, client, secured};

/// Length of an auth reply.
const REPLY: usize = 20;

/// A gateway whose third listener is TCP with this TLS, and which keeps requests for sessions.
fn asking(tls: &Tls) -> Server {
    let setup = Setup::new(config(2)).listen(Listen::tcp(anywhere()).tls(tls));
    setup.on_connect(|log, request, reply| log.keep(request, reply)).start()
}

/// One that takes everybody.
fn server(tls: &Tls) -> Server {
    Setup::new(config(2)).listen(Listen::tcp(anywhere()).tls(tls)).start()
}

fn connect(server: &Server, config: &Arc<ClientConfig>, name: &str) -> Blocking {
    Blocking::connect(server.gateway.addresses()[2], config, name).unwrap()
}

#[test]
fn a_client_is_shown_the_certificate_of_the_name_that_it_asks_for() {
    let pairs = [&[NAME][..], &["*.example.test"], &["chat.test", "talk.test"]]
        .map(|names| authority().certify(names));
    let config = TlsConfig::new(pairs[0].certificate());
    let config = pairs[1..].iter().fold(config, |it, pair| it.certificate(pair.certificate()));
    let server = server(&Tls::new(config).unwrap());
    for version in VERSIONS {
        let mut config = client(authority(), &[version], None);
        let shown = |config: &ClientConfig, name| {
            let shown = connect(&server, &Arc::new(config.clone()), name).server_certificate();
            pairs.iter().position(|pair| pair.der.0.as_ref() == shown)
        };
        for (name, pair) in [(NAME, 0), ("a.example.test", 1), ("talk.test", 2)] {
            assert_eq!(shown(&config, name), Some(pair), "{name}");
        }
        config.enable_sni = false;
        assert_eq!(shown(&config, NAME), Some(0), "the first where none is asked for");
    }
}

#[test]
fn the_router_is_shown_the_certificate_of_a_client_also_when_it_resumes() {
    let tls = authority().certify(&[NAME]).tls_for(ClientAuth::Required(authority().roots()));
    let server = asking(&tls);
    for version in VERSIONS {
        let pair = authority().certify_client("alice");
        let leaf = pair.der.0.to_vec();
        let config = Arc::new(client(authority(), &[version], Some(pair)));
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut client = connect(&server, &config, NAME);
            let asks = std::thread::spawn(move || {
                client.ask(&Wire::Dtalk.bytes(&auth(1, "somebody", "")), REPLY);
                client.0.conn.handshake_kind()
            });
            let (request, reply) = server.log.asked();
            let shown = request.client_certificate.as_deref().expect("a certificate");
            assert_eq!(shown.leaf, leaf);
            assert_eq!(shown.common_name.as_deref(), Some("alice"));
            assert_eq!(shown.dns_names, ["alice.devices.test"]);
            assert_eq!(shown.emails, ["alice@example.test"]);
            reply.accept(identity(&request));
            assert_eq!(asks.join().unwrap(), Some(kind), "{:?}", version.version);
        }
    }
}

#[test]
fn a_client_without_a_certificate_or_with_one_of_strangers_is_refused_where_one_is_required() {
    let roots = authority().roots();
    let pair = authority().certify(&[NAME]);
    let required = server(&pair.tls_for(ClientAuth::Required(roots.clone())));
    let optional = asking(&pair.tls_for(ClientAuth::Optional(roots)));
    for (n, version) in VERSIONS.into_iter().enumerate() {
        let strange = Authority::new().certify_client("mallory");
        let strange = Arc::new(client(authority(), &[version], Some(strange)));
        let nobody = Arc::new(client(authority(), &[version], None));
        for config in [&strange, &nobody] {
            // In TLS 1.3 the client is done before the gateway has seen its certificate.
            let refused = Blocking::connect(required.gateway.addresses()[2], config, NAME)
                .and_then(|mut it| std::io::Read::read(&mut it.0, &mut [0; 9]));
            assert!(refused.is_err(), "{refused:?}");
        }
        let bad = Closed::BadTls(TlsFault::Certificate);
        clock::eventually("both are counted", || required.ended_as(&bad) == 2 * (n as u64 + 1));
        let mut client = connect(&optional, &nobody, NAME);
        let asks = std::thread::spawn(move || {
            client.ask(&Wire::Dtalk.bytes(&auth(1, "somebody", "")), REPLY);
        });
        let (request, reply) = optional.log.asked();
        assert_eq!(request.client_certificate, None);
        reply.accept(identity(&request));
        asks.join().unwrap();
    }
}

#[test]
fn tickets_are_taken_across_a_rotation_of_their_key_and_not_across_two() {
    let tls = authority().certify(&[NAME]).tls();
    let server = server(&tls);
    for version in VERSIONS {
        let config = Arc::new(client(authority(), &[version], None));
        let kind = || {
            let mut client = connect(&server, &config, NAME);
            client.ask(&Wire::Dtalk.bytes(&auth(1, "alice", "")), REPLY);
            client.0.conn.handshake_kind()
        };
        assert_eq!(kind(), Some(HandshakeKind::Full));
        assert_eq!(kind(), Some(HandshakeKind::Resumed));
        tls.rotate_tickets();
        assert_eq!(kind(), Some(HandshakeKind::Resumed), "{:?}", version.version);
        tls.rotate_tickets();
        tls.rotate_tickets();
        assert_eq!(kind(), Some(HandshakeKind::Full));
        tls.reload(TlsConfig::new(authority().certify(&[NAME]).certificate())).unwrap();
        assert_eq!(kind(), Some(HandshakeKind::Resumed), "another certificate changes nothing");
    }
    let stats = server.stats();
    assert_eq!((stats.tls_handshakes, stats.tls_resumed), (10, 6));
}

#[test]
fn clients_of_roots_that_are_gone_come_back_neither_by_certificate_nor_by_ticket() {
    let pair = authority().certify(&[NAME]);
    let tls = pair.tls_for(ClientAuth::Required(authority().roots()));
    let server = server(&tls);
    let clients = VERSIONS.map(|version| {
        Arc::new(client(authority(), &[version], Some(authority().certify_client("alice"))))
    });
    for config in &clients {
        let ask = Wire::Dtalk.bytes(&auth(1, "alice", ""));
        connect(&server, config, NAME).ask(&ask, REPLY);
    }
    let others = ClientAuth::Required(Authority::new().roots());
    tls.reload(TlsConfig::new(pair.certificate()).client(others)).unwrap();
    for config in &clients {
        let refused = Blocking::connect(server.gateway.addresses()[2], config, NAME)
            .and_then(|mut it| std::io::Read::read(&mut it.0, &mut [0; 9]));
        assert!(refused.is_err(), "{refused:?}");
    }
}

#[test]
fn certificates_change_a_hundred_times_under_sessions_that_do_not_notice() {
    let tls = authority().certify(&[NAME]).tls();
    let server = server(&tls);
    let (stop, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for n in 0..4 {
            let socket = secured_by(&server);
            let (stop, asked) = (&stop, &asked);
            scope.spawn(move || {
                let mut client = Client::over(Transport::Tcp, socket);
                client.sign_in(&format!("m{n}"), "");
                let mut seq = 1;
                while !stop.load(Ordering::Relaxed) {
                    seq += 1;
                    assert_eq!(client.ask(seq, b"still there?"), b"still there?");
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let config = Arc::new(client(authority(), &VERSIONS, None));
        for _ in 0..100 {
            let pair = authority().certify(&[NAME]);
            tls.reload(TlsConfig::new(pair.certificate())).unwrap();
            let mut config = ClientConfig::clone(&config);
            config.resumption = rustls::client::Resumption::disabled();
            let shown = connect(&server, &Arc::new(config), NAME).server_certificate();
            assert_eq!(shown, pair.der.0.as_ref());
        }
        let before = asked.load(Ordering::Relaxed);
        clock::eventually("they go on", || asked.load(Ordering::Relaxed) > before + 100);
        assert_eq!(server.stats().sessions, 4);
        stop.store(true, Ordering::Relaxed);
    });
}

fn secured_by(server: &Server) -> comet_testkit::socket::Socket {
    secured(server.gateway.addresses()[2])
}
