//! The section `[tls]`: certificates of the ports with TLS, QUIC among them.

use std::path::PathBuf;

use serde::Deserialize;

use super::Acme;
use crate::settings::{Fault, Settings};

/// Where certificates come from.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct CertificateSettings {
    pub(crate) tls: Tls,
    pub(crate) acme: Acme,
}

/// Files of a certificate.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct CertificateFiles {
    /// The chain, leaf first.
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

/// Files of certificates, and whether clients need one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// Empty for none here.
    pub(super) cert: PathBuf,
    pub(super) key: PathBuf,
    /// Further ones, chosen by the server name that a client asks for.
    #[serde(default)]
    pub(super) certificates: Vec<CertificateFiles>,
    pub(crate) client: ClientCertificates,
    pub(crate) client_roots: PathBuf,
    pub(crate) check_seconds: u64,
}

/// Whether clients are asked for a certificate.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ClientCertificates {
    Off,
    Optional,
    Required,
}

impl CertificateSettings {
    /// Whether none is configured, so that the server makes one itself.
    pub(crate) fn are_for_development(&self) -> bool {
        self.tls.certificates().is_empty() && !self.acme.is_on()
    }
}

impl Tls {
    /// All configured certificates, of which the first is for names that none is for.
    pub(crate) fn certificates(&self) -> Vec<CertificateFiles> {
        let first = CertificateFiles { cert: self.cert.clone(), key: self.key.clone() };
        let first = Some(first).filter(|first| !first.cert.as_os_str().is_empty());
        first.into_iter().chain(self.certificates.iter().cloned()).collect()
    }

    pub(super) fn check(&self, settings: &Settings) -> Result<(), Fault> {
        let is_empty = |path: &PathBuf| path.as_os_str().is_empty();
        if is_empty(&self.cert) != is_empty(&self.key) {
            let (path, other) = match is_empty(&self.cert) {
                true => ("tls.key", "tls.cert"),
                false => ("tls.cert", "tls.key"),
            };
            return Err(settings.fault(path, format!("needs {other}")));
        }
        if self.client != ClientCertificates::Off && is_empty(&self.client_roots) {
            return Err(settings.fault("tls.client", "needs tls.client_roots".to_owned()));
        }
        if self.check_seconds == 0 {
            return Err(settings.fault("tls.check_seconds", "must be at least 1".to_owned()));
        }
        Ok(())
    }
}
