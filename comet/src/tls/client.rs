//! Certificates of clients: whether they are asked for one, by which roots it is verified, and what
//! the router is shown of it.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::TlsError;
use super::certificate::{certificates, read};
use super::der::Names;

/// Whether clients are asked for a certificate.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ClientAuth {
    /// They are not.
    #[default]
    None,
    /// They are, and may have none. One that these roots do not verify ends the handshake.
    Optional(Roots),
    /// They are, and a handshake without one that these roots verify fails.
    Required(Roots),
}

/// Certificates of authorities that certify clients.
#[derive(Clone, Debug)]
pub struct Roots(Arc<Vec<CertificateDer<'static>>>);

impl Roots {
    /// Reads them from a PEM text. At least one.
    ///
    /// # Errors
    ///
    /// [`TlsError`]: there is none, or one cannot be read.
    pub fn from_pem(text: &[u8]) -> Result<Self, TlsError> {
        let roots = Self(Arc::new(certificates(text)?));
        roots.store()?;
        Ok(roots)
    }

    /// Reads them from a file in PEM.
    ///
    /// # Errors
    ///
    /// [`TlsError`], with the file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, TlsError> {
        let path = path.as_ref();
        Self::from_pem(&read(path)?).map_err(|error| error.of(path))
    }

    fn store(&self) -> Result<RootCertStore, TlsError> {
        let mut store = RootCertStore::empty();
        for root in &*self.0 {
            store.add(root.clone()).map_err(|error| TlsError::Roots(error.to_string()))?;
        }
        Ok(store)
    }
}

impl ClientAuth {
    /// Whether clients are verified by the same rules.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, Self::None) => true,
            (Self::Optional(one), Self::Optional(other))
            | (Self::Required(one), Self::Required(other)) => one.0 == other.0,
            _ => false,
        }
    }

    pub(super) fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
        let (roots, is_optional) = match self {
            Self::None => return Ok(None),
            Self::Optional(roots) => (roots, true),
            Self::Required(roots) => (roots, false),
        };
        let store = Arc::new(roots.store()?);
        let builder = WebPkiClientVerifier::builder_with_provider(store, Arc::clone(provider));
        let builder = if is_optional { builder.allow_unauthenticated() } else { builder };
        builder.build().map(Some).map_err(|error| TlsError::Roots(error.to_string()))
    }
}

/// Certificate by which a client has authenticated itself in its TLS handshake: it has the private
/// key, and one of the [`Roots`] vouches for the names.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ClientCertificate {
    /// The certificate in DER (RFC 5280).
    pub leaf: Vec<u8>,
    /// Common name of its subject, if it has one.
    pub common_name: Option<String>,
    /// DNS names of its subject.
    pub dns_names: Vec<String>,
    /// E-mail addresses of its subject.
    pub emails: Vec<String>,
    /// URIs of its subject, such as a SPIFFE id.
    pub uris: Vec<String>,
}

impl ClientCertificate {
    /// Of a leaf that has been verified.
    pub(crate) fn of(leaf: &CertificateDer<'_>) -> Self {
        let Names { common_name, dns, emails, uris } = Names::of(leaf).unwrap_or_default();
        Self { leaf: leaf.to_vec(), common_name, dns_names: dns, emails, uris }
    }
}
