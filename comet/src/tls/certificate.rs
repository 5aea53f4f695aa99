//! Certificates of the server with their keys.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::CertificateError;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::TlsError;
use super::der::{Names, validity};

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
            // It is shown, not verified here: the proof of a name has a critical extension of its
            // own (RFC 8737, section 3), which rustls does not know.
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(_))) => {}
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

    /// The first and the last second in which the leaf is valid (RFC 5280, section 4.1.2.5),
    /// counted from the beginning of 1970 in UTC; `None` if they cannot be read, or lie before it.
    #[must_use]
    pub fn validity(&self) -> Option<(u64, u64)> {
        validity(self.leaf())
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
    fn the_validity_is_that_of_the_leaf() {
        let mut params = rcgen::CertificateParams::new(["chat.test".to_owned()]).unwrap();
        // Two digits of a year up to 2049, and four from then on.
        params.not_before = rcgen::date_time_ymd(2024, 2, 29);
        params.not_after = rcgen::date_time_ymd(2050, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let made = params.self_signed(&key).unwrap();
        let certificate =
            Certificate::from_pem(made.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap();
        // `date -ud 2024-02-29 +%s`, and of 2050-01-01.
        assert_eq!(certificate.validity(), Some((1_709_164_800, 2_524_608_000)));
    }

    #[test]
    fn one_with_a_critical_extension_that_nobody_here_knows_can_be_shown() {
        let mut params = rcgen::CertificateParams::new(["chat.test".to_owned()]).unwrap();
        params.custom_extensions = vec![rcgen::CustomExtension::new_acme_identifier(&[7; 32])];
        let key = rcgen::KeyPair::generate().unwrap();
        let made = params.self_signed(&key).unwrap().pem();
        let read = Certificate::from_pem(made.as_bytes(), key.serialize_pem().as_bytes());
        assert!(read.unwrap().is_for("chat.test"));
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
