//! Strangers on the UDP port: QUIC by quinn, and WebTransport by hand on top of it.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use comet_testkit::frame::{HEAD_LEN, frame};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, TransportConfig, VarInt};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::arena::{Arena, person};
use crate::attack::Attack;
use crate::line::STRANGER;
use crate::login::{self, PATIENCE};

/// Length of a flood.
const FLOOD: Duration = Duration::from_secs(2);
/// Connections of a flood.
const CROWD: usize = 4;
/// Time in which a client beside a flood gets its session.
const LET_IN: Duration = Duration::from_secs(3);
/// Application protocols.
const COMET: &[u8] = b"comet";
const HTTP3: &[u8] = b"h3";

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("quic-initial-flood", "first datagrams for two seconds, never answered", initials)
        .quick(),
    Attack::new(
        "quic-garbage",
        "datagrams of noise and of unknown versions for two seconds",
        noise,
    ),
    Attack::new("quic-handshake-flood", "handshakes for two seconds, each left", |arena| {
        let strangers = Strangers::new(arena);
        let done = strangers.flood(arena, |strangers| async move {
            let connection = strangers.connect(COMET).await?;
            connection.close(VarInt::from_u32(0), b"");
            Some(())
        });
        arena.at_least("handshakes", done, 50);
    }),
    Attack::new(
        "quic-stream-flood",
        "4 sessions open and reset other streams for two seconds",
        |arena| streams(arena, COMET),
    )
    .quick(),
    Attack::new(
        "quic-datagram-flood",
        "4 sessions send datagrams of 1,000 bytes for two seconds",
        |arena| datagrams(arena, COMET),
    ),
    Attack::new("webtransport-stream-flood", "the same streams over WebTransport", |arena| {
        streams(arena, HTTP3);
    }),
    Attack::new("webtransport-datagram-flood", "the same datagrams over WebTransport", |arena| {
        datagrams(arena, HTTP3);
    })
    .quick(),
    Attack::new("quic-moves-without-end", "4 sessions move 100 times a second", moves),
    Attack::new(
        "quic-sends-and-never-reads",
        "4 sessions send heartbeats for two seconds and read no answer",
        never_reads,
    ),
];

/// Clients at the attackers' address, which know the server's certificate.
#[derive(Clone)]
struct Strangers {
    server: SocketAddr,
    roots: Arc<RootCertStore>,
    /// Bytes of answers that are taken.
    window: u32,
}

/// A connection with a session, whose stream is open.
struct Session {
    endpoint: Endpoint,
    connection: Connection,
    stream: (SendStream, RecvStream),
    /// Streams of HTTP/3 that must stay open.
    _http: Vec<SendStream>,
}

impl Strangers {
    fn new(arena: &Arena) -> Self {
        let server = arena.server.addresses.quic.expect("a QUIC port");
        let certificate = arena.server.data_dir().join("development.cert.pem");
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_file(certificate).expect("a certificate");
        roots.add(certificate).expect("a certificate");
        Self { server, roots: Arc::new(roots), window: 1 << 20 }
    }

    fn config(&self, protocol: &[u8]) -> ClientConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("a version")
            .with_root_certificates(Arc::clone(&self.roots))
            .with_no_client_auth();
        tls.alpn_protocols = vec![protocol.to_vec()];
        let tls = QuicClientConfig::try_from(tls).expect("a cipher suite of first packets");
        let mut config = ClientConfig::new(Arc::new(tls));
        let mut transport = TransportConfig::default();
        transport.receive_window(self.window.into()).stream_receive_window(self.window.into());
        config.transport_config(Arc::new(transport));
        config
    }

    async fn connect(&self, protocol: &[u8]) -> Option<Connection> {
        Some(self.connect_from(protocol).await?.1)
    }

    async fn connect_from(&self, protocol: &[u8]) -> Option<(Endpoint, Connection)> {
        let endpoint = Endpoint::client((STRANGER, 0).into()).ok()?;
        let config = self.config(protocol);
        let connecting = endpoint.connect_with(config, self.server, "localhost").ok()?;
        let connection = timeout(PATIENCE, connecting).await.ok()?.ok()?;
        Some((endpoint, connection))
    }

    /// A session of a user with this name.
    async fn session(&self, protocol: &[u8], name: &str) -> Option<Session> {
        let (endpoint, connection) = self.connect_from(protocol).await?;
        let mut http = Vec::new();
        if protocol == HTTP3 {
            // A control stream with empty settings.
            let mut control = connection.open_uni().await.ok()?;
            control.write_all(&[0, 4, 0]).await.ok()?;
            let (mut request, mut answer) = connection.open_bi().await.ok()?;
            request.write_all(&connect_request()).await.ok()?;
            let mut head = [0; 2];
            timeout(PATIENCE, answer.read_exact(&mut head)).await.ok()?.ok()?;
            http = vec![control, request];
        }
        let (mut send, mut receive) = connection.open_bi().await.ok()?;
        if protocol == HTTP3 {
            // A stream of the session that was asked for on stream 0.
            send.write_all(&[0x40, 0x41, 0]).await.ok()?;
        }
        send.write_all(&login::frame_of(&person(name), None)).await.ok()?;
        let mut answer = [0; HEAD_LEN];
        timeout(PATIENCE, receive.read_exact(&mut answer)).await.ok()?.ok()?;
        Some(Session { endpoint, connection, stream: (send, receive), _http: http })
    }

    /// Has as many tasks as there are in a crowd do something again and again; how often it was
    /// done. Somebody else comes in meanwhile.
    fn flood<F: Future<Output = Option<()>> + Send + 'static>(
        &self,
        arena: &mut Arena,
        act: impl Fn(Self) -> F + Clone + Send + Sync + 'static,
    ) -> usize {
        let done = Arc::new(AtomicUsize::new(0));
        let let_in = runtime().block_on(async {
            let mut crowd = JoinSet::new();
            for _ in 0..CROWD {
                let (strangers, act, done) = (self.clone(), act.clone(), Arc::clone(&done));
                crowd.spawn(async move {
                    loop {
                        match act(strangers.clone()).await {
                            Some(()) => drop(done.fetch_add(1, Ordering::Relaxed)),
                            // Refused: it comes again, and does not spin.
                            None => pass(Duration::from_millis(1)).await,
                        }
                    }
                });
            }
            let began = Instant::now();
            let session = self.session(COMET, "somebody").await.map(|_| began.elapsed());
            pass(FLOOD.saturating_sub(began.elapsed())).await;
            session
        });
        arena.within("another client gets its session", let_in, LET_IN);
        done.load(Ordering::Relaxed)
    }
}

