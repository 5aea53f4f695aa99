//! Certificates of a test.

use std::fs;
use std::path::{Path, PathBuf};

use comet_server_testkit::server::Setup;
use rustls::pki_types::CertificateDer;
use tempfile::TempDir;

/// A certificate with its key, signed by itself.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) der: CertificateDer<'static>,
    /// Both in one text.
    pem: String,
}

impl Made {
    /// One for these names.
    pub(super) fn new(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let pem = format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem());
        Self { der: made.cert.der().clone(), pem }
    }
}

/// A folder with certificates.
pub(super) struct Folder(TempDir);

impl Folder {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a certificate into a file in one step, as a tool that renews does.
    pub(super) fn put(&self, name: &str, made: &Made) -> PathBuf {
        let [path, half] = [name, "half"].map(|name| self.path(name));
        fs::write(&half, &made.pem).expect("written");
        fs::rename(half, &path).expect("renamed");
        path
    }
}

/// Settings with this file as the certificate.
pub(super) fn with_certificate(setup: Setup, file: &Path) -> Setup {
    let file = file.display();
    setup.set(&format!("tls.cert={file}")).set(&format!("tls.key={file}"))
}
