//! Errors of setting TLS up.

use std::path::PathBuf;

/// Error of loading certificates and keys, or of putting them to use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Error of the system.
        source: std::io::Error,
    },
    /// Something in a file is wrong.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<Self>,
    },
    /// The text is no PEM (RFC 7468).
    #[error("not PEM: {0}")]
    Pem(String),
    /// There is no certificate.
    #[error("no certificate in it")]
    NoCertificate,
    /// There is no private key, or none in a format that is known: PKCS#8, PKCS#1 or SEC1,
    /// unencrypted.
    #[error("no private key in it")]
    NoKey,
    /// The key is of a kind that is not known: ECDSA on P-256 or P-384, Ed25519 and RSA are.
    #[error("the private key cannot be used: {0}")]
    BadKey(rustls::Error),
    /// The key is not that of the certificate.
    #[error("the private key is not that of the certificate")]
    KeyMismatch,
    /// A certificate cannot be read.
    #[error("the certificate cannot be read")]
    BadCertificate,
    /// The client roots cannot be used.
    #[error("client roots: {0}")]
    Roots(String),
    /// The rotation of tickets is shorter than a second.
    #[error("tickets need a rotation of a second at least")]
    Rotation,
    /// The system has no random numbers.
    #[error("no random numbers")]
    Random,
    /// rustls does not take the configuration.
    #[error("{0}")]
    Rustls(rustls::Error),
}

impl TlsError {
    /// The same, of something in this file.
    pub(super) fn of(self, path: &std::path::Path) -> Self {
        Self::File { path: path.to_owned(), source: Box::new(self) }
    }
}
