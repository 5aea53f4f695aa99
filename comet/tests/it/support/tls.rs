//! An authority of the tests' own, certificates by it, and clients over rustls or tokio-rustls,
//! which share no code with the gateway but the library of the records.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, OnceLock};

use comet::tls::{Certificate, ClientAuth, Roots, Tls, TlsConfig};
use comet_testkit::clock::PATIENCE;
use comet_testkit::socket::Socket;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{
    self, ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use tokio_rustls::TlsConnector;

use super::streams::{bridged, runtime, tokio_socket};

/// The name that gateways have.
pub(crate) const NAME: &str = "gateway.test";

/// Both versions.
pub(crate) const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// An authority that certifies servers and clients.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
pub(crate) struct Pair {
    pub(crate) chain: String,
    pub(crate) key: String,
    pub(crate) der: (CertificateDer<'static>, PrivateKeyDer<'static>),
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority");
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Its own certificate, in PEM.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn certify(&self, names: &[&str]) -> Pair {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        self.certify_with(&CertificateParams::new(names).unwrap())
    }

    /// A client's, with names of all kinds.
    pub(crate) fn certify_client(&self, name: &str) -> Pair {
        let mut params = CertificateParams::new([format!("{name}.devices.test")]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let email = format!("{name}@example.test");
        params.subject_alt_names.push(SanType::Rfc822Name(email.as_str().try_into().unwrap()));
        self.certify_with(&params)
    }

    fn certify_with(&self, params: &CertificateParams) -> Pair {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Pair {
            chain: certificate.pem(),
            key: key.serialize_pem(),
            der: (certificate.der().clone(), private),
        }
    }

    pub(crate) fn roots(&self) -> Roots {
        Roots::from_pem(self.pem().as_bytes()).unwrap()
    }
}

impl Pair {
    pub(crate) fn certificate(&self) -> Certificate {
        Certificate::from_pem(self.chain.as_bytes(), self.key.as_bytes()).unwrap()
    }

    /// TLS with this certificate alone.
    pub(crate) fn tls(&self) -> Tls {
        Tls::new(TlsConfig::new(self.certificate())).unwrap()
    }

    pub(crate) fn tls_for(&self, client: ClientAuth) -> Tls {
        Tls::new(TlsConfig::new(self.certificate()).client(client)).unwrap()
    }
}

/// The authority of most tests.
pub(crate) fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(Authority::new)
}

/// TLS as [`NAME`].
pub(crate) fn tls() -> &'static Tls {
    static TLS: OnceLock<Tls> = OnceLock::new();
    TLS.get_or_init(|| authority().certify(&[NAME]).tls())
}

/// A client that trusts the authority, in these versions, with or without a certificate.
pub(crate) fn client(
    authority: &Authority,
    versions: &[&'static SupportedProtocolVersion],
    pair: Option<Pair>,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(authority.0.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    match pair {
        Some(Pair { der: (certificate, key), .. }) => {
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        }
        None => builder.with_no_client_auth(),
    }
}

/// A socket whose bytes go through TLS to the gateway.
pub(crate) fn secured(address: SocketAddr) -> Socket {
    let theirs = TcpStream::connect_timeout(&address, PATIENCE).expect("connect");
    secured_over(theirs)
}

/// The same, over a connection that is there.
pub(crate) fn secured_over(theirs: TcpStream) -> Socket {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| Arc::new(client(authority(), &VERSIONS, None)));
    secured_by(config, theirs)
}

/// The same, by a client of another configuration.
pub(crate) fn secured_by(config: &Arc<ClientConfig>, theirs: TcpStream) -> Socket {
    let connector = TlsConnector::from(Arc::clone(config));
    let name = ServerName::try_from(NAME).unwrap();
    let theirs = tokio_socket(theirs);
    let stream = runtime().block_on(connector.connect(name, theirs));
    bridged(stream.expect("a handshake"))
}

/// A blocking connection by rustls, on which the client sees what TLS says.
pub(crate) struct Blocking(pub(crate) StreamOwned<ClientConnection, TcpStream>);

impl Blocking {
    /// Connects, and completes the handshake on the side of the client.
    ///
    /// # Errors
    ///
    /// Those of rustls, in an [`ErrorKind::InvalidData`], and of the system.
    pub(crate) fn connect(
        address: SocketAddr,
        config: &Arc<ClientConfig>,
        name: &str,
    ) -> std::io::Result<Self> {
        let socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connection = ClientConnection::new(Arc::clone(config), name).unwrap();
        let mut stream = StreamOwned::new(connection, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self(stream))
    }

    /// The certificate that the gateway has shown.
    pub(crate) fn server_certificate(&self) -> Vec<u8> {
        self.0.conn.peer_certificates().unwrap()[0].to_vec()
    }

    /// Writes bytes and reads so many.
    pub(crate) fn ask(&mut self, bytes: &[u8], count: usize) -> Vec<u8> {
        self.0.write_all(bytes).expect("write");
        self.0.flush().expect("flush");
        let mut answer = vec![0; count];
        self.0.read_exact(&mut answer).expect("read");
        answer
    }

    /// How the connection ends: at a close_notify, or without one.
    pub(crate) fn ends_cleanly(&mut self) -> bool {
        match self.0.read_to_end(&mut Vec::new()) {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{error}");
                false
            }
        }
    }
}
