//! The QUIC port. Its certificate is the one for development.
//!
//! Not here: certificates of operators, which QUIC has none of yet.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use comet::{Gateway, OriginPolicy};
use comet_quic::{BindError, Listener, Tls, WebTransport};

use crate::certificates::development;
use crate::config::Config;
use crate::data::{Data, DataError};
use crate::startup_error::StartupError;

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
    let [certificate, key] = development::certificate(data.certificate())?;
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
