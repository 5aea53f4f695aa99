//! A certificate for development: self-signed for this machine, ECDSA on P-256, valid for 13 days
//! and made anew before it ends.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, KeyPair};

use super::CertificatesError;
use crate::data::write_atomically;

/// Life of a certificate. Browsers accept one that they know by its hash for 14 days at most.
const LIFE: Duration = Duration::from_secs(13 * 24 * 60 * 60);

/// Age at which another one is made.
const RENEWED_AFTER: Duration = Duration::from_secs(6 * 24 * 60 * 60);

/// Clocks of clients may be behind by this.
const SKEW: Duration = Duration::from_secs(60 * 60);

/// The files of the certificate and its key, made anew if there are none or they are old.
pub(super) fn certificate(paths: [PathBuf; 2]) -> Result<[PathBuf; 2], CertificatesError> {
    if paths.iter().all(is_fresh) {
        return Ok(paths);
    }
    let now = SystemTime::now();
    let mut parameters =
        CertificateParams::new(["localhost", "127.0.0.1", "::1"].map(str::to_owned))?;
    parameters.not_before = (now - SKEW).into();
    parameters.not_after = (now - SKEW + LIFE).into();
    // Browsers take P-256, which this makes.
    let key = KeyPair::generate()?;
    let made = parameters.self_signed(&key)?;
    for (path, text) in paths.iter().zip([made.pem(), key.serialize_pem()]) {
        write_atomically(path, text.as_bytes())
            .map_err(|source| CertificatesError::Write { path: path.clone(), source })?;
    }
    Ok(paths)
}

fn is_fresh(path: &PathBuf) -> bool {
    let written = fs::metadata(path).and_then(|file| file.modified());
    written.is_ok_and(|written| written.elapsed().is_ok_and(|age| age < RENEWED_AFTER))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use comet::tls::Certificate;

    use super::*;
    use crate::data::Data;

    #[test]
    fn a_certificate_is_kept_for_some_days_and_readable_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let data = Data::open(dir.path(), true).unwrap();
        let paths = certificate(data.certificate()).unwrap();
        let read = || paths.each_ref().map(|path| fs::read(path).unwrap());
        let first = read();
        assert!(Certificate::from_pem(&first[0], &first[1]).is_ok());
        assert_eq!(fs::metadata(&paths[1]).unwrap().permissions().mode() & 0o777, 0o600);
        certificate(data.certificate()).unwrap();
        assert_eq!(read(), first);
        let old = File::options().write(true).open(&paths[0]).unwrap();
        old.set_modified(SystemTime::now() - RENEWED_AFTER).unwrap();
        certificate(data.certificate()).unwrap();
        assert_ne!(read(), first);
    }
}
