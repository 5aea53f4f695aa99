//! The section `[acme]`: certificates from an authority that issues them by itself (RFC 8555).

use std::path::PathBuf;

use serde::Deserialize;

use crate::settings::{Fault, Settings};

/// Names to have certificates for, and the authority.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acme {
    /// Empty: no certificates come from there.
    pub(crate) names: Vec<String>,
    /// E-mail addresses for the authority, in case of trouble.
    pub(crate) contact: Vec<String>,
    /// URL of its directory.
    pub(crate) directory: String,
    /// Certificates in PEM that vouch for the directory itself; empty for those of the system.
    pub(crate) root: PathBuf,
    /// Time to the first attempt after a failed one.
    pub(crate) retry_seconds: u64,
}

impl Acme {
    pub(crate) fn is_on(&self) -> bool {
        !self.names.is_empty()
    }

    pub(super) fn check(&self, settings: &Settings) -> Result<(), Fault> {
        if let Some(name) = self.names.iter().find(|name| !is_public_name(name)) {
            let text = format!(
                "must be names such as chat.example.org, in lower case and without a wildcard or \
                 a port, not {name:?}"
            );
            return Err(settings.fault("acme.names", text));
        }
        if self.is_on() && !self.directory.starts_with("https://") {
            let text = format!("must be the URL of a directory by https, not {:?}", self.directory);
            return Err(settings.fault("acme.directory", text));
        }
        if self.retry_seconds == 0 {
            return Err(settings.fault("acme.retry_seconds", "must be at least 1".to_owned()));
        }
        Ok(())
    }
}

/// Whether it is a DNS name of two labels or more, as ACME has it (RFC 8555, section 7.1.3):
/// letters of other scripts in Punycode. It is a part of a file name.
fn is_public_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty() && label.len() <= 63 && label.bytes().all(known)
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_hosts() {
        for name in ["example.org", "a-1.chat.example", "xn--fiqs8s.example"] {
            assert!(is_public_name(name), "{name}");
        }
        for name in ["localhost", "Example.org", "*.example.org", "a..b", "../a.b", "a.b:443", ".a"]
        {
            assert!(!is_public_name(name), "{name}");
        }
    }
}
