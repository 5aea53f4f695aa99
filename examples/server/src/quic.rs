//! The QUIC port, and its certificate: one of the server's own, for development.
//!
//! Not here: certificates of operators, which QUIC has none of yet.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use comet::{Gateway, OriginPolicy};
use comet_quic::{BindError, Listener, Tls, WebTransport};
use rcgen::{CertificateParams, KeyPair};

use crate::config::Config;
use crate::data::{Data, DataError, write_atomically};
use crate::startup_error::StartupError;

/// Life of a certificate. Browsers accept one that they know by its hash for 14 days at most.
const LIFE: Duration = Duration::from_secs(13 * 24 * 60 * 60);

/// Age at which a start makes another one.
const RENEWED_AFTER: Duration = Duration::from_secs(6 * 24 * 60 * 60);

/// Clocks of clients may be behind by this.
const SKEW: Duration = Duration::from_secs(60 * 60);

/// A listener, and the announcement of it to clients.
pub(crate) struct Quic {
    pub(crate) listener: Listener,
    pub(crate) announcement: Announcement,
}

/// Where QUIC is listened on, and the SHA-256 of the certificate there, in hex.
#[derive(Clone, Debug)]
pub(crate) struct Announcement {
    pub(crate) address: SocketAddr,
    pub(crate) sha256: String,
}

/// Listens, unless that is turned off. `http` is the port of the chat page.
pub(crate) fn listen(
    config: &Config,
    gateway: &Gateway,
    data: &Data,
    http: u16,
) -> Result<Option<Quic>, StartupError> {
    let Some(address) = config.listen.quic else { return Ok(None) };
    let [certificate, key] = certificate(data)?;
    let sha256 = fingerprint(&certificate)?;
    let tls = Tls::from_files(&certificate, &key).map_err(BindError::Tls)?;
    let origin = pages(config.origins.sub.policy(), &config.origins.hosts, http);
    let webtransport = WebTransport { origin, ..WebTransport::default() };
    let quic =
        comet_quic::Config { webtransport: Some(webtransport), ..comet_quic::Config::default() };
    let listener = Listener::bind(gateway, address, &tls, quic)?;
    let announcement = Announcement { address: listener.address(), sha256 };
    Ok(Some(Quic { listener, announcement }))
}

/// Pages that may ask for a session. Those of the same host come from another port than this one:
/// from the page's, at this machine or under a name of the server.
fn pages(policy: OriginPolicy, hosts: &[String], http: u16) -> OriginPolicy {
    if !matches!(policy, OriginPolicy::SameHost) {
        return policy;
    }
    let local = ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("http://{host}:{http}"));
    let named = hosts.iter().flat_map(|host| ["http", "https"].map(|it| format!("{it}://{host}")));
    OriginPolicy::List(local.into_iter().chain(named).collect())
}

/// The hash of a certificate in a file, in hex.
fn fingerprint(certificate: &Path) -> Result<String, StartupError> {
    let failed = |source| DataError::Directory { path: certificate.to_owned(), source };
    let pem = fs::read(certificate).map_err(failed)?;
    let hash = comet_quic::fingerprint(&pem).map_err(BindError::Tls)?;
    Ok(hash.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The files of the certificate and its key, made anew if there are none or they are old.
fn certificate(data: &Data) -> Result<[PathBuf; 2], StartupError> {
    let paths = data.certificate();
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
            .map_err(|source| DataError::Directory { path: path.clone(), source })?;
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

    use super::*;

    #[test]
    fn a_certificate_is_kept_for_some_days_and_readable_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let data = Data::open(dir.path(), true).unwrap();
        let paths = certificate(&data).unwrap();
        let read = || paths.each_ref().map(|path| fs::read(path).unwrap());
        let first = read();
        assert!(Tls::from_pem(&first[0], &first[1]).is_ok());
        assert_eq!(fs::metadata(&paths[1]).unwrap().permissions().mode() & 0o777, 0o600);
        certificate(&data).unwrap();
        assert_eq!(read(), first);
        let old = File::options().write(true).open(&paths[0]).unwrap();
        old.set_modified(SystemTime::now() - RENEWED_AFTER).unwrap();
        certificate(&data).unwrap();
        assert_ne!(read(), first);
    }
}
