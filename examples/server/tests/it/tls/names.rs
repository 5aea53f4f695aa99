//! Several certificates, chosen by the name that a client asks for: on every port with TLS, and on
//! QUIC. What changes on the disk reaches all of them.

use comet_server_testkit::server::{Server, Setup};
use comet_testkit::clock;
use comet_testkit::program::Signal;
use rustls::pki_types::CertificateDer;

use super::certificate::{Folder, Made, with_certificate};
use super::line::Asked;

/// The certificates that a name is shown on all ports.
fn shown(
    server: &Server,
    name: &'static str,
    trusted: &[CertificateDer<'static>],
) -> Vec<CertificateDer<'static>> {
    let at = &server.addresses;
    let asked = Asked { trusted, name, protocol: Some("http/1.1") };
    let tcp = [Some(at.tls), Some(at.http), at.https].into_iter().flatten();
    let mut found: Vec<_> = tcp.map(|port| asked.connect(port).1).collect();
    let quic = Asked { protocol: Some("comet"), ..asked };
    found.push(quic.quic(at.quic.expect("QUIC")).expect("a connection"));
    found
}

#[test]
fn each_name_has_its_certificate_on_every_port_and_others_have_the_first() {
    let folder = Folder::new();
    // The first is for a name that nobody knows, so that a client can verify it.
    let first = Made::new(&["one.test", "unknown.test"]);
    let second = Made::new(&["two.test", "*.two.test"]);
    let one = folder.put("one.pem", &first);
    let two = folder.put("two.pem", &second);
    let config = folder.path("comet.toml");
    let listed = format!("[[tls.certificates]]\ncert = {two:?}\nkey = {two:?}\n");
    std::fs::write(&config, listed).expect("a file");
    let setup = Setup::default().flag("config", &config.display());
    let setup = with_certificate(setup, &one).flag("https", &"127.0.0.1:0");
    let server = setup.start();
    let trusted = [first.der.clone(), second.der.clone()];
    assert_eq!(shown(&server, "one.test", &trusted), vec![first.der.clone(); 4]);
    assert_eq!(shown(&server, "two.test", &trusted), vec![second.der.clone(); 4]);
    assert_eq!(shown(&server, "a.two.test", &trusted), vec![second.der.clone(); 4]);
    assert_eq!(shown(&server, "unknown.test", &trusted), vec![first.der.clone(); 4]);

    let renewed = Made::new(&["two.test"]);
    folder.put("two.pem", &renewed);
    server.process.signal(Signal::HUP);
    let trusted = [first.der.clone(), renewed.der.clone()];
    let tls = Asked { trusted: &trusted, name: "two.test", protocol: None };
    clock::eventually("renewed", || tls.try_connect(server.addresses.tls).is_ok());
    assert_eq!(shown(&server, "two.test", &trusted), vec![renewed.der.clone(); 4]);
    assert_eq!(shown(&server, "one.test", &trusted), vec![first.der.clone(); 4]);
}

#[test]
fn the_hash_of_the_certificate_for_development_is_told_and_of_no_other() {
    let told = |server: &Server| {
        let answer = server.get("/comet/transports");
        let found: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        found["certificate"]["sha256"].as_str().map(str::to_owned)
    };
    let server = Server::start();
    assert!(told(&server).is_some());
    let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    let left = server.metric("comet_tls_certificate_expires") - now;
    assert!((6 * 86_400..13 * 86_400).contains(&left), "{left} s are left of its 13 days");
    let folder = Folder::new();
    let file = folder.put("one.pem", &Made::new(&["one.test"]));
    let server = with_certificate(Setup::default(), &file).start();
    assert_eq!(told(&server), None);
}

#[test]
fn where_clients_need_certificates_there_is_no_quic() {
    let folder = Folder::new();
    let file = folder.put("one.pem", &Made::new(&["one.test"]));
    let setup = with_certificate(Setup::default(), &file).set("tls.client=required");
    let server = setup.set(&format!("tls.client_roots={}", file.display())).start();
    assert_eq!(server.addresses.quic, None);
    assert!(server.process.errors().contains("no QUIC"), "{}", server.process.errors());
}
