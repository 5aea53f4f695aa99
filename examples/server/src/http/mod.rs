//! HTTP: the public API under its deployed paths, the chat page, and the admin port.

mod access;
mod clients;
mod cors;
mod demo;
mod host;
mod local;
mod origin;
mod pages;
mod redirect;
mod serve;
mod sub;
mod transports;
mod unknown;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get, post};
use comet::Gateway;
use comet_dtalk::http::{DrainBody, Verify};
use comet_identity::{Registry, login};
use comet_sse::SseConfig;
use comet_store::{Store, routes};

use crate::certificates::Certificates;
use crate::config::{Config, Http};
use crate::demo::Demo;
use crate::metrics::{self, Metrics, Requests};
use crate::ports::Ports;
use crate::ready::{self, Readiness};
pub(crate) use serve::{Port, handed_over, serve};

/// State of the public handlers.
#[derive(Clone)]
pub(crate) struct Public {
    gateway: Gateway,
    config: Arc<Config>,
    demo: Option<Arc<Demo>>,
    /// The addresses of this server.
    ports: Ports,
    certificates: Certificates,
}

impl Public {
    pub(crate) fn new(
        gateway: &Gateway,
        config: &Config,
        demo: Option<Arc<Demo>>,
        ports: Ports,
        certificates: &Certificates,
    ) -> Self {
        let (gateway, config) = (gateway.clone(), Arc::new(config.clone()));
        Self { gateway, config, demo, ports, certificates: certificates.clone() }
    }
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
    let (gateway, state) = (public.gateway.clone(), public.clone());
    let sse = comet_sse::routes(gateway.clone(), sse_limits(&public.config));
    let routes = Router::new()
        .route("/ping", any(clients::ping))
        .route("/disc/nodes", any(clients::nodes))
        .route("/app/modules/all", post(clients::modules))
        .route("/app/version/check", post(clients::version))
        .route("/backup/address-retrieve", post(clients::no_backup))
        .route("/comet/transports", get(transports::transports))
        .route("/sub", get(sub::subscribe).connect(sub::connect))
        .route("/sub/", get(sub::subscribe).connect(sub::connect))
        .fallback(pages::page)
        .with_state(public)
        .merge(demo)
        .merge(sse)
        .merge(routes(store.clone(), gateway, Arc::clone(&verify)))
        .merge(login::routes(verify, registry))
        .merge(backends)
        .layer(from_fn(unknown::methods))
        .layer(from_fn_with_state(state, redirect::to_https))
        .layer(from_fn(cors::permit))
        .layer(from_fn(access::log))
        .layer(from_fn_with_state(requests.clone(), metrics::observe));
    DrainBody::default().around(routes)
}

/// Limits of server-sent events: a POST holds the longest message.
fn sse_limits(config: &Config) -> SseConfig {
    let limits = SseConfig::default();
    let longest = config.gateway.limits.max_body.saturating_add(comet_protocol::head::MAX_HEAD);
    let bytes = limits.post_bytes.max(longest);
    let Http { sse_streams, sse_unread_streams, .. } = config.http;
    limits.post_bytes(bytes).streams(sse_streams, sse_unread_streams)
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
