//! A gateway from its builder to its end: the handle to a running one, and the router that it asks.

mod adopt;
mod builder;
mod commands;
mod dispatch;
mod ending;
mod router;

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use adopt::{Adoption, Place};
pub use builder::Builder;
#[cfg(feature = "simulation")]
pub(crate) use dispatch::Dispatch;
use ending::{Ended, Ending, Running};
pub use router::Router;

use crate::config::Config;
use crate::repeats::LeftOut;
use crate::reservation::Reservation;
use crate::shard::Shared;
use crate::shard::command::Command;
use crate::stats::Stats;
use crate::{AdoptError, StartError};
#[cfg(feature = "tokio")]
use crate::{Closed, SessionId};

/// A running gateway. Cheap to clone; all clones refer to the same one, which runs until
/// [`drain`](Self::drain)ed, even when every handle is gone.
///
/// Commands are carried out later, on the shards concerned; commands of one thread to one session
/// are carried out in order. A command for a session or user that does not exist has no effect.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    addresses: Vec<SocketAddr>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    ending: Arc<Ending>,
    next_adopter: AtomicU64,
    draining: AtomicBool,
    router_panics: AtomicU64,
}

impl Gateway {
    /// Reserves bytes of [`memory.budget`](crate::MemoryConfig::budget) for a component
    /// beside the gateway that keeps data for clients, an HTTP server for instance, so that one
    /// number bounds all memory.
    ///
    /// `None` if the budget has not enough: all reservations together are limited to an eighth of
    /// the budget, and none is granted that would make memory short for sessions.
    #[must_use]
    pub fn reserve_memory(&self, bytes: usize) -> Option<Reservation> {
        Reservation::new(Arc::clone(&self.0.shared.budget), bytes)
    }

    /// Total bytes that [`reserve_memory`](Self::reserve_memory) may grant: an eighth of the
    /// budget.
    #[must_use]
    pub fn reservable_memory(&self) -> usize {
        self.0.shared.budget.reservable()
    }

    /// Sums of the counters of all shards.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        self.0.shared.counters.iter().for_each(|counters| stats.add(counters));
        let accepted = &self.0.shared.accepted_by;
        stats.accepted_by = accepted.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        stats.memory += self.0.shared.budget.reserved() as u64;
        // One that moves between two shards is in neither, and dropped if its shard has ended.
        let shared = &self.0.shared;
        let missed: usize = shared.mailboxes.iter().map(|mailbox| mailbox.missed()).sum();
        let open = shared.entrance.connections();
        stats.connections = open.saturating_sub(missed) as u64;
        stats.router_panics = self.0.router_panics.load(Ordering::Relaxed);
        stats
    }

    /// The listening addresses, in the order given; port 0 is replaced by the actual one.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.addresses.clone()
    }

    /// Number of shards.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.0.shared.mailboxes.len()
    }

    /// Stops accepting connections, ends all sessions within the time, then stops the gateway.
    ///
    /// Sessions are ended a few at a time over the first half, those that wait for replies or acks
    /// last; WebSocket peers are sent 1001. Returns at once; [`wait`](Self::wait) returns, and
    /// [`stopped`](Self::stopped) resolves, when the drain is complete.
    pub fn drain(&self, within: Duration) {
        self.0.draining.store(true, Ordering::Relaxed);
        for mailbox in &self.0.shared.mailboxes {
            mailbox.post(Command::Drain(within));
        }
    }

    /// Applies the limits of `config` that can change while sessions are open:
    /// [`handshake.rate`](crate::HandshakeConfig::rate),
    /// [`limits.message_rate`](crate::LimitsConfig::message_rate),
    /// [`limits.connections_per_address`](crate::LimitsConfig::connections_per_address) and
    /// [`limits.handshakes_per_address`](crate::LimitsConfig::handshakes_per_address). All other
    /// settings keep their values from the start. No connection is closed for exceeding a lowered
    /// limit; connections made before a limit for addresses was set are not counted.
    ///
    /// # Errors
    ///
    /// [`StartError::Config`], and nothing is applied.
    pub fn reconfigure(&self, config: &Config) -> Result<(), StartError> {
        config.validate()?;
        self.0.shared.entrance.reconfigure(&config.limits);
        for mailbox in &self.0.shared.mailboxes {
            let (message_rate, handshake_rate) =
                (config.limits.message_rate, config.handshake.rate);
            mailbox.post(Command::Reconfigure { message_rate, handshake_rate });
        }
        Ok(())
    }

    /// Whether [`drain`](Self::drain) was called.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    /// Resolves when the gateway has been drained; runs on any runtime, without blocking it.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        Ended(Arc::clone(&self.0.ending))
    }

    /// Blocks until the gateway has been drained. Must not be called on a shard or in a task; use
    /// [`stopped`](Self::stopped) there.
    pub fn wait(&self) {
        // Other callers wait for the lock.
        let mut threads = self.0.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a shard panicked");
            }
        }
    }

    pub(crate) fn new(shared: Arc<Shared>, addresses: Vec<SocketAddr>) -> Self {
        Self(Arc::new(Inner {
            shared,
            addresses,
            threads: Mutex::default(),
            ending: Arc::default(),
            next_adopter: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            router_panics: AtomicU64::new(0),
        }))
    }

    pub(crate) fn started(&self, threads: Vec<JoinHandle<()>>) {
        *self.0.threads.lock().unwrap_or_else(PoisonError::into_inner) = threads;
    }

    /// Token of a shard that is about to run, kept until it has ended.
    pub(crate) fn begin_shard(&self) -> Running {
        self.0.ending.begin()
    }

    /// Ends a session that the router can no longer serve.
    #[cfg(feature = "tokio")]
    pub(crate) fn fail(&self, session: SessionId, closed: Closed) {
        if let Some(mailbox) = self.0.shared.mailboxes.get(session.shard()) {
            mailbox.post(Command::Fail { session, closed });
        }
    }

    /// Counts a panic of the router. Returns the text to append to its log line.
    pub(crate) fn count_panic(&self) -> Option<LeftOut> {
        self.0.router_panics.fetch_add(1, Ordering::Relaxed);
        self.0.shared.warnings.router.admit(self.0.shared.uptime())
    }

    /// The shard of the next adopted connection.
    pub(crate) fn next_adopter(&self) -> Result<usize, AdoptError> {
        let shards = self.shards() as u64;
        let shard = self.0.next_adopter.fetch_add(1, Ordering::Relaxed) % shards;
        let shard = usize::try_from(shard).unwrap_or(0);
        let is_stopped = self.0.shared.mailboxes[shard].is_stopped();
        if is_stopped || self.0.draining.load(Ordering::Relaxed) {
            return Err(AdoptError::Stopped);
        }
        Ok(shard)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("shards", &self.shards()).finish_non_exhaustive()
    }
}
