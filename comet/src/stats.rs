//! Counters: written by one shard each, summed when somebody reads.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::Closed;

/// A number that one thread writes and any thread reads.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Only the shard that owns the counter may call this.
    pub(crate) fn add(&self, count: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    /// Only the shard that owns the counter may call this.
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Defines the counters of a shard and the sums that are read, from one list.
macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// A shard's counters, apart from its neighbours': each is written by one thread.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)+
            pub(crate) closed: [Counter; Closed::LABELS.len()],
        }

        /// Sums over all shards. Gauges tell the present, everything else counts from the start.
        #[derive(Clone, Debug, Default, Eq, PartialEq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[doc = $doc])+ pub $name: u64,)+
            /// Sessions and connections that ended, by reason, in the order of
            /// [`Closed::LABELS`].
            pub closed: [u64; Closed::LABELS.len()],
        }

        impl Stats {
            /// Every counter but [`closed`](Self::closed) by its name, for exporters.
            #[must_use]
            pub fn named(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)+]
            }

            pub(crate) fn add(&mut self, counters: &Counters) {
                $(self.$name += counters.$name.get();)+
                for (sum, counter) in self.closed.iter_mut().zip(&counters.closed) {
                    *sum += counter.get();
                }
            }
        }
    };
}

counters! {
    /// Connections that are open now, those that are closing included: a gauge.
    connections,
    /// Sessions that have a connection now: a gauge.
    sessions,
    /// Sessions that are kept without a connection now: a gauge.
    parked,
    /// Rooms that have members now, counted on each shard: a gauge.
    rooms,
    /// Connections accepted.
    accepted,
    /// Times that accepting failed and was put off, for want of file descriptors for instance.
    accept_errors,
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
    /// Bytes charged to the memory budget now, those in mailboxes included: a gauge.
    memory,
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

impl Stats {
    /// How many ended for a reason.
    #[must_use]
    pub fn closed_as(&self, reason: &Closed) -> u64 {
        self.closed[reason.index()]
    }
}
