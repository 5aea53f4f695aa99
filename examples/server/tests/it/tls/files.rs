//! Sessions over TLS, seen by Python's `ssl`, and certificates that change while they go on.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use comet_server_testkit::server::{Server, Setup};
use comet_testkit::clock;

/// An upgrade, and a first packet over TCP, on one port; then what certificate it is.
const VISIT: &str = r#"
import hashlib, socket, ssl, struct, sys

context = ssl.create_default_context(cafile=sys.argv[1])

def connect():
    plain = socket.create_connection(("127.0.0.1", int(sys.argv[2])), timeout=20)
    return context.wrap_socket(plain, server_hostname="localhost")

web = connect()
web.sendall(b"GET /sub HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
assert web.recv(12) == b"HTTP/1.1 101"

tcp = connect()
# A heartbeat before the auth frame: it is answered by nothing but the end.
tcp.sendall(struct.pack(">IHHIII", 20, 20, 1, 3, 1, 0))
while tcp.recv(100):
    pass
print(hashlib.sha256(tcp.getpeercert(True)).hexdigest())
"#;

fn visit(server: &Server, certificate: &Path) -> Output {
    let mut python = Command::new("timeout");
    python.args(["60", "python3", "-c", VISIT]).arg(certificate);
    python.arg(server.addresses.tls.port().to_string()).output().expect("python3")
}

/// The SHA-256 of the certificate that a visit is shown.
fn shown(server: &Server, certificate: &Path) -> Option<String> {
    let output = visit(server, certificate);
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Makes a certificate for localhost.
fn make(cert: &Path, key: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-days", "13", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-keyout"])
        .args([key.as_os_str(), "-out".as_ref(), cert.as_os_str()])
        .output()
        .expect("openssl");
    assert!(made.status.success(), "{made:?}");
}

#[test]
fn without_certificates_there_is_one_for_development_which_stays() {
    let mut server = Server::start();
    let certificate = server.data_dir().join("development.cert.pem");
    let output = visit(&server, &certificate);
    assert!(output.status.success(), "{output:?}");
    let first = shown(&server, &certificate);
    server.stop();
    server.restart();
    assert_eq!(shown(&server, &certificate), first, "after a restart");
}

#[test]
fn a_certificate_that_is_renewed_is_shown_and_one_that_is_broken_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    make(&cert, &key);
    let paths = [&cert, &key].map(|path| path.to_str().unwrap().to_owned());
    let setup = Setup::default().set(&format!("tls.cert={}", paths[0]));
    let setup = setup.set(&format!("tls.key={}", paths[1])).set("tls.check_seconds=1");
    let server = setup.start();
    let trusted = folder.path().join("trusted.pem");
    fs::copy(&cert, &trusted).unwrap();
    let first = shown(&server, &trusted).expect("the first");

    fs::write(&cert, "no certificate").unwrap();
    clock::eventually("it is said", || server.process.errors().contains("the old ones stay"));
    assert_eq!(shown(&server, &trusted).as_ref(), Some(&first));

    make(&cert, &key);
    fs::copy(&cert, &trusted).unwrap();
    clock::eventually("the new one is shown", || shown(&server, &trusted).is_some());
    assert_ne!(shown(&server, &trusted), Some(first));
}

#[test]
fn a_certificate_that_cannot_be_used_is_named() {
    let setup = Setup::default().set("tls.cert=no-such.pem").set("tls.key=no-such.key");
    let (status, said) = setup.fails();
    assert!(!status.success());
    assert!(said.contains("cannot read no-such.pem"), "{said}");
}
