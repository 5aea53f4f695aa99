//! Counters of pushes.

use std::sync::atomic::{AtomicU64, Ordering};

use comet::{Metric, MetricKind};

/// Defines counters and gauges from one list.
macro_rules! counters {
    ($($kind:ident { $($(#[doc = $doc:literal])+ $name:ident,)+ })+) => {
        /// Counts since the start, and the present number of pushes that wait.
        #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
        #[non_exhaustive]
        pub struct Stats {
            $($($(#[doc = $doc])+ pub $name: u64,)+)+
        }

        impl Stats {
            /// All counters and gauges with name and help text, for exporters.
            pub fn metrics(&self) -> impl Iterator<Item = Metric> {
                [$($(Metric {
                    name: stringify!($name),
                    help: concat!($($doc),+).trim_ascii(),
                    kind: MetricKind::$kind,
                    value: self.$name,
                },)+)+]
                .into_iter()
            }
        }

        /// Atomics behind [`Stats`].
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $($(pub(crate) $name: Counter,)+)+
        }

        impl Counters {
            pub(crate) fn read(&self) -> Stats {
                Stats { $($($name: self.$name.0.load(Ordering::Relaxed),)+)+ }
            }
        }
    };
}

counters! {
    Counter {
        /// Users with a message in a conversation that no phone had acknowledged in time.
        due,
        /// Those of them without a phone that has a token and a vendor.
        unreachable,
        /// Pushes that a vendor has taken.
        sent,
        /// Requests to vendors, repeats too.
        requests,
        /// Requests that failed and were repeated, or would have been.
        retried,
        /// Pushes replaced by a newer one of the same conversation before they were sent.
        collapsed,
        /// Pushes given up because their time limit was over.
        expired,
        /// Pushes that a vendor refused, or did not take however often it was asked.
        refused,
        /// Pushes dropped because too many waited for a vendor that failed.
        dropped,
        /// Tokens that a vendor called invalid, and that were forgotten.
        invalid_tokens,
    }
    Gauge {
        /// Pushes that wait for a vendor, now.
        waiting,
    }
}

/// A count.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: usize) {
        self.0.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(crate) fn sub(&self, count: usize) {
        self.0.fetch_sub(count as u64, Ordering::Relaxed);
    }
}
