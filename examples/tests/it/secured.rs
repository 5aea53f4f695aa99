//! A relay with a certificate, which clients of other authors verify.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use comet_testkit::program::Listening;
use tempfile::TempDir;

use crate::example::Example;

/// A relay with a certificate for `localhost` and 127.0.0.1, made by OpenSSL: P-256, for 13 days,
/// as browsers demand of those that they know by their hash.
pub(crate) struct Secured {
    relay: Example,
    folder: TempDir,
}

impl Secured {
    pub(crate) fn relay(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let [cert, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
            .args(["-nodes", "-days", "13", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout"])
            .args([key.as_os_str(), "-out".as_ref(), cert.as_os_str()])
            .output()
            .expect("openssl");
        assert!(made.status.success(), "{made:?}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_relay"));
        command.args(flags).arg("--cert").arg(cert).arg("--key").arg(key);
        Self { relay: Example::start(&mut command), folder }
    }

    /// The address of a listener.
    pub(crate) fn at(&self, name: &str) -> SocketAddr {
        Listening(self.relay.line.clone()).at(name)
    }

    /// The folder with `cert.pem`.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }
}
