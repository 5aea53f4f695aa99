//! Requests of clients before they connect: liveness, other servers, and enabled modules.

use axum::Extension;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, Uri};
use axum::response::IntoResponse;
use comet::Client;
use comet_dtalk::http::Reply;

use super::Public;
use super::host::{Host, scheme};
use crate::config::{Module, Node};

/// Clients use only the status and measure the response time.
pub(super) async fn ping() -> &'static str {
    "pong"
}

/// `/disc/nodes`. Clients take the first server as their default, so there is always one: the
/// requested host if it is an address or a configured name, else the first configured name.
pub(super) async fn nodes(
    State(public): State<Public>,
    client: Option<Extension<Client>>,
    uri: Uri,
    headers: HeaderMap,
) -> impl IntoResponse {
    let mut discovery = public.config.announced.discovery.clone();
    if discovery.servers.is_empty() {
        let names = &public.config.origins.hosts;
        let believed =
            |host: &Host| host.is_loopback() || host.is_address() || host.is_among(names);
        let host = match Host::of(&uri, &headers).filter(believed) {
            Some(host) => host.as_str().to_owned(),
            None => names.first().cloned().unwrap_or_else(|| public.http.to_string()),
        };
        let scheme = scheme(client.map(|Extension(client)| client), &headers);
        let address = format!("{scheme}://{host}");
        discovery.servers.push(Node { name: "comet".to_owned(), address });
    }
    // The response depends on the client and the requested host.
    ([(CACHE_CONTROL, "no-store")], Reply(discovery))
}

/// `/app/modules/all`: a bare array, as clients expect.
pub(super) async fn modules(State(public): State<Public>) -> Reply<Vec<Module>> {
    Reply(public.config.announced.modules.clone())
}