/// Lets time pass, for a flood.
async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().expect("a runtime")
}

/// A HEADERS frame that asks for WebTransport at `/sub`: literal fields, nothing compressed
/// (RFC 9204).
fn connect_request() -> Vec<u8> {
    let fields = [
        (":method", "CONNECT"),
        (":scheme", "https"),
        (":protocol", "webtransport"),
        (":authority", "localhost"),
        (":path", "/sub"),
        ("origin", "https://localhost"),
    ];
    let mut section = vec![0, 0];
    for (name, value) in fields {
        // A name's length begins in three bits of the first byte.
        match name.len() {
            len @ 0..7 => section.push(0x20 | len as u8),
            len => section.extend([0x27, len as u8 - 7]),
        }
        section.extend(name.bytes());
        section.push(value.len() as u8);
        section.extend(value.bytes());
    }
    [&[1], &(0x4000 | section.len() as u16).to_be_bytes()[..], &section].concat()
}

/// Clients that begin a handshake and do not hear what is answered. What comes back is at most
/// three times what was sent (RFC 9000 section 8.1).
fn initials(arena: &mut Arena) {
    let strangers = Strangers::new(arena);
    let socket = UdpSocket::bind((STRANGER, 0)).expect("a port");
    socket.set_nonblocking(true).expect("a socket");
    let config = strangers.config(COMET);
    let endpoint = Arc::new(quinn_proto::EndpointConfig::default());
    let mut endpoint = quinn_proto::Endpoint::new(endpoint, None, true, None);
    let (mut sent, mut answered) = (0, 0);
    let began = Instant::now();
    let mut buffer = Vec::new();
    let hear = |answered: &mut usize| {
        let mut space = [0; 2_000];
        while let Ok(len) = socket.recv(&mut space) {
            *answered += len;
        }
    };
    while began.elapsed() < FLOOD {
        buffer.clear();
        let now = Instant::now();
        let begun = endpoint.connect(now, config.clone(), strangers.server, "localhost");
        let (_, mut connection) = begun.expect("a connection");
        if let Some(transmit) = connection.poll_transmit(now, 1, &mut buffer) {
            sent += socket.send_to(&buffer[..transmit.size], strangers.server).unwrap_or(0);
        }
        hear(&mut answered);
    }
    let let_in = runtime().block_on(async {
        let began = Instant::now();
        strangers.session(COMET, "somebody").await.map(|_| began.elapsed())
    });
    arena.within("another client gets its session", let_in, LET_IN);
    hear(&mut answered);
    arena.at_least("bytes sent", sent, 100 * 1_200);
    arena.at_most("bytes answered to each that was sent", answered.div_ceil(sent), 3);
}

