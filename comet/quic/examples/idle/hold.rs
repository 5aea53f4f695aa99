//! The clients: so many sessions of the dtalk dialect over one socket, opened a few at a time.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use quinn_proto::crypto::rustls::QuicClientConfig;
use quinn_proto::{ClientConfig, Dir, Event, StreamEvent, TransportConfig};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::endpoint::{Loop, now};
use crate::say;

/// Handshakes under way at once.
const AT_ONCE: usize = 32;

pub(crate) fn run(address: &str, certificate: &str, count: &str) {
    let address = address.parse().expect("an address");
    let count: usize = count.parse().expect("a number");
    let config = client(certificate);
    let mut endpoint = Loop::new("127.0.0.1:0".parse().expect("an address"), None);
    let (mut begun, mut open, mut lost) = (0, 0, 0);
    let mut was_said = false;
    loop {
        while begun < count && begun < open + lost + AT_ONCE {
            let at = now();
            let connecting = endpoint.endpoint.connect(at, config.clone(), address, "localhost");
            let (handle, quic) = connecting.expect("a connection");
            endpoint.add(handle, quic, at);
            begun += 1;
        }
        endpoint.turn(&mut |number, quic, event| match event {
            Event::Connected => {
                let id = quic.streams().open(Dir::Bi).expect("a stream");
                let _ = quic.send_stream(id).write(&auth(number));
            }
            Event::Stream(StreamEvent::Readable { id }) => {
                if let Ok(mut chunks) = quic.recv_stream(id).read(true) {
                    open += usize::from(matches!(chunks.next(usize::MAX), Ok(Some(_))));
                    let _ = chunks.finalize();
                }
            }
            Event::ConnectionLost { reason } => {
                lost += 1;
                say(&format!("lost {number}: {reason}"));
            }
            _ => {}
        });
        if open + lost >= count && !was_said {
            was_said = true;
            say(&format!("holding {open} lost {lost}"));
        }
    }
}

/// The auth packet of a user of this number.
fn auth(number: usize) -> Vec<u8> {
    let user = format!("user-{number}");
    let mut body = vec![0x0a, 5];
    body.extend(b"dtalk");
    body.extend([0x12, u8::try_from(user.len()).expect("a short name")]);
    body.extend(user.bytes());
    let len = u32::try_from(20 + body.len()).expect("a short body");
    let mut packet = len.to_be_bytes().to_vec();
    packet.extend([0, 20, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]);
    packet.extend(body);
    packet
}

fn client(certificate: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(Path::new(certificate)).expect("a certificate");
    roots.add(certificate).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"comet".to_vec()];
    let crypto = QuicClientConfig::try_from(Arc::new(tls)).expect("a suite of QUIC");
    let mut config = ClientConfig::new(Arc::new(crypto));
    let mut transport = TransportConfig::default();
    let idle = Duration::from_secs(300).try_into().expect("a timeout");
    transport.max_idle_timeout(Some(idle)).mtu_discovery_config(None);
    config.transport_config(Arc::new(transport));
    config
}
