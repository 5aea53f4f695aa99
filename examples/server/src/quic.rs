//! The QUIC port, with the certificates of the other ports.

use std::sync::Arc;

use comet::{Gateway, OriginPolicy};
use comet_quic::{Listener, Tls, WebTransport};

use crate::certificates::Certificates;
use crate::config::{ClientCertificates, Config};
use crate::startup_error::StartupError;

/// Listens, unless that is turned off. `http` is the port of the chat page.
pub(crate) fn listen(
    config: &Config,
    gateway: &Gateway,
    certificates: &Certificates,
    http: u16,
) -> Result<Option<Arc<Listener>>, StartupError> {
    let Some(address) = config.listen.quic else { return Ok(None) };
    if config.certificates.tls.client == ClientCertificates::Required {
        tracing::warn!(%address, "no QUIC: it cannot ask clients for certificates");
        return Ok(None);
    }
    let tls = Tls::new(certificates.tls().resolver());
    let origin = pages(config.origins.sub.policy(), &config.origins.hosts, http);
    let webtransport = WebTransport { origin, ..WebTransport::default() };
    let quic =
        comet_quic::Config { webtransport: Some(webtransport), ..comet_quic::Config::default() };
    Ok(Some(Arc::new(Listener::bind(gateway, address, &tls, quic)?)))
}

/// Pages that may ask for a session. Those of the same host come from another port than this one:
/// from the page's, at this machine or under a name of the server.
fn pages(policy: OriginPolicy, hosts: &[String], http: u16) -> OriginPolicy {
    if !matches!(policy, OriginPolicy::SameHost) {
        return policy;
    }
    let both = |host: &str| ["http", "https"].map(|scheme| format!("{scheme}://{host}"));
    let local = ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{http}"));
    let local = local.iter().flat_map(|host| both(host));
    OriginPolicy::List(local.chain(hosts.iter().flat_map(|host| both(host))).collect())
}
