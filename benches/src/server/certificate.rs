//! A certificate for servers of a run.

use std::path::{Path, PathBuf};
use std::{fs, io};

use rcgen::{CertificateParams, KeyPair};

/// Writes a certificate for `localhost` and 127.0.0.1, ECDSA on P-256, and its key: `cert.pem` and
/// `key.pem` in this folder. Clients trust it by itself.
///
/// # Errors
///
/// When the files cannot be written.
pub fn certificate(folder: &Path) -> io::Result<[PathBuf; 2]> {
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let params = CertificateParams::new(names).map_err(io::Error::other)?;
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let made = params.self_signed(&key).map_err(io::Error::other)?;
    let files = ["cert.pem", "key.pem"].map(|name| folder.join(name));
    for (path, text) in files.iter().zip([made.pem(), key.serialize_pem()]) {
        fs::write(path, text)?;
    }
    Ok(files)
}
