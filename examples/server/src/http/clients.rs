//! What clients ask before they connect: is it there, where else is one, which modules are on.

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

/// Only the status matters; clients measure the time it takes.
pub(super) async fn ping() -> &'static str {
    "pong"
}

/// `/disc/nodes`. Clients take the first server as their default, so there is always one: the one
/// asked at, if it is an address or a name that this server was told of, else the first such name.
pub(super) async fn nodes(
    State(public): State<Public>,
    client: Option<Extension<Client>>,
    uri: Uri,
    headers: HeaderMap,
) -> impl IntoResponse {
    let mut discovery = public.config.discovery.clone();
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
    // It depends on who asks, and where.
    ([(CACHE_CONTROL, "no-store")], Reply(discovery))
}

/// `/app/modules/all`: a bare array, which is what clients read.
pub(super) async fn modules(State(public): State<Public>) -> Reply<Vec<Module>> {
    Reply(public.config.modules.clone())
}
