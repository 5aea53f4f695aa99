//! TLS of QUIC: certificates, and the application protocols.
//!
//! TLS 1.3 by rustls and ring. A client that comes back shows a ticket of TLS, by which both save
//! the certificate and its signature, and may send early data (RFC 9001 section 4.6). Each ticket
//! is good for one connection: the secrets of those that are out are kept here, as many as
//! [`Config::tickets`](crate::Config::tickets) says, so that a repeated first flight is no early
//! data a second time.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use quinn_proto::crypto::rustls::QuicServerConfig;
use ring::digest::{SHA256, digest};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{
    NoServerSessionStorage, ResolvesServerCert, ServerSessionMemoryCache, StoresServerSessions,
};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;

/// Application protocol of sessions.
pub(crate) const COMET: &[u8] = b"comet";

/// Application protocol of WebTransport.
pub(crate) const HTTP3: &[u8] = b"h3";

/// The certificates of a listener.
#[derive(Clone)]
pub struct Tls(Arc<dyn ResolvesServerCert>);

/// Error of loading a certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Error of the system.
        source: io::Error,
    },
    /// A file has no certificate, or no private key, in PEM.
    #[error("bad PEM: {0}")]
    Pem(pem::Error),
    /// The key is of an unknown kind, or not that of the certificate.
    #[error(transparent)]
    Key(#[from] rustls::Error),
}

impl Tls {
    /// Certificates that this chooses for each handshake: by the server name for instance, or the
    /// newest one where they are renewed.
    pub fn new(certificates: Arc<dyn ResolvesServerCert>) -> Self {
        Self(certificates)
    }

    /// One certificate with its chain, the leaf first, and its key, both in PEM.
    ///
    /// # Errors
    ///
    /// [`TlsError::Pem`] and [`TlsError::Key`].
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_slice_iter(certificates).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(TlsError::Pem)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::Pem)?;
        let certified = CertifiedKey::from_der(chain, key, &default_provider())?;
        Ok(Self(Arc::new(SingleCertAndKey::from(certified))))
    }

    /// The same, from files.
    ///
    /// # Errors
    ///
    /// [`TlsError`].
    pub fn from_files(certificates: &Path, key: &Path) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| TlsError::File { path: path.into(), source })
        };
        Self::from_pem(&read(certificates)?, &read(key)?)
    }

    /// What handshakes are made with; so many tickets may be out.
    pub(crate) fn server(
        &self,
        protocols: &[&[u8]],
        tickets: usize,
    ) -> Result<QuicServerConfig, TlsError> {
        let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&self.0));
        config.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
        let gives_tickets = tickets > 0;
        config.session_storage = match gives_tickets {
            true => ServerSessionMemoryCache::new(tickets) as Arc<dyn StoresServerSessions>,
            false => Arc::new(NoServerSessionStorage {}),
        };
        config.send_tls13_tickets = usize::from(gives_tickets);
        // The only other value that QUIC has (RFC 9001 section 4.6.1): streams bound their bytes.
        config.max_early_data_size = if gives_tickets { u32::MAX } else { 0 };
        let config = QuicServerConfig::try_from(Arc::new(config));
        // The provider has the cipher suite of first packets.
        config.map_err(|error| TlsError::Key(rustls::Error::General(error.to_string())))
    }
}

/// SHA-256 of the first certificate in PEM: by it a page knows a server whose certificate browsers
/// do not (`serverCertificateHashes` of WebTransport).
///
/// # Errors
///
/// [`TlsError::Pem`].
pub fn fingerprint(certificates: &[u8]) -> Result<[u8; 32], TlsError> {
    let certificate = CertificateDer::from_pem_slice(certificates).map_err(TlsError::Pem)?;
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, &certificate).as_ref());
    Ok(hash)
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}