/// Datagrams that are no packets of ours, some of which ask for another version.
fn noise(arena: &mut Arena) {
    let strangers = Strangers::new(arena);
    let socket = UdpSocket::bind((STRANGER, 0)).expect("a port");
    socket.set_nonblocking(true).expect("a socket");
    let (mut sent, mut answered) = (0, 0);
    let began = Instant::now();
    let mut seed = 7u64;
    while began.elapsed() < FLOOD {
        for len in (20..1_400).step_by(60) {
            let mut bytes: Vec<u8> = (0..len)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
                    (seed >> 56) as u8
                })
                .collect();
            if len % 120 == 20 {
                // A long header with ids of 8 bytes.
                bytes[0] = 0xc0;
                bytes[5] = 8;
            }
            sent += socket.send_to(&bytes, strangers.server).unwrap_or(0);
        }
        let mut space = [0; 2_000];
        while let Ok(len) = socket.recv(&mut space) {
            answered += len;
        }
        crate::line::pass(Duration::from_millis(1));
    }
    let let_in = runtime().block_on(async {
        let began = Instant::now();
        strangers.session(COMET, "somebody").await.map(|_| began.elapsed())
    });
    arena.within("another client gets its session", let_in, LET_IN);
    arena.at_least("bytes sent", sent, 100_000);
    arena.at_most("bytes answered to each that was sent", answered.div_ceil(sent), 1);
}

/// Has each session of a crowd do something for the length of a flood, or until it is ended; how
/// often it was done.
fn sessions<F: Future<Output = Option<()>> + Send>(
    arena: &mut Arena,
    strangers: &Strangers,
    protocol: &'static [u8],
    act: impl Fn(Arc<Session>) -> F + Clone + Send + Sync + 'static,
) -> usize {
    let done = Arc::new(AtomicUsize::new(0));
    let signed_in = runtime().block_on(async {
        let mut crowd = JoinSet::new();
        let mut signed_in = 0;
        for number in 0..CROWD {
            let name = format!("stranger {number}");
            let Some(session) = strangers.session(protocol, &name).await else { continue };
            signed_in += 1;
            let (session, act, done) = (Arc::new(session), act.clone(), Arc::clone(&done));
            crowd.spawn(async move {
                while act(Arc::clone(&session)).await.is_some() {
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        pass(FLOOD).await;
        signed_in
    });
    arena.is("signed in", signed_in, CROWD);
    done.load(Ordering::Relaxed)
}

fn streams(arena: &mut Arena, protocol: &'static [u8]) {
    let strangers = Strangers::new(arena);
    let done = sessions(arena, &strangers, protocol, move |session| async move {
        // Over WebTransport the request and the session are as many as there may be.
        if protocol == COMET {
            let (mut send, mut receive) = session.connection.open_bi().await.ok()?;
            // It may be refused before all is written.
            let _ = send.write_all(b"another").await;
            let _ = send.reset(VarInt::from_u32(7));
            let _ = receive.stop(VarInt::from_u32(7));
        }
        let mut one_way = session.connection.open_uni().await.ok()?;
        let _ = one_way.write_all(&[0x21, 7, 7]).await;
        let _ = one_way.reset(VarInt::from_u32(7));
        Some(())
    });
    arena.at_least("times", done, 50);
}

fn datagrams(arena: &mut Arena, protocol: &'static [u8]) {
    let strangers = Strangers::new(arena);
    let done = sessions(arena, &strangers, protocol, |session| async move {
        session.connection.send_datagram_wait(vec![0; 1_000].into()).await.ok()
    });
    arena.at_least("datagrams sent", done, 1_000);
}

fn moves(arena: &mut Arena) {
    let strangers = Strangers::new(arena);
    let moved = sessions(arena, &strangers, COMET, |session| async move {
        let socket = UdpSocket::bind((STRANGER, 0)).ok()?;
        session.endpoint.rebind(socket).ok()?;
        session.connection.send_datagram(vec![0].into()).ok()?;
        pass(Duration::from_millis(10)).await;
        Some(())
    });
    arena.at_least("moves", moved, 100);
}

/// Heartbeats, each of which is answered.
fn never_reads(arena: &mut Arena) {
    let strangers = Strangers { window: 2_000, ..Strangers::new(arena) };
    let beats = frame(comet_testkit::frame::HEARTBEAT, 1, b"").encode().repeat(500);
    let written = Arc::new(AtomicUsize::new(0));
    let signed_in = runtime().block_on(async {
        let mut crowd = JoinSet::new();
        for number in 0..CROWD {
            let name = format!("stranger {number}");
            let Some(mut session) = strangers.session(COMET, &name).await else { continue };
            let (beats, written) = (beats.clone(), Arc::clone(&written));
            crowd.spawn(async move {
                while session.stream.0.write_all(&beats).await.is_ok() {
                    written.fetch_add(beats.len(), Ordering::Relaxed);
                }
            });
        }
        pass(FLOOD).await;
        crowd.len()
    });
    arena.is("signed in", signed_in, CROWD);
    let written = written.load(Ordering::Relaxed) / CROWD;
    // What is on its way, in the pipes and queues; then it is read no more.
    arena.at_most("KiB taken from each", written / 1_024, 4 * 1_024);
}
