//! A server that is a QUIC loop and nothing else: it echoes the first stream of each connection.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use quinn_proto::crypto::rustls::QuicServerConfig;
use quinn_proto::{Connection, Dir, Event, ServerConfig, StreamEvent, StreamId, TransportConfig};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::endpoint::Loop;
use crate::say;

pub(crate) fn run(address: &str, certificate: &str, key: &str) {
    let at = address.parse().expect("an address");
    let mut endpoint = Loop::new(at, Some(server(certificate, key)));
    say(&format!("listening quic={address}"));
    loop {
        endpoint.turn(&mut |_, quic, event| match event {
            Event::Stream(StreamEvent::Opened { dir: Dir::Bi }) => {
                while let Some(id) = quic.streams().accept(Dir::Bi) {
                    echo(quic, id);
                }
            }
            Event::Stream(StreamEvent::Readable { id }) => echo(quic, id),
            _ => {}
        });
    }
}

fn echo(quic: &mut Connection, id: StreamId) {
    let mut read = Vec::new();
    let mut stream = quic.recv_stream(id);
    if let Ok(mut chunks) = stream.read(true) {
        while let Ok(Some(chunk)) = chunks.next(usize::MAX) {
            read.extend_from_slice(&chunk.bytes);
        }
        let _ = chunks.finalize();
    }
    let _ = quic.send_stream(id).write(&read);
}

/// Settings like those of a listener with its defaults.
fn server(certificate: &str, key: &str) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_file_iter(Path::new(certificate)).expect("a certificate");
    let chain = chain.collect::<Result<Vec<_>, _>>().expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(Path::new(key)).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a certificate and its key");
    tls.alpn_protocols = vec![b"comet".to_vec()];
    tls.send_tls13_tickets = 0;
    let crypto = QuicServerConfig::try_from(Arc::new(tls)).expect("a suite of QUIC");
    let mut transport = TransportConfig::default();
    transport
        .max_idle_timeout(Some(Duration::from_secs(60).try_into().expect("a timeout")))
        .keep_alive_interval(Some(Duration::from_secs(25)))
        .max_concurrent_bidi_streams(2u32.into())
        .max_concurrent_uni_streams(4u32.into())
        .stream_receive_window(32_768u32.into())
        .receive_window(32_768u32.into())
        .send_window(65_536)
        .datagram_receive_buffer_size(Some(2_048));
    let mut server = ServerConfig::with_crypto(Arc::new(crypto));
    server.transport_config(Arc::new(transport));
    Arc::new(server)
}
