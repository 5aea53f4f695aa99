//! Counters: each written by one shard, and summed on reading.

use std::ops::Index;
use std::sync::atomic::{AtomicU64, Ordering};

use comet_protocol::Dialect;

use crate::Closed;
use crate::histogram::{Distribution, Histogram};

/// A number that one thread writes and any thread reads.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Only the shard that owns the counter may call this.
    pub(crate) fn add(&self, count: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    /// Only the shard that owns the counter may call this.
    pub(crate) fn change(&self, by: i64) {
        self.set(self.get().saturating_add_signed(by));
    }

    /// Only the shard that owns the counter may call this.
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One value for each reason of an end, by its [index](Closed::index).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ByReason<T>([T; Closed::LABELS.len()]);

impl<T: Default> Default for ByReason<T> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| T::default()))
    }
}

impl<T> Index<usize> for ByReason<T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        &self.0[index]
    }
}

/// Defines the counters of a shard and the sums that are read, from one list.
macro_rules! counters {
    ($($kind:ident { $($(#[doc = $doc:literal])+ $name:ident,)+ })+) => {
        /// Counters of a shard, on cache lines of their own: each is written by one thread.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub(crate) struct Counters {
            $($(pub(crate) $name: Counter,)+)+
            pub(crate) closed: ByReason<Counter>,
            pub(crate) sessions_of: [Counter; Dialect::ALL.len()],
            pub(crate) fan_out: Histogram,
            pub(crate) round_trip: Histogram,
        }

        /// Sums over all shards. Gauges are current values, all others count from the start.
        #[derive(Clone, Debug, Default, Eq, PartialEq)]
        #[non_exhaustive]
        pub struct Stats {
            $($($(#[doc = $doc])+ pub $name: u64,)+)+
            closed: ByReason<u64>,
            /// Connections accepted by each listener, in the order of
            /// [`Builder::listen`](crate::Builder::listen).
            pub accepted_by: Vec<u64>,
            sessions_of: [u64; Dialect::ALL.len()],
            /// Time taken to deliver a batch of publishes to a room on one shard, measured for
            /// rooms of at least [`Self::FAN_OUT_FROM`] members there.
            pub fan_out: Distribution,
            /// Time from sending an acked delivery to its acknowledgement: one value for each batch
            /// of acks, of deliveries that were sent once.
            pub round_trip: Distribution,
        }

        impl Stats {
            /// All plain counters with names and descriptions, for exporters.
            pub fn metrics(&self) -> impl Iterator<Item = Metric> {
                [$($(Metric {
                    name: stringify!($name),
                    help: concat!($($doc),+).trim_ascii(),
                    kind: MetricKind::$kind,
                    value: self.$name,
                },)+)+]
                .into_iter()
            }

            pub(crate) fn add(&mut self, counters: &Counters) {
                $($(self.$name += counters.$name.get();)+)+
                let closed = self.closed.0.iter_mut().zip(&counters.closed.0);
                let sessions_of = self.sessions_of.iter_mut().zip(&counters.sessions_of);
                for (sum, counter) in closed.chain(sessions_of) {
                    *sum += counter.get();
                }
                counters.fan_out.add_to(&mut self.fan_out);
                counters.round_trip.add_to(&mut self.round_trip);
            }
        }
    };
}

/// A counter of [`Stats`], or of a backend, in a form for exporters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Metric {
    /// In snake case, without prefix and unit.
    pub name: &'static str,
    /// Description in a sentence or two.
    pub help: &'static str,
    /// Kind of the counter.
    pub kind: MetricKind,
    /// Current value.
    pub value: u64,
}

/// Kind of a [`Metric`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MetricKind {
    /// Goes up and down: a current state.
    Gauge,
    /// Only grows, from the start of the gateway.
    Counter,
}

impl Counters {
    /// Records a round trip in milliseconds, if there was one.
    pub(crate) fn note_round_trip(&self, millis: Option<u32>) {
        if let Some(millis) = millis {
            self.round_trip.record_us_alone(u64::from(millis) * 1_000);
        }
    }

    /// Gauge of the sessions connected in the dialect; `None` for a dialect without one.
    pub(crate) fn sessions_of(&self, dialect: Dialect) -> Option<&Counter> {
        self.sessions_of.get(dialect.index())
    }
}

counters! {
    Gauge {
        /// Connections that are open now, those that are closing included.
        connections,
        /// Sessions that have a connection now.
        sessions,
        /// Sessions that are kept without a connection now.
        parked,
        /// Rooms that have members now, counted on each shard.
        rooms,
        /// Bytes charged to the memory budget now, in mailboxes and beside the gateway too.
        memory,
    }
    Counter {
        /// Connections accepted.
        accepted,
        /// Connections [adopted](crate::Gateway::adopt_socket).
        adopted,
        /// Connections handed to a [handler of HTTP](crate::Listen::http).
        handed_over,
        /// Times that accepting failed and was put off, for want of file descriptors for instance.
        accept_errors,
        /// TLS handshakes that were completed.
        tls_handshakes,
        /// Those of them in which the client resumed an earlier TLS session by a ticket.
        tls_resumed,
        /// Sessions that moved to their home shard after authentication.
        moved,
        /// Sessions that got another connection.
        resumed,
        /// Times that a resume ticket was not honoured.
        tickets_refused,
        /// Peers turned away before the router was asked.
        turned_away,
        /// Authentications that the router accepted.
        authenticated,
        /// Times that the router refused a peer.
        refused,
        /// Packets of dialects that have heads.
        frames_in,
        /// Frames that no client may send, or not now; ignored.
        frames_ignored,
        /// Messages given to the router.
        messages,
        /// Bytes read from sockets.
        bytes_in,
        /// Bytes written to sockets.
        bytes_out,
        /// Deliveries handed to a connection, sent again ones not counted.
        deliveries,
        /// Deliveries without a number that a slow or absent reader did not get.
        deliveries_dropped,
        /// Acked deliveries that became part of a gap.
        deliveries_lost,
        /// Gaps that peers were told of, or routers where peers cannot be told.
        gaps,
        /// Times that memory was short and something was given up.
        sheds,
        /// Deliveries sent again.
        resends,
        /// Deliveries acknowledged.
        acks,
        /// Acks of nothing that was in flight.
        stray_acks,
        /// Turns of the shards' loops.
        turns,
        /// Panics of the router.
        router_panics,
    }
}

impl Stats {
    /// Members from which on [`fan_out`](Self::fan_out) is measured: in smaller rooms reading the
    /// clock would be a noticeable cost.
    pub const FAN_OUT_FROM: usize = 64;

    /// Sessions that have a connection now, by its dialect.
    pub fn sessions_by_dialect(&self) -> impl Iterator<Item = (Dialect, u64)> {
        Dialect::ALL.into_iter().zip(self.sessions_of)
    }

    /// Sessions and connections that ended, by the [label](Closed::label) of the reason.
    pub fn closed(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Closed::LABELS.into_iter().zip(self.closed.0)
    }

    /// Sessions and connections that ended for this reason, whatever its details.
    #[must_use]
    pub fn closed_as(&self, reason: &Closed) -> u64 {
        self.closed[reason.index()]
    }
}
