//! Clients by quinn, under the blocking clients of the test kit.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, OnceLock};

use comet_testkit::client::{Client, Transport};
use comet_testkit::clock::PATIENCE;
use comet_testkit::socket::{Socket, pair};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, ConnectionError, Endpoint, RecvStream, SendStream, TransportConfig};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::io::copy_bidirectional;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::gateway::{NAME, certificate};

/// A QUIC connection of a client.
pub(crate) struct Peer {
    pub(crate) endpoint: Endpoint,
    pub(crate) connection: quinn::Connection,
}

/// The runtime of all clients of this process.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(new_runtime)
}

pub(crate) fn new_runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().expect("a runtime")
}

/// TLS that trusts the server, with this application protocol.
pub(crate) fn rustls_config(protocol: &[u8]) -> rustls::ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate().0.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    config
}

fn client_config(protocol: &[u8], transport: TransportConfig) -> ClientConfig {
    let crypto = QuicClientConfig::try_from(rustls_config(protocol)).unwrap();
    let mut config = ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport));
    config
}

impl Peer {
    /// A connection, which must be had.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address, b"comet").expect("a connection")
    }

    pub(crate) fn try_connect(
        address: SocketAddr,
        protocol: &[u8],
    ) -> Result<Self, ConnectionError> {
        runtime().block_on(Self::connecting(address, protocol))
    }

    /// A connection of a client that keeps so many bytes of a stream that it does not read.
    pub(crate) fn connect_with_window(address: SocketAddr, window: u32) -> Self {
        let mut transport = TransportConfig::default();
        transport.stream_receive_window(window.into());
        runtime().block_on(Self::connecting_as(address, b"comet", transport)).expect("a connection")
    }

    /// A connection of a client that grants the server so many streams.
    pub(crate) fn connect_with_streams(address: SocketAddr, streams: u32) -> Self {
        let mut transport = TransportConfig::default();
        transport.max_concurrent_uni_streams(streams.into());
        runtime().block_on(Self::connecting_as(address, b"comet", transport)).expect("a connection")
    }

    /// The same on a runtime of the test's.
    pub(crate) async fn connecting(
        address: SocketAddr,
        protocol: &[u8],
    ) -> Result<Self, ConnectionError> {
        Self::connecting_as(address, protocol, TransportConfig::default()).await
    }

    async fn connecting_as(
        address: SocketAddr,
        protocol: &[u8],
        transport: TransportConfig,
    ) -> Result<Self, ConnectionError> {
        let endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        let config = client_config(protocol, transport);
        let connecting = endpoint.connect_with(config, address, NAME).unwrap();
        let connection = timeout(PATIENCE, connecting).await.expect("an answer")?;
        Ok(Self { endpoint, connection })
    }

    /// Opens a stream for a session of the dtalk dialect, and signs in.
    pub(crate) fn sign_in(&self, user: &str, rooms: &str) -> Client {
        let mut client = Client::over(Transport::Tcp, self.socket());
        client.sign_in(user, rooms);
        client
    }

    /// A new stream under a socket.
    pub(crate) fn socket(&self) -> Socket {
        let (send, receive) = self.open();
        bridged(runtime(), send, receive)
    }

    pub(crate) fn open(&self) -> (SendStream, RecvStream) {
        let opened =
            runtime().block_on(async { timeout(PATIENCE, self.connection.open_bi()).await });
        opened.expect("in time").expect("a stream")
    }

    /// Moves to another UDP port, as after a change of network.
    pub(crate) fn rebind(&self) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let _context = runtime().enter();
        self.endpoint.rebind(socket).unwrap();
        address
    }

    /// How the connection ended.
    pub(crate) fn ended(&self) -> ConnectionError {
        let closed = self.connection.closed();
        runtime().block_on(async { timeout(PATIENCE, closed).await }).expect("an end")
    }

    /// The code and the reason with which the server closed the connection.
    pub(crate) fn closed(&self) -> (u64, String) {
        match self.ended() {
            ConnectionError::ApplicationClosed(close) => {
                let reason = String::from_utf8(close.reason.to_vec()).unwrap();
                (close.error_code.into_inner(), reason)
            }
            other => panic!("closed by the server, not: {other:?}"),
        }
    }
}

/// A socket whose bytes go over a stream.
pub(crate) fn bridged(runtime: &Runtime, send: SendStream, receive: RecvStream) -> Socket {
    let (inner, outer) = pair();
    inner.set_nonblocking(true).unwrap();
    inner.set_nodelay(true).unwrap();
    let _context = runtime.enter();
    let mut inner = tokio::net::TcpStream::from_std(inner).unwrap();
    runtime.spawn(async move {
        let mut stream = tokio::io::join(receive, send);
        // An error is an end like any other for the client.
        let _ = copy_bidirectional(&mut stream, &mut inner).await;
    });
    Socket::over(outer)
}
