//! State shared by the shards of a gateway.

use std::hash::BuildHasher;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::clock::Clock;
use super::entrance::Entrance;
use super::mailbox::Mailbox;
use super::poller::Poller;
use crate::budget::Budget;
use crate::config::Config;
use crate::home::{Homes, RoomFilter};
use crate::keyed::Keyed;
use crate::pings::Intervals;
use crate::repeats::Repeats;
use crate::stats::Counters;
use crate::ticket::{self, Tickets};
use crate::time::Time;

/// This share of the memory budget is for commands in mailboxes.
const MAILBOXES: usize = 16;

/// Lines of the log that may repeat many times a second, once for all shards.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    pub(crate) accept: Repeats,
    pub(crate) watch: Repeats,
    pub(crate) proxy: Repeats,
    pub(crate) router: Repeats,
}

/// State shared by all shards of a gateway.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) intervals: Intervals,
    pub(crate) clock: Clock,
    /// Each part hashes with a key of its own, made from this one.
    pub(crate) keys: Keyed,
    pub(crate) homes: Homes,
    pub(crate) mailboxes: Vec<Arc<Mailbox>>,
    pub(crate) room_filters: Vec<RoomFilter>,
    pub(crate) counters: Vec<Counters>,
    /// Connections accepted, for each listener.
    pub(crate) accepted_by: Vec<AtomicU64>,
    pub(crate) entrance: Entrance,
    pub(crate) warnings: Warnings,
    pub(crate) budget: Arc<Budget>,
    pub(crate) tickets: Tickets,
    /// Tells the sessions of this run of the gateway from those of others.
    pub(crate) incarnation: u64,
}

impl Shared {
    /// The state for a shard for each of the pollers.
    pub(crate) fn new(
        config: Config,
        intervals: Intervals,
        clock: Clock,
        keys: Keyed,
        pollers: &[Poller],
    ) -> io::Result<Self> {
        let for_mailboxes = config.memory.budget / MAILBOXES;
        let bytes = for_mailboxes / pollers.len().max(1);
        let mailbox = |poller: &Poller| {
            Ok(Arc::new(Mailbox::new(config.memory.mailbox, bytes, poller.waker())))
        };
        let secret = config.resume.ticket_key.map_or_else(|| keys.secret(), Ok)?;
        Ok(Self {
            budget: Arc::new(Budget::new(config.memory.budget - for_mailboxes, pollers.len())),
            tickets: Tickets::new(secret, ticket::LIFE),
            incarnation: keys.hash_one("incarnation"),
            clock,
            homes: Homes::new(pollers.len(), keys.for_part(pollers.len())),
            keys,
            mailboxes: pollers.iter().map(mailbox).collect::<io::Result<_>>()?,
            room_filters: pollers.iter().map(|_| RoomFilter::new()).collect(),
            counters: pollers.iter().map(|_| Counters::default()).collect(),
            accepted_by: Vec::new(),
            entrance: Entrance::new(&config.limits),
            warnings: Warnings::default(),
            intervals,
            config,
        })
    }

    /// Counts connections of so many listeners apart.
    pub(crate) fn count_listeners(&mut self, listeners: usize) {
        self.accepted_by = (0..listeners).map(|_| AtomicU64::new(0)).collect();
    }

    /// Since the start of the gateway.
    pub(crate) fn uptime(&self) -> Duration {
        self.clock.now().since(Time::START)
    }
}
