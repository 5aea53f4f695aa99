//! HTTP: the public API under its deployed paths, the chat page, and the admin port.

mod access;
mod clients;
mod cors;
mod demo;
mod host;
mod local;
mod pages;
mod serve;
mod sub;
mod unknown;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get, post};
use comet::Gateway;
use comet_dtalk::http::{DrainBody, Verify};
use comet_identity::{Registry, login};
use comet_store::{Store, routes};

use crate::config::Config;
use crate::demo::Demo;
use crate::metrics::{self, Metrics, Requests};
use crate::ready::{self, Readiness};
pub(crate) use serve::{Port, serve};

/// State of the public handlers.
#[derive(Clone)]
pub(crate) struct Public {
    pub(crate) gateway: Gateway,
    pub(crate) config: Arc<Config>,
    pub(crate) demo: Option<Arc<Demo>>,
    /// The address of the listener.
    pub(crate) http: SocketAddr,
}

/// All routes of the public port.
pub(crate) fn public(
    public: Public,
    store: &Store,
    backends: Router,
    verify: Arc<dyn Verify>,
    registry: Registry,
    requests: &Requests,
) -> Router {
    let demo = match &public.demo {
        Some(demo) => {
            let names: Arc<[String]> = public.config.demo.hosts.clone().into();
            let routes = demo::routes(Arc::clone(demo), public.gateway.clone());
            routes.layer(from_fn_with_state(names, local::demo))
        }
        None => Router::new(),
    };
    let gateway = public.gateway.clone();
    let routes = Router::new()
        .route("/ping", any(clients::ping))
        .route("/disc/nodes", any(clients::nodes))
        .route("/app/modules/all", post(clients::modules))
        .route("/app/version/check", post(clients::version))
        .route("/backup/address-retrieve", post(clients::no_backup))
        .route("/sub", get(sub::subscribe))
        .route("/sub/", get(sub::subscribe))
        .fallback(pages::page)
        .with_state(public)
        .merge(demo)
        .merge(routes(store.clone(), gateway, Arc::clone(&verify)))
        .merge(login::routes(verify, registry))
        .merge(backends)
        .layer(from_fn(unknown::methods))
        .layer(from_fn(cors::permit))
        .layer(from_fn(access::log))
        .layer(from_fn_with_state(requests.clone(), metrics::observe));
    DrainBody::default().around(routes)
}

/// The admin port: metrics, liveness and readiness.
pub(crate) fn admin(metrics: Metrics, readiness: Readiness) -> Router {
    let ready = Router::new().route("/ready", get(ready::ready)).with_state(readiness);
    let routes = Router::new()
        .route("/metrics", get(metrics::page))
        .with_state(metrics)
        .route("/health", get(ready::health))
        .merge(ready);
    DrainBody::default().around(routes)
}
