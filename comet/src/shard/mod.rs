//! A shard: one thread, one `mio::Poll`, one bucket.
//!
//! Each turn of the loop waits for events, reads and accepts, does what the mailbox says, hands
//! rooms what was published, fires timers, and last writes what all of that has queued: one write
//! for each connection, however much a turn brought. The parts of a turn are files:
//!
//! * `accept`: listeners;
//! * `input`: bytes to frames; `frames`: what they ask for;
//! * `opening`: upgrade, authentication, the way to the home shard;
//! * `commands`: what the mailbox asks for;
//! * `fanout`: publishes to rooms, encoded once;
//! * `output`: queues, writes;
//! * `timers`, `ending` and `drain`: how sessions and connections end;
//! * `parking`: how sessions outlive their connections.
//!
//! Not here: what frames mean (`session`), who routes (`dispatch`).

mod accept;
mod addresses;
pub(crate) mod arrival;
pub(crate) mod clock;
pub(crate) mod command;
mod commands;
mod connection;
mod drain;
mod ending;
mod fanout;
mod frames;
mod input;
pub(crate) mod mailbox;
mod opening;
mod output;
mod parking;
pub(crate) mod settle;
pub(crate) mod sink;
mod timers;
mod write_queue;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use comet_protocol::ws;
use comet_protocol::ws::handshake::HandshakeLimits;
use mio::{Events, Poll, Token};

use crate::bucket::Bucket;
use crate::config::Config;
use crate::home::{Homes, Presence};
use crate::session::Limits;
use crate::stats::Counters;
use crate::time::Time;
use crate::wheel::Wheel;
pub(crate) use accept::Listener;
pub(crate) use addresses::Addresses;
use clock::Clock;
use connection::Connection;
pub(crate) use connection::Transport;
use fanout::Run;
use mailbox::Mailbox;
use sink::Sink;
use write_queue::Pool;

/// Events taken from one poll.
const EVENTS: usize = 1_024;

const WAKER: Token = Token(usize::MAX);
/// Listeners count down from here, connections up from 0.
const FIRST_LISTENER: usize = usize::MAX - 1;

/// What all shards of a gateway share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) homes: Homes,
    pub(crate) mailboxes: Vec<Arc<Mailbox>>,
    pub(crate) presence: Vec<Presence>,
    pub(crate) counters: Vec<Counters>,
    pub(crate) open_connections: AtomicUsize,
    pub(crate) addresses: Addresses,
}

/// One shard, owned by its thread.
pub(crate) struct Shard {
    index: usize,
    shared: Arc<Shared>,
    mailbox: Arc<Mailbox>,
    sink: Arc<dyn Sink>,
    poll: Poll,
    listeners: Vec<Listener>,
    bucket: Bucket,
    /// By slot, beside the bucket's sessions.
    connections: Vec<Option<Connection>>,
    next_serial: u32,
    wheel: Wheel,
    limits: Limits,
    ws_limits: ws::Limits,
    upgrade_limits: HandshakeLimits,
    now: Time,
    /// Everything is read into this; nothing stays in it.
    buffer: Vec<u8>,
    dirty: Vec<u32>,
    /// Bytes queued since the last flush, large bodies by reference not counted.
    queued: usize,
    resuming: Vec<u32>,
    fired: Vec<u32>,
    found: Vec<u32>,
    run: Run,
    pool: Pool,
    /// Open ones.
    sessions: u64,
    /// Kept without a connection.
    parked: u64,
    drain: Option<drain::Drain>,
}

