//! A shard: one thread, one poller, one bucket.
//!
//! Its parts own their state, and know only those below them:
//!
//! ```text
//!                          Shard: the order of a turn, commands
//!        Reader            Publisher            Admission            Drain
//!   bytes to frames   rooms, encoded once     newcomers
//!                                  |
//!         Sessions: effects, timers     Lifecycle: begin, park, resume, end
//!                                       Shedding: memory
//!                                  |
//!         Endpoints: sessions with their connections, deliveries, acks
//!              bucket, wheel, account       Connections: sockets, queues
//! ```
//!
//! Below them are `transport` and `poller`, which alone know where bytes and events come from, and
//! `liveness`, by which the system finds peers that are gone. `mailbox` is how others tell a shard
//! something; `shared` is what all shards have in common.
//!
//! Each turn waits for events, reads and accepts, carries out commands, hands rooms what was
//! published, fires timers, and last writes what all of that has queued: one write for each
//! connection, however much a turn brought.
//!
//! Not here: the meaning of frames (`session`), the router (`gateway`).

mod admission;
#[cfg(any(feature = "tokio", feature = "simulation"))]
pub(crate) mod board;
pub(crate) mod census;
pub(crate) mod clock;
pub(crate) mod command;
mod commands;
mod connections;
mod context;
mod drain;
mod effect;
mod endpoints;
mod entrance;
mod handoff;
mod holders;
mod introduction;
mod lifecycle;
pub(crate) mod liveness;
pub(crate) mod mailbox;
pub(crate) mod poller;
mod pressure;
mod publisher;
mod reader;
mod readiness;
pub(crate) mod requests;
mod sessions;
mod shared;
#[cfg(feature = "simulation")]
pub(crate) mod simulated;
pub(crate) mod sink;
pub(crate) mod transport;
pub(crate) mod waker;

use std::io;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use admission::Listener;
pub(crate) use command::Question;
pub(crate) use connections::{ADOPTED, FramingState, Unread, open_ring};
pub(crate) use entrance::{Full, Holds, Visitor};
pub(crate) use handoff::Handoff;
pub(crate) use introduction::Introduction;
pub(crate) use shared::Shared;

use admission::Admission;
use context::Context;
use drain::Drain;
use endpoints::Endpoints;
use mailbox::Mailbox;
use poller::{Events, Poller, WAKER};
use publisher::{Last, Publisher};
use reader::Reader;
use readiness::Ready;
use sessions::Sessions;
use sink::Sink;

/// Events taken from one poll.
const EVENTS: usize = 1_024;

/// Listeners count down from here, connections up from 0.
const FIRST_LISTENER: usize = usize::MAX - 1;

/// Listeners of a shard at most.
const LISTENERS: usize = 256;

/// One shard, owned by its thread.
pub(crate) struct Shard {
    mailbox: Arc<Mailbox>,
    sessions: Sessions,
    admission: Admission,
    reader: Reader,
    publisher: Publisher,
    drain: Option<Drain>,
    /// Slots that were looked up, for reuse.
    found: Vec<u32>,
}

impl Shard {
    pub(crate) fn new(
        index: usize,
        shared: Arc<Shared>,
        sink: Arc<dyn Sink>,
        poller: Poller,
        listeners: Vec<Listener>,
    ) -> Self {
        let cx = Context::new(index, shared, sink);
        Self {
            mailbox: Arc::clone(cx.mailbox()),
            admission: Admission::new(&cx, listeners),
            reader: Reader::new(&cx),
            publisher: Publisher::default(),
            drain: None,
            found: Vec::new(),
            sessions: Sessions::new(Endpoints::new(cx, poller)),
        }
    }

    /// Runs until the shard has been drained.
    pub(crate) fn run(mut self) {
        let _stop = self.stop_at_end();
        let mut events = Events::with_capacity(EVENTS);
        let Endpoints { cx, connections, .. } = &mut self.sessions.endpoints;
        let index = cx.index;
        connections.begin_io(cx.shared.config.io.interface, index);
        self.listen();
        while !self.is_drained() {
            if let Err(error) = self.step(&mut events) {
                tracing::error!(shard = index, %error, "poll failed");
                break;
            }
        }
        tracing::debug!(shard = index, "shard stopped");
    }

    /// Begins to listen; to be called once, before the first turn.
    pub(crate) fn listen(&mut self) {
        self.admission.listeners.listen(&self.sessions.endpoints);
    }

    /// Waits until there is something to do, and does it.
    pub(crate) fn step(&mut self, events: &mut Events) -> io::Result<()> {
        let timeout = self.timeout();
        self.sessions.endpoints.connections.wait(events, timeout)?;
        self.mailbox.awake();
        self.turn(events);
        Ok(())
    }

