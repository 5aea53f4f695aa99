//! TLS under the blocking clients of the test kit, by rustls, and QUIC by quinn.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use comet_testkit::clock::PATIENCE;
use comet_testkit::socket::{Socket, pair};
use quinn::Endpoint;
use quinn::crypto::rustls::QuicClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// What a client trusts, the name that it asks for, and its application protocol, if it names one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) trusted: &'a [CertificateDer<'static>],
    pub(super) name: &'static str,
    pub(super) protocol: Option<&'a str>,
}

impl Asked<'_> {
    fn config(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.trusted.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().expect("versions");
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = self.protocol.iter().map(|it| it.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    /// Connects by TLS; the certificate that was shown, too.
    pub(super) fn connect(&self, address: SocketAddr) -> (Socket, CertificateDer<'static>) {
        self.try_connect(address).expect("a connection")
    }

    /// The same, where the server may refuse or show a certificate that is not trusted.
    pub(super) fn try_connect(
        &self,
        address: SocketAddr,
    ) -> std::io::Result<(Socket, CertificateDer<'static>)> {
        let connector = TlsConnector::from(self.config());
        let name = ServerName::try_from(self.name).expect("a name");
        let connecting = async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            connector.connect(name, stream).await
        };
        let within = async { timeout(PATIENCE, connecting).await.expect("in time") };
        let mut stream = runtime().block_on(within)?;
        let shown = stream.get_ref().1.peer_certificates().expect("a certificate")[0].clone();
        let (inner, outer) = pair();
        inner.set_nonblocking(true)?;
        inner.set_nodelay(true)?;
        let _context = runtime().enter();
        let mut inner = TcpStream::from_std(inner)?;
        runtime().spawn(async move {
            // An error is an end like any other for the client.
            let _ = copy_bidirectional(&mut stream, &mut inner).await;
        });
        Ok((Socket::over(outer), shown.into_owned()))
    }

    /// Connects by QUIC, and returns the certificate that was shown.
    pub(super) fn quic(&self, address: SocketAddr) -> Option<CertificateDer<'static>> {
        let config = QuicClientConfig::try_from(self.config()).expect("a cipher suite");
        let config = quinn::ClientConfig::new(Arc::new(config));
        let _context = runtime().enter();
        let endpoint = Endpoint::client("127.0.0.1:0".parse().expect("an address"));
        let connecting = endpoint.expect("a socket").connect_with(config, address, self.name);
        let connecting = connecting.expect("a configuration");
        let within = async { timeout(PATIENCE, connecting).await.expect("in time") };
        let connection = runtime().block_on(within).ok()?;
        let identity = connection.peer_identity().expect("an identity");
        let chain = identity.downcast::<Vec<CertificateDer<'static>>>().expect("certificates");
        chain.first().cloned()
    }
}

/// The runtime of all clients of this process.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build().expect("a runtime")
    })
}
