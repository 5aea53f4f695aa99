//! Counters of gateway, logins, store and pushes.

use std::fmt;
use std::sync::{Arc, Weak};

use comet::{Distribution, Gateway, Metric, MetricKind};
use comet_identity::{Authenticated, Outcome};
use comet_push::Pushes;
use comet_quic::Listener;
use comet_store::Store;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::quic;
use crate::certificates::Certificates;
use crate::config::Config;

/// The parts of the server with counters; read on request.
pub(crate) struct Sources {
    gateway: Gateway,
    /// Names of its listeners, in their order.
    listeners: Vec<&'static str>,
    store: Store,
    logins: Arc<Authenticated<Store>>,
    pushes: Option<Pushes>,
    certificates: Option<Certificates>,
    /// The QUIC port, until it is closed.
    quic: Option<Weak<Listener>>,
    /// Limit on the bytes queued for clients.
    memory_budget: usize,
}

/// Names of the listeners that there always are.
const LISTENERS: [&str; 3] = ["tcp", "ws", "tls"];

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").finish_non_exhaustive()
    }
}

impl Collector for Sources {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.encode_gateway(&mut encoder)?;
        self.encode_logins(&mut encoder)?;
        let stored = self.store.stats();
        for metric in stored.metrics() {
            plain(&mut encoder, "store", &metric)?;
        }
        if let Some(pushes) = &self.pushes {
            for metric in pushes.stats().metrics() {
                plain(&mut encoder, "push", &metric)?;
            }
        }
        if let Some(value) = self.certificates.as_ref().and_then(Certificates::expires) {
            let help = "Last second, since 1970, in which all certificates of TLS are valid";
            let (name, kind) = ("certificate_expires", MetricKind::Gauge);
            plain(&mut encoder, "tls", &Metric { name, help, kind, value })?;
        }
        if let Some(listener) = self.quic.as_ref().and_then(Weak::upgrade) {
            for metric in quic::metrics(&listener.stats()) {
                plain(&mut encoder, "quic", &metric)?;
            }
        }
        let help = "Time from taking a batch of messages to its being durable";
        histogram(&mut encoder, "store_commit_seconds", help, &stored.commit)
    }
}

impl Sources {
    pub(crate) fn new(
        gateway: &Gateway,
        store: &Store,
        logins: Arc<Authenticated<Store>>,
        pushes: Option<Pushes>,
        config: &Config,
    ) -> Self {
        let memory_budget = config.gateway.memory_budget;
        let listen = &config.listen;
        let others = [listen.any.map(|_| "any"), listen.https.map(|_| "https")];
        let listeners = LISTENERS.into_iter().chain(others.into_iter().flatten()).collect();
        let (gateway, store) = (gateway.clone(), store.clone());
        Self {
            gateway,
            listeners,
            store,
            logins,
            pushes,
            certificates: None,
            quic: None,
            memory_budget,
        }
    }

    /// Adds certificates, and the QUIC port.
    pub(crate) fn tls(self, certificates: &Certificates, listener: Option<&Arc<Listener>>) -> Self {
        let quic = listener.map(Arc::downgrade);
        Self { certificates: Some(certificates.clone()), quic, ..self }
    }

    fn encode_gateway(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let stats = self.gateway.stats();
        for metric in stats.metrics() {
            plain(encoder, "gateway", &metric)?;
        }
        let dialects = stats.sessions_by_dialect().map(|(dialect, count)| (dialect.name(), count));
        let help = "Sessions that have a connection now, by the dialect of their peers";
        let family = ("gateway_sessions_by_dialect", help);
        labelled(encoder, MetricType::Gauge, family, "dialect", dialects)?;
        let listeners = self.listeners.iter().copied();
        let accepted = listeners.zip(stats.accepted_by.iter().copied());
        let help = "Connections accepted, by listener";
        let family = ("gateway_accepted_by_listener", help);
        labelled(encoder, MetricType::Counter, family, "listener", accepted)?;
        let help = "Sessions and connections that ended, by reason";
        labelled(encoder, MetricType::Counter, ("gateway_closed", help), "reason", stats.closed())?;
        let budget = Metric {
            name: "memory_budget",
            help: "Bytes that may wait for clients.",
            kind: MetricKind::Gauge,
            value: self.memory_budget as u64,
        };
        plain(encoder, "gateway", &budget)?;
        let help = "Time to hand a batch of publishes to the members of a large room on one shard";
        histogram(encoder, "gateway_fan_out_seconds", help, &stats.fan_out)?;
        let help = "Time from sending an acked delivery to its acknowledgement";
        histogram(encoder, "gateway_delivery_seconds", help, &stats.round_trip)
    }

    fn encode_logins(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let logins = self.logins.outcomes();
        let ended = Outcome::ALL.map(|outcome| (outcome.label(), logins.ended(outcome)));
        let help = "Logins on sockets, by outcome";
        labelled(encoder, MetricType::Counter, ("logins", help), "outcome", ended)?;
        let help = "Time from a login to its decision";
        histogram(encoder, "login_seconds", help, &logins.took())
    }
}

/// Help text without its full stop, which the text format adds.
fn without_stop(help: &str) -> &str {
    help.strip_suffix('.').unwrap_or(help)
}

fn plain(encoder: &mut DescriptorEncoder<'_>, part: &str, metric: &Metric) -> fmt::Result {
    let name = format!("{part}_{}", metric.name);
    let help = without_stop(metric.help);
    match metric.kind {
        MetricKind::Gauge => ConstGauge::new(as_gauge(metric.value))
            .encode(encoder.encode_descriptor(&name, help, None, MetricType::Gauge)?),
        MetricKind::Counter => ConstCounter::new(metric.value).encode(encoder.encode_descriptor(
            &name,
            help,
            None,
            MetricType::Counter,
        )?),
    }
}

fn labelled<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    kind: MetricType,
    (name, help): (&str, &str),
    label: &'static str,
    values: impl IntoIterator<Item = (&'a str, u64)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
    for (value, count) in values {
        let labels = [(label, value)];
        let metric = family.encode_family(&labels)?;
        match kind {
            MetricType::Counter => ConstCounter::new(count).encode(metric)?,
            _ => ConstGauge::new(as_gauge(count)).encode(metric)?,
        }
    }
    Ok(())
}

fn histogram(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    times: &Distribution,
) -> fmt::Result {
    // The library writes its largest number as infinity.
    let finite = |bound: f64| if bound.is_infinite() { f64::MAX } else { bound };
    let buckets: Vec<_> = times.buckets().map(|(bound, n)| (finite(bound), n)).collect();
    encoder
        .encode_descriptor(name, help, None, MetricType::Histogram)?
        .encode_histogram::<NoLabelSet>(times.sum(), times.count(), &buckets, None)
}

fn as_gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
