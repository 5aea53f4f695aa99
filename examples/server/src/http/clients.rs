//! What clients ask before they connect: is it there, where else is one, which modules are on.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::HOST;
use comet_dtalk::http::Reply;

use super::Public;
use crate::config::{Discovery, Module, Node};

/// Only the status matters; clients measure the time it takes.
pub(super) async fn ping() -> &'static str {
    "pong"
}

/// `/disc/nodes`. Clients take the first server as their default, so there is always one.
pub(super) async fn nodes(State(public): State<Public>, headers: HeaderMap) -> Reply<Discovery> {
    let mut discovery = public.config.discovery.clone();
    if discovery.servers.is_empty() {
        let asked = headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = asked.map_or_else(|| public.config.listen.http.to_string(), str::to_owned);
        discovery
            .servers
            .push(Node { name: "comet".to_owned(), address: format!("http://{host}") });
    }
    Reply(discovery)
}

/// `/app/modules/all`: a bare array, which is what clients read.
pub(super) async fn modules(State(public): State<Public>) -> Reply<Vec<Module>> {
    Reply(public.config.modules.clone())
}