impl Shard {
    pub(crate) fn new(
        index: usize,
        shared: Arc<Shared>,
        sink: Arc<dyn Sink>,
        poll: Poll,
        listeners: Vec<Listener>,
    ) -> Self {
        let config = &shared.config;
        let now = shared.clock.now();
        let max_message = config.max_body.saturating_add(comet_protocol::head::MAX_HEAD);
        Self {
            index,
            mailbox: Arc::clone(&shared.mailboxes[index]),
            sink,
            poll,
            listeners,
            bucket: Bucket::new(index),
            connections: Vec::new(),
            next_serial: 0,
            wheel: Wheel::new(now),
            limits: Limits::new(config),
            ws_limits: ws::Limits { max_message, max_fragments: config.max_fragments },
            upgrade_limits: HandshakeLimits {
                max_head: config.max_upgrade,
                max_headers: config.max_upgrade_headers,
            },
            now,
            buffer: vec![0; config.read_buffer],
            dirty: Vec::new(),
            queued: 0,
            resuming: Vec::new(),
            fired: Vec::new(),
            found: Vec::new(),
            run: Run::default(),
            pool: Pool::default(),
            sessions: 0,
            parked: 0,
            drain: None,
            shared,
        }
    }

    /// Runs until the shard has been drained.
    pub(crate) fn run(mut self) {
        let _stop = StopAtEnd(Arc::clone(&self.mailbox));
        let mut events = Events::with_capacity(EVENTS);
        self.register_listeners();
        while !self.is_drained() {
            let timeout = self.timeout();
            if let Err(error) = self.poll.poll(&mut events, timeout)
                && error.kind() != std::io::ErrorKind::Interrupted
            {
                tracing::error!(shard = self.index, %error, "poll failed");
                break;
            }
            self.mailbox.awake();
            self.turn(&events);
        }
        tracing::debug!(shard = self.index, "shard stopped");
    }

    fn turn(&mut self, events: &Events) {
        self.now = self.shared.clock.now();
        for event in events {
            self.handle_event(event);
        }
        self.resume_all();
        self.accept_again();
        self.handle_commands();
        self.finish_run(fanout::Last::Yes);
        self.fire_timers();
        self.flush_dirty();
        self.note();
    }

    fn handle_event(&mut self, event: &mio::event::Event) {
        let token = event.token();
        if token == WAKER {
            return;
        }
        if let Some(listener) = FIRST_LISTENER.checked_sub(token.0).filter(|&at| at < 256) {
            self.accept(listener);
            return;
        }
        let Ok(slot) = u32::try_from(token.0) else { return };
        if event.is_writable() {
            self.handle_writable(slot);
        }
        if event.is_error() {
            self.handle_error(slot);
        }
        if event.is_readable() || event.is_read_closed() {
            self.note_end(slot, event.is_read_closed());
            self.handle_readable(slot);
        }
        if self.mailbox.is_half_full() {
            self.handle_commands();
        }
    }

    /// How long the poll may sleep.
    fn timeout(&self) -> Option<Duration> {
        let busy = !self.resuming.is_empty() || self.accept_is_due();
        if busy || !self.mailbox.may_sleep() {
            return Some(Duration::ZERO);
        }
        let now = self.shared.clock.now();
        let next = [self.wheel.next(), self.accept_at(), self.drain_at()];
        next.into_iter().flatten().min().map(|at| at.since(now))
    }

    fn counters(&self) -> &Counters {
        &self.shared.counters[self.index]
    }

    fn note(&self) {
        let counters = self.counters();
        counters.turns.add(1);
        counters.connections.set((self.bucket.len() as u64).saturating_sub(self.parked));
        counters.rooms.set(self.bucket.room_count() as u64);
    }
}

/// Stops the mailbox however the shard ends, so that nobody waits for an answer from it.
struct StopAtEnd(Arc<Mailbox>);

impl Drop for StopAtEnd {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// The token under which a shard's waker reports.
pub(crate) const fn waker_token() -> Token {
    WAKER
}

#[cfg(test)]
mod tests {
    /// The figures of ARCHITECTURE.md; what is behind pointers comes on top.
    #[test]
    fn an_idle_session_is_small() {
        let slot = crate::bucket::slot_size();
        let connection = size_of::<Option<super::Connection>>();
        assert!(slot <= 128, "{slot}");
        assert!(connection <= 80, "{connection}");
    }
}
