//! The driver's TLS, against a proxy of the test's own that takes it off.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use comet::Config;
use comet_bench::dialect::Dialect;
use comet_bench::driver::{Destination, Identity, Route, Trust, Tuning};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::party::{Party, assert_fan_and_echo};
use crate::rooms::Relay;

/// An authority, the file with its certificate, and settings of a server that it vouches for.
pub(crate) struct Authority {
    file: PathBuf,
    server: Arc<ServerConfig>,
    /// The server's certificate and its key, in PEM.
    pub(crate) pem: [String; 2],
}

impl Authority {
    pub(crate) fn new(test: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, test);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("signed");
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.pem"));
        std::fs::write(&file, issuer.pem()).expect("written");

        let key = KeyPair::generate().expect("a key");
        let names = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        let certificate = names.signed_by(&key, &issuer).expect("signed");
        let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], secret)
            .expect("a certificate");
        let pem = [certificate.pem(), key.serialize_pem()];
        Self { file, server: Arc::new(server), pem }
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::File(self.file.clone())
    }
}

/// Listens until the test program ends; returns the port.
fn proxy(server: &Arc<ServerConfig>, to: SocketAddr) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let server = Arc::clone(server);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let server = Arc::clone(&server);
            thread::spawn(move || forward(stream, server, to));
        }
    });
    port
}

/// Moves bytes either way, by turns, until one side ends.
fn forward(stream: TcpStream, server: Arc<ServerConfig>, to: SocketAddr) {
    let mut plain = TcpStream::connect(to).expect("the server listens");
    for socket in [&stream, &plain] {
        socket.set_read_timeout(Some(Duration::from_millis(1))).expect("a timeout");
        socket.set_nodelay(true).expect("no delay");
    }
    let session = ServerConnection::new(server).expect("a session");
    let mut secret = StreamOwned::new(session, stream);
    let mut buffer = vec![0; 65_536];
    while step(&mut secret, &mut plain, &mut buffer) && step(&mut plain, &mut secret, &mut buffer) {
    }
}

/// Returns whether there may be more.
fn step(from: &mut impl Read, to: &mut impl Write, buffer: &mut [u8]) -> bool {
    match from.read(buffer) {
        Ok(0) => false,
        Ok(read) => to.write_all(&buffer[..read]).and_then(|()| to.flush()).is_ok(),
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

fn route(scheme: &str, port: u16, trust: &Trust) -> Route {
    Route::parse(&format!("{scheme}://localhost:{port}"), trust).expect("a way")
}

#[test]
fn sessions_speak_over_tls_as_they_do_without() {
    let (relay, authority) = (Relay::start(true), Authority::new("speak"));
    let [tcp, ws, raw] =
        [relay.tcp, relay.ws, relay.raw].map(|address| proxy(&authority.server, address));
    for dialect in [Dialect::Comet, Dialect::Dtalk] {
        assert_fan_and_echo(dialect, &route("tls", tcp, &authority.trust()));
        assert_fan_and_echo(dialect, &route("wss", ws, &authority.trust()));
    }
    assert_fan_and_echo(Dialect::Raw, &route("wss", raw, &authority.trust()));
}

#[test]
fn much_at_once_comes_whole_over_tls() {
    let config = Config::default()
        .limits(|it| it.max_body = 1 << 20)
        .delivery(|it| it.queue_bytes = 64 << 20)
        .memory(|it| it.write_bytes = 64 << 20);
    let (relay, authority) = (Relay::with(config, false), Authority::new("much"));
    let raw = proxy(&authority.server, relay.raw);
    let tuning = Tuning { unsent: 64 << 20, ..Tuning::default() };
    let mut party = Party::new(tuning);
    let alone = Identity::new("alone", []);
    let session = party.join(Dialect::Raw, alone, &route("wss", raw, &authority.trust()));
    party.until("open", |heard| heard[0].opened == 1);
    let bodies: Vec<Vec<u8>> = (1..=20).map(|number| vec![number; 500_000]).collect();
    for body in &bodies {
        party.say(session, &Destination::Rooms, body.clone());
    }
    party.until("all back", |heard| heard[0].bodies.len() == bodies.len());
    assert!(party.heard(session).bodies == bodies, "other bytes came back");
}

#[test]
fn a_stranger_is_not_spoken_to_unless_anybody_will_do() {
    let (relay, authority) = (Relay::start(false), Authority::new("known"));
    let stranger = Authority::new("stranger");
    let port = proxy(&authority.server, relay.tcp);
    let by_address = |trust: &Trust| Route::parse(&format!("tls://127.0.0.1:{port}"), trust);
    let mut party = Party::new(Tuning::default());
    let al = || Identity::new("al", []);
    party.join(Dialect::Dtalk, al(), &route("tls", port, &stranger.trust()));
    party.join(Dialect::Dtalk, al(), &by_address(&authority.trust()).expect("a way"));
    party.join(Dialect::Dtalk, al(), &by_address(&Trust::Anybody).expect("a way"));
    party.until("two are over and one is open", |heard| {
        heard[2].opened == 1 && heard[..2].iter().all(|heard| !heard.closed.is_empty())
    });
    assert_eq!(party.heard(0).closed, ["invalid peer certificate: UnknownIssuer"]);
    let name = &party.heard(1).closed[0];
    assert!(name.contains("not valid for name"), "{name}");
}
