//! Certificates that TLS connections trust.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use quinn_proto::crypto::rustls::{NoInitialCipherSuite, QuicClientConfig};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// Trusted certificates.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Trust {
    /// The system's authorities.
    #[default]
    System,
    /// The authorities of a file, in PEM.
    File(PathBuf),
    /// Any certificate: encrypted, but not authenticated.
    Anybody,
}

/// Errors of trusted certificates.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The file cannot be read, or holds no certificate.
    #[error("no certificates in {0}: {1}")]
    File(PathBuf, String),
    /// The system has no authorities.
    #[error("the system has no certificates to trust")]
    NoRoots,
    /// The cryptography does not fit.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The cryptography does not fit QUIC.
    #[error("QUIC: {0}")]
    Quic(#[from] NoInitialCipherSuite),
}

impl Trust {
    /// Settings for connections. No session of TLS is resumed: clients are strangers to a server
    /// when they come.
    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, TrustError> {
        Ok(Arc::new(self.bare()?))
    }

    /// Settings for connections of QUIC, with HTTP/3 or the bare dialect behind them.
    pub(super) fn quic(&self, is_http: bool) -> Result<quinn_proto::ClientConfig, TrustError> {
        let mut config = self.bare()?;
        config.alpn_protocols = vec![if is_http { b"h3".to_vec() } else { b"comet".to_vec() }];
        let config = QuicClientConfig::try_from(config)?;
        Ok(quinn_proto::ClientConfig::new(Arc::new(config)))
    }

    fn bare(&self) -> Result<ClientConfig, TrustError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let mut config = match self {
            Self::Anybody => {
                let nobody_asks = Arc::new(Anybody { provider });
                builder
                    .dangerous()
                    .with_custom_certificate_verifier(nobody_asks)
                    .with_no_client_auth()
            }
            Self::System | Self::File(_) => {
                builder.with_root_certificates(self.roots()?).with_no_client_auth()
            }
        };
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    fn roots(&self) -> Result<RootCertStore, TrustError> {
        let mut roots = RootCertStore::empty();
        match self {
            Self::File(path) => {
                let cannot =
                    |why: &dyn std::fmt::Display| TrustError::File(path.clone(), why.to_string());
                let file = CertificateDer::pem_file_iter(path).map_err(|why| cannot(&why))?;
                for certificate in file {
                    let certificate = certificate.map_err(|why| cannot(&why))?;
                    roots.add(certificate).map_err(|why| cannot(&why))?;
                }
                if roots.is_empty() {
                    return Err(cannot(&io::ErrorKind::NotFound));
                }
            }
            _ => {
                let found = rustls_native_certs::load_native_certs();
                roots.add_parsable_certificates(found.certs);
                if roots.is_empty() {
                    return Err(TrustError::NoRoots);
                }
            }
        }
        Ok(roots)
    }
}

/// Takes any certificate, as long as its owner has signed.
#[derive(Debug)]
struct Anybody {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
