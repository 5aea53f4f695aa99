//! Certificates of the server with their keys.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::TlsError;
use super::der::Names;

/// A certificate of the server: its chain, leaf first, and its private key.
#[derive(Clone)]
pub struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    /// DNS names that it is for, in lower case.
    names: Vec<String>,
}

impl Certificate {
    /// Reads both from PEM texts, which may be one: the chain, leaf first, and the first private
    /// key.
    ///
    /// # Errors
    ///
    /// [`TlsError`]: something is missing, unreadable, of an unknown kind, or does not belong
    /// together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = certificates(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
            pem::Error::NoItemsFound => TlsError::NoKey,
            error => TlsError::Pem(error.to_string()),
        })?;
        Self::from_der(chain, &key)
    }

    /// Reads both from files in PEM, which may be one.
    ///
    /// # Errors
    ///
    /// [`TlsError`], with the file.
    pub fn from_files(chain: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, TlsError> {
        let (chain, key) = (chain.as_ref(), key.as_ref());
        let texts = (read(chain)?, read(key)?);
        Self::from_pem(&texts.0, &texts.1).map_err(|error| match error {
            TlsError::NoKey | TlsError::BadKey(_) | TlsError::KeyMismatch => error.of(key),
            error => error.of(chain),
        })
    }

    fn from_der(
        chain: Vec<CertificateDer<'static>>,
        key: &PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        let names = chain.first().and_then(|leaf| Names::of(leaf));
        let names = names.ok_or(TlsError::BadCertificate)?.dns;
        let key = rustls::crypto::ring::sign::any_supported_type(key).map_err(TlsError::BadKey)?;
        let key = CertifiedKey::new(chain, key);
        match key.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
            Err(rustls::Error::InconsistentKeys(_)) => return Err(TlsError::KeyMismatch),
            Err(_) => return Err(TlsError::BadCertificate),
        }
        let names = names.into_iter().map(|name| name.to_ascii_lowercase()).collect();
        Ok(Self { key: Arc::new(key), names })
    }

    /// Whether it is for this name, which is in lower case: the same, or with any first label where
    /// the certificate has a wildcard (RFC 6125, section 6.4.3).
    pub(super) fn is_for(&self, name: &str) -> bool {
        let domain = name.split_once('.').map(|(_, domain)| domain);
        self.names.iter().any(|own| {
            let wild = own.strip_prefix("*.");
            own == name || (wild.is_some() && wild == domain)
        })
    }

    /// The leaf in DER, of which a client may be told the SHA-256.
    #[must_use]
    pub fn leaf(&self) -> &[u8] {
        self.key.cert.first().map_or(&[], |leaf| leaf)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("names", &self.names).finish_non_exhaustive()
    }
}

/// All certificates of a PEM text, of which there must be one.
pub(super) fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match all {
        Ok(all) if all.is_empty() => Err(TlsError::NoCertificate),
        Ok(all) => Ok(all),
        Err(error) => Err(TlsError::Pem(error.to_string())),
    }
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(names: &[&str]) -> (String, String) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    fn certificate(names: &[&str]) -> Certificate {
        let (chain, key) = pem(names);
        Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap()
    }

    #[test]
    fn a_certificate_is_for_its_names_and_for_one_label_in_place_of_an_asterisk() {
        let certificate = certificate(&["Chat.test", "*.gate.test"]);
        for name in ["chat.test", "a.gate.test"] {
            assert!(certificate.is_for(name), "{name}");
        }
        for name in ["gate.test", "a.b.gate.test", "a.chat.test", "test", ""] {
            assert!(!certificate.is_for(name), "{name}");
        }
    }

    #[test]
    fn a_text_may_hold_both_in_any_order() {
        let (chain, key) = pem(&["chat.test"]);
        let both = format!("{key}{chain}");
        let certificate = Certificate::from_pem(both.as_bytes(), both.as_bytes()).unwrap();
        assert!(certificate.is_for("chat.test"));
    }

    #[test]
    fn errors_say_what_is_wrong_and_in_which_file() {
        let (chain, key) = pem(&["chat.test"]);
        let (_, other) = pem(&["chat.test"]);
        let read = |chain: &str, key: &str| Certificate::from_pem(chain.as_bytes(), key.as_bytes());
        assert!(matches!(read("", &key), Err(TlsError::NoCertificate)));
        assert!(matches!(read(&chain, &chain), Err(TlsError::NoKey)));
        assert!(matches!(read(&chain, &other), Err(TlsError::KeyMismatch)));
        let broken = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        assert!(matches!(read(broken, &key), Err(TlsError::BadCertificate)));
        let error = Certificate::from_files("no-such.crt", "no-such.key").unwrap_err();
        assert!(error.to_string().starts_with("cannot read no-such.crt: "), "{error}");
    }
}