    /// To be kept as long as the shard is.
    pub(crate) fn stop_at_end(&self) -> StopAtEnd {
        StopAtEnd(Arc::clone(&self.mailbox))
    }

    /// Whether sockets have something to report.
    #[cfg(feature = "simulation")]
    pub(crate) fn has_events(&self) -> bool {
        self.sessions.endpoints.connections.has_events()
    }

    /// Whether the shard is to stop now.
    pub(crate) fn is_drained(&self) -> bool {
        self.drain.is_some() && self.sessions.endpoints.bucket.len() == 0
    }

    /// How long the poll may sleep.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        let ep = &self.sessions.endpoints;
        let waits = ep.connections.has_resuming() || self.reader.has_put_off();
        let busy = waits || self.admission.listeners.is_due();
        if busy || !self.mailbox.may_sleep() {
            return Some(Duration::ZERO);
        }
        let now = ep.cx.shared.clock.now();
        let drain = self.drain.as_ref().map(Drain::due_at);
        let next = [ep.wheel.next(), self.admission.listeners.due_at(), drain];
        next.into_iter().flatten().min().map(|at| at.since(now))
    }

    /// One turn: reading, commands, publishes, timers, and last the writes of all that.
    fn turn(&mut self, events: &Events) {
        let cx = &mut self.sessions.endpoints.cx;
        cx.now = cx.shared.clock.now();
        self.read(events);
        self.admission.listeners.accept_again(&mut self.sessions.endpoints);
        self.handle_commands();
        self.finish_batch(Last::Yes);
        self.sessions.fire_timers();
        if let Some(drain) = &mut self.drain {
            drain.go_on(&mut self.sessions);
        }
        self.sessions.flush();
        self.sessions.give_up_memory();
        self.sessions.flush();
        self.sessions.report_losses();
        self.note();
    }

    /// Reads input of peers. Between two connections commands have their turn if many wait.
    fn read(&mut self, events: &Events) {
        self.reader.begin_turn();
        self.reader.take_those_put_off(&mut self.sessions, &mut self.admission);
        // What is to be read on has waited for what the turn before brought: the end of a peer's
        // bytes is not looked at before its last message has had a chance of an answer.
        for slot in self.sessions.endpoints.connections.take_resuming() {
            self.reader.go_on_with(&mut self.sessions, &mut self.admission, slot);
            self.after_one();
        }
        for ready in events.iter() {
            self.handle_event(ready);
            if self.reader.is_full() {
                self.read_batch();
            }
        }
        self.read_batch();
    }

    fn handle_event(&mut self, ready: Ready) {
        let token = ready.token;
        if token == WAKER {
            return;
        }
        if let Some(index) = FIRST_LISTENER.checked_sub(token.0).filter(|&at| at < LISTENERS) {
            return self.admission.listeners.accept(&mut self.sessions.endpoints, index);
        }
        self.reader.take_report(&mut self.sessions, &mut self.admission, ready);
        self.after_one();
    }

    fn read_batch(&mut self) {
        self.reader.read_batch(&mut self.sessions.endpoints);
        while self.reader.handle_batch(&mut self.sessions, &mut self.admission) {
            self.after_one();
        }
        self.after_one();
    }

    /// After the input of one connection.
    fn after_one(&mut self) {
        self.sessions.carry_out_effects();
        if self.mailbox.is_half_full() {
            self.handle_commands();
            self.finish_batch(Last::No);
        }
    }

    fn note(&self) {
        let ep = &self.sessions.endpoints;
        let counters = ep.cx.counters();
        counters.turns.add(1);
        counters.rooms.set(ep.bucket.room_count() as u64);
        counters.memory.set((ep.account.used() + self.mailbox.bytes()) as u64);
    }
}

/// Bytes that the place of a connection takes.
#[cfg(feature = "internals")]
pub(crate) fn connection_size() -> usize {
    size_of::<Option<connections::Connection>>()
}

/// Stops the mailbox however the shard ends, so that nobody waits for an answer from it.
#[derive(Debug)]
pub(crate) struct StopAtEnd(Arc<Mailbox>);

impl Drop for StopAtEnd {
    fn drop(&mut self) {
        self.0.stop();
    }
}

#[cfg(test)]
mod tests {
    /// The figures of ARCHITECTURE.md; what is behind pointers comes on top.
    #[test]
    fn an_idle_session_is_small() {
        let slot = crate::bucket::slot_size();
        let connection = size_of::<Option<super::connections::Connection>>();
        assert!(slot <= 144, "{slot}");
        let spare = if cfg!(feature = "simulation") { 8 } else { 0 };
        assert!(connection <= 64 + spare, "{connection}");
        let comet_state = size_of::<crate::session::CometState>();
        assert!(comet_state <= 152, "{comet_state}");
    }
}
