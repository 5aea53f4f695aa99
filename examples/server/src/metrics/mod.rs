//! Metrics in the OpenMetrics text format, for Prometheus.
//!
//! * `sources`: counters of gateway, logins and store, read on request, and `quic` those of QUIC;
//! * `requests`: HTTP requests, counted as they are answered;
//! * `process`: the `process_*` metrics of every Prometheus client.

mod process;
mod quic;
mod requests;
mod sources;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub(crate) use requests::{Requests, observe};
pub(crate) use sources::Sources;

/// All exported metrics.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<Registry>);

impl Metrics {
    pub(crate) fn new(sources: Sources, requests: &Requests) -> Self {
        let mut registry = Registry::default();
        let comet = registry.sub_registry_with_prefix("comet");
        let build = Info::new(vec![
            ("version", env!("CARGO_PKG_VERSION")),
            ("profile", if cfg!(debug_assertions) { "debug" } else { "release" }),
            ("arch", std::env::consts::ARCH),
        ]);
        comet.register("build", "The program that runs", build);
        requests.register(comet);
        comet.register_collector(Box::new(sources));
        registry.register_collector(Box::new(process::Process));
        Self(Arc::new(registry))
    }
}

/// `/metrics`.
pub(crate) async fn page(State(metrics): State<Metrics>) -> Response {
    let mut body = String::new();
    match text::encode(&mut body, &metrics.0) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], body).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
