//! What is counted, in the text format of Prometheus.

use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use comet::{Closed, Gateway};
use comet_identity::{Authenticated, Outcome};
use comet_store::Store;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// Reads all counters when somebody asks.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<Registry>);

impl Metrics {
    pub(crate) fn new(gateway: Gateway, store: Store, logins: Arc<Authenticated<Store>>) -> Self {
        let mut registry = Registry::with_prefix("comet");
        registry.register_collector(Box::new(Sources { gateway, store, logins }));
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

struct Sources {
    gateway: Gateway,
    store: Store,
    logins: Arc<Authenticated<Store>>,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").finish_non_exhaustive()
    }
}

/// Numbers of the present; everything else counts.
const GAUGES: [&str; 5] = ["connections", "sessions", "parked", "rooms", "memory"];

impl Collector for Sources {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let stats = self.gateway.stats();
        for (name, value) in stats.named() {
            let is_gauge = GAUGES.contains(&name);
            let name = format!("gateway_{name}");
            match is_gauge {
                true => gauge(&mut encoder, &name, value)?,
                false => counter(&mut encoder, &name, value)?,
            }
        }
        let closed = Closed::LABELS.into_iter().zip(stats.closed);
        counters_by(&mut encoder, "gateway_closed", "reason", closed)?;

        let logins = self.logins.outcomes();
        let ended = Outcome::ALL.map(|outcome| (outcome.label(), logins.ended(outcome)));
        counters_by(&mut encoder, "logins", "outcome", ended)?;

        let stored = self.store.stats();
        for (name, value) in [
            ("stored", stored.stored),
            ("repeated", stored.repeated),
            ("malformed", stored.malformed),
            ("forbidden", stored.forbidden),
            ("overloaded", stored.overloaded),
            ("unstored", stored.unstored),
            ("commits", stored.commits),
            ("failed_commits", stored.failed_commits),
            ("delivered", stored.delivered),
            ("replayed", stored.replayed),
            ("fell_behind", stored.fell_behind),
            ("repaired", stored.repaired),
        ] {
            counter(&mut encoder, &format!("store_{name}"), value)?;
        }
        gauge(&mut encoder, "store_sessions", stored.sessions)
    }
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, value: u64) -> fmt::Result {
    let metric = ConstCounter::new(value);
    metric.encode(encoder.encode_descriptor(name, help(name), None, MetricType::Counter)?)
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, value: u64) -> fmt::Result {
    let metric = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
    metric.encode(encoder.encode_descriptor(name, help(name), None, MetricType::Gauge)?)
}

fn counters_by<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    label: &'static str,
    values: impl IntoIterator<Item = (&'a str, u64)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help(name), None, MetricType::Counter)?;
    for (value, count) in values {
        let labels = [(label, value)];
        ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

/// Names say it; what they mean exactly stands with the counters in the code.
fn help(name: &str) -> &str {
    name
}
