//! The section `[tls]`: certificates of the ports with TLS.

use std::path::PathBuf;

use serde::Deserialize;

use crate::settings::{Fault, Settings};

/// Where certificates are, and whether clients need one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// Empty for a certificate for development.
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
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

impl Tls {
    /// Whether the server makes the certificate itself.
    pub(crate) fn is_for_development(&self) -> bool {
        self.cert.as_os_str().is_empty()
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
