//! The relay on a UDP port; what is spoken there is tested in the crate of the listener.

use std::net::{SocketAddr, UdpSocket};
use std::process::Command;

use comet_testkit::clock::PATIENCE;
use comet_testkit::ports::ANYWHERE;
use comet_testkit::program::{Listening, Signal};

use crate::example::Example;

/// A first datagram of a version that nobody speaks (RFC 9000, sections 6.1 and 15).
fn unknown_version() -> Vec<u8> {
    let mut datagram = vec![0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8];
    datagram.extend([1; 8]);
    datagram.push(8);
    datagram.extend([2; 8]);
    datagram.resize(1_200, 0);
    datagram
}

fn answer(address: SocketAddr) -> Vec<u8> {
    let socket = UdpSocket::bind(ANYWHERE).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.send_to(&unknown_version(), address).unwrap();
    let mut answer = [0; 1_500];
    let len = socket.recv(&mut answer).unwrap();
    answer[..len].to_vec()
}

#[test]
fn it_listens_for_quic_with_a_certificate() {
    let folder = std::env::temp_dir().join(format!("relay-quic-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let key = rcgen::generate_simple_self_signed(["relay.test".to_owned()]).unwrap();
    let paths = [("cert.pem", key.cert.pem()), ("key.pem", key.signing_key.serialize_pem())];
    let [cert, key] = paths.map(|(name, text)| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    });
    let relay = || Command::new(env!("CARGO_BIN_EXE_relay"));
    let mut command = relay();
    command.args(["--tcp", ANYWHERE, "--quic", ANYWHERE, "--cert"]).arg(&cert);
    let refused = command.output().unwrap();
    assert!(!refused.status.success());
    let errors = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(errors.contains("--key"), "{errors}");

    let relay = Example::start(command.arg("--key").arg(&key));
    let quic = Listening(relay.line.clone()).at("quic");
    assert!(relay.line.ends_with(&format!(" quic={quic}")), "{}", relay.line);
    let answer = answer(quic);
    assert_eq!(answer[1..5], [0; 4], "version negotiation");
    assert_eq!(answer[6..14], [2; 8], "our connection id");
    assert!(answer[23..].chunks(4).any(|version| version == [0, 0, 0, 1]), "QUIC version 1");
    relay.signal(Signal::TERM);
    assert!(relay.ended().success());
    std::fs::remove_dir_all(&folder).unwrap();
}
