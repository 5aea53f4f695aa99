//! Counters of the QUIC port.

use comet::{Metric, MetricKind};
use comet_quic::Stats;

/// The counters, as they are exported.
pub(super) fn metrics(stats: &Stats) -> [Metric; 16] {
    let counter = |name, help, value| Metric { name, help, kind: MetricKind::Counter, value };
    let connections = "QUIC connections that there are, those in a handshake and closing included";
    let datagrams = &stats.datagrams;
    [
        Metric {
            name: "connections",
            help: connections,
            kind: MetricKind::Gauge,
            value: stats.connections,
        },
        counter("begun", "QUIC handshakes begun", stats.begun),
        counter("established", "QUIC handshakes completed", stats.established),
        counter("adopted", "QUIC streams that became sessions", stats.adopted),
        counter("retried", "QUIC clients asked to prove their address", stats.retried),
        counter("dropped", "First datagrams dropped for too many handshakes", stats.dropped),
        counter("refused", "QUIC connections refused for limits or a drain", stats.refused),
        counter("overdue", "QUIC connections closed as no session came in time", stats.overdue),
        counter("failed", "QUIC connections that ended in an error", stats.failed),
        counter("timed_out", "QUIC connections lost by silence", stats.timed_out),
        counter("migrated", "Changes of the address of a QUIC client", stats.migrated),
        counter("datagrams_received", "UDP datagrams received", datagrams.received),
        counter("datagrams_sent", "UDP datagrams sent", datagrams.sent),
        counter("datagrams_stray", "UDP datagrams of no QUIC connection", datagrams.stray),
        counter(
            "datagrams_forwarded",
            "UDP datagrams handed to another thread",
            datagrams.forwarded,
        ),
        counter(
            "datagrams_lost",
            "UDP datagrams not handed over, as too many waited",
            datagrams.unforwarded,
        ),
    ]
}
