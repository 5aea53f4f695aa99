//! A shard: one thread, one poller, one bucket.
//!
//! Each turn of the loop waits for events, reads and accepts, does what the mailbox says, hands
//! rooms what was published, fires timers, and last writes what all of that has queued: one write
//! for each connection, however much a turn brought. The parts of a turn are files:
//!
//! * `accept`: listeners;
//! * `reading`: sockets with something to be read, many at a time; `input`: bytes to frames;
//!   `frames`: what they ask for; `holding`: input that waits;
//! * `opening`: upgrade, authentication, the way to the home shard; `welcoming`: what an accepted
//!   peer gets there; `claiming`: which devices have a place; `renewing`: a peer that authenticates
//!   again; `refusing`: refused peers that are held before they are closed;
//! * `commands`: what the mailbox asks for;
//! * `fanout`: publishes to rooms, encoded once, by the `run`, written by the `burst`; `direct`:
//!   members about whom a walk need not ask;
//! * `delivering`: what one session gets, by the rules of its class; `telling`: the frames of the
//!   comet dialect beside deliveries; `losing`: what sessions do not get;
//! * `output`: queues and writes; `flushing`: what is queued leaves, many sockets at a time;
//! * `census`: how many are in a room, for peers who ask;
//! * `timers`, `ending` and `drain`: how sessions and connections end;
//! * `parking`: how sessions outlive their connections; `tickets`: how their peers prove to be who
//!   they were;
//! * `entrance` and `addresses`: how many may come in at all;
//! * `gate` and `shedding`: who is turned away, and what is given up, when there is too much.
//!
//! The state of these parts moves into types of its own, which nothing else reaches into:
//! `connections` is the table of sockets and their queues, `fairness` has connections that come or
//! end wait for their share of a turn.
//!
//! Below them are `socket` and `poller`, which alone know where bytes and events come from,
//! `carrier`, which knows by which system calls bytes go, and `liveness`, by which the system finds
//! peers that are gone. `shared` is what all shards have in common.
//!
//! Not here: what frames mean (`session`), who routes (`dispatch`).

mod accept;
mod acks;
mod addresses;
pub(crate) mod arrival;
mod burst;
pub(crate) mod carrier;
pub(crate) mod census;
pub(crate) mod claiming;
pub(crate) mod clock;
pub(crate) mod command;
mod commands;
mod connection;
mod connections;
mod delivering;
mod direct;
mod drain;
mod ending;
pub(crate) mod entrance;
mod fairness;
mod fanout;
mod flushing;
mod frames;
mod gate;
pub(crate) mod holders;
mod holding;
mod input;
pub(crate) mod liveness;
mod losing;
pub(crate) mod mailbox;
mod opening;
mod output;
mod parking;
pub(crate) mod poller;
mod reading;
mod refusing;
mod renewing;
mod run;
pub(crate) mod settle;
mod shared;
mod shedding;
#[cfg(feature = "simulation")]
pub(crate) mod simulated;
pub(crate) mod sink;
pub(crate) mod socket;
mod tail;
mod telling;
mod tickets;
mod timers;
mod welcoming;
mod write_queue;

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use comet_protocol::ws;
use comet_protocol::ws::handshake::HandshakeLimits;

use crate::SessionId;
use crate::bucket::Bucket;
use crate::budget::Account;
use crate::delivery::Losses;
use crate::devices::Claims;
use crate::session::Limits;
use crate::stats::Counters;
use crate::time::Time;
use crate::wheel::Wheel;
pub(crate) use accept::Listener;
use burst::Burst;
use carrier::Carrier;
use census::Counting;
pub(crate) use connection::Transport;
use connections::Connections;
use fairness::Fairness;
use flushing::Flushing;
use gate::Gate;
use mailbox::Mailbox;
use poller::{Events, Poller, Ready, WAKER};
use reading::Reading;
use refusing::Refusals;
use renewing::Renewals;
use run::Run;
pub(crate) use shared::Shared;
use shedding::Shedding;
use sink::Sink;
use tickets::Nonces;
use write_queue::Pool;

/// Events taken from one poll.
const EVENTS: usize = 1_024;

/// Listeners count down from here, connections up from 0.
const FIRST_LISTENER: usize = usize::MAX - 1;

/// One shard, owned by its thread.
pub(crate) struct Shard {
    index: usize,
    shared: Arc<Shared>,
    mailbox: Arc<Mailbox>,
    sink: Arc<dyn Sink>,
    listeners: Vec<Listener>,
    bucket: Bucket,
    /// In the slots of the bucket's sessions.
    connections: Connections,
    wheel: Wheel,
    limits: Limits,
    ws_limits: ws::Limits,
    upgrade_limits: HandshakeLimits,
    now: Time,
    /// Everything is read into this; nothing stays in it.
    buffer: Vec<u8>,
    /// Writes of a walk that are about to be made.
    burst: Burst,
    flushing: Flushing,
    carrier: Carrier,
    reading: Reading,
    /// Bytes queued since the last flush, large bodies by reference not counted.
    queued: usize,
    fairness: Fairness,
    fired: Vec<u32>,
    found: Vec<u32>,
    run: Run,
    account: Rc<Account>,
    gate: Gate,
    counting: Counting,
    claims: Claims,
    renewals: Renewals,
    refusals: Refusals,
    losses: Losses,
    shedding: Shedding,
    /// Tags of acks that the router is about to hear of.
    tags: Vec<u64>,
    nonces: Nonces,
    /// Sessions that a planted defect forgot.
    uprooted: Vec<SessionId>,
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
        poller: Poller,
        listeners: Vec<Listener>,
    ) -> Self {
        let config = &shared.config;
        let now = shared.clock.now();
        let account = Account::new(Arc::clone(&shared.budget), index);
        let max_message = config.max_body.saturating_add(comet_protocol::head::MAX_HEAD);
        Self {
            index,
            mailbox: Arc::clone(&shared.mailboxes[index]),
            sink,
            listeners,
            bucket: Bucket::new(index, shared.keys.for_part(index)),
            connections: Connections::new(poller, Pool::new(&account)),
            wheel: Wheel::new(now),
            limits: Limits::new(config),
            ws_limits: ws::Limits { max_message, max_fragments: config.max_fragments },
            upgrade_limits: HandshakeLimits {
                max_head: config.max_upgrade,
                max_headers: config.max_upgrade_headers,
            },
            now,
            buffer: vec![0; config.read_buffer],
            burst: Burst::default(),
            flushing: Flushing::default(),
            carrier: Carrier::default(),
            reading: Reading::default(),
            queued: 0,
            fairness: Fairness::default(),
            fired: Vec::new(),
            found: Vec::new(),
            run: Run::default(),
            gate: Gate::new(config.handshake_rate, config.shards),
            counting: Counting::default(),
            claims: Claims::default(),
            renewals: Renewals::default(),
            refusals: Refusals::new(config),
            losses: Losses::default(),
            shedding: Shedding::default(),
            tags: Vec::new(),
            nonces: Nonces::new(&shared.keys.for_part(index)),
            uprooted: Vec::new(),
            account,
            sessions: 0,
            parked: 0,
            drain: None,
            shared,
        }
    }

    /// Runs until the shard has been drained.
    pub(crate) fn run(mut self) {
        let _stop = self.stop_at_end();
        let mut events = Events::with_capacity(EVENTS);
        self.carrier = Carrier::new(self.shared.config.io, self.index);
        self.listen();
        while !self.is_drained() {
            if let Err(error) = self.step(&mut events) {
                tracing::error!(shard = self.index, %error, "poll failed");
                break;
            }
        }
        tracing::debug!(shard = self.index, "shard stopped");
    }

    /// Waits until there is something to do, and does it.
    pub(crate) fn step(&mut self, events: &mut Events) -> io::Result<()> {
        let timeout = self.timeout();
        self.connections.wait(events, timeout)?;
        self.mailbox.awake();
        self.turn(events);
        Ok(())
    }

    /// To be kept as long as the shard is.
    pub(crate) fn stop_at_end(&self) -> StopAtEnd {
        StopAtEnd(Arc::clone(&self.mailbox))
    }

    /// Plants a defect.
    #[cfg(feature = "simulation")]
    pub(crate) fn plant(&mut self, plant: crate::plant::Plant) {
        self.limits.planted.set(plant);
    }

    /// Whether sockets have something to report.
    #[cfg(feature = "simulation")]
    pub(crate) fn has_events(&self) -> bool {
        self.connections.has_events()
    }

    fn turn(&mut self, events: &Events) {
        self.now = self.shared.clock.now();
        // What is to be read on has waited for what the turn before brought: the end of a peer's
        // bytes is not looked at before its last message has had a chance of an answer.
        self.fairness.begin_turn();
        self.take_those_put_off();
        self.resume_all();
        self.handle_events(events);
        self.accept_again();
        self.handle_commands();
        self.finish_run(fanout::Last::Yes);
        self.fire_timers();
        self.flush_dirty();
        self.shed_if_short();
        self.flush_dirty();
        self.report_losses();
        self.note();
    }

    fn handle_event(&mut self, ready: Ready) {
        let token = ready.token;
        if token == WAKER {
            return;
        }
        if let Some(listener) = FIRST_LISTENER.checked_sub(token.0).filter(|&at| at < 256) {
            self.accept(listener);
            return;
        }
        let Ok(slot) = u32::try_from(token.0) else { return };
        if (ready.error || ready.read_closed) && !self.fairness.may_end() {
            if let Some(key) = self.connections.key(slot) {
                self.fairness.put_off_end(key, ready);
            }
            return;
        }
        self.handle_ready(slot, ready);
        if self.mailbox.is_half_full() {
            self.handle_commands();
        }
    }

    /// Leavers and newcomers of earlier turns, as far as this turn has a share for them.
    fn take_those_put_off(&mut self) {
        for _ in 0..self.fairness.leavers() {
            let Some((key, ready)) = self.fairness.next_leaver() else { break };
            if self.connections.has(key) {
                self.handle_ready(key.slot(), ready);
            }
        }
        for _ in 0..self.fairness.newcomers() {
            let Some(key) = self.fairness.next_newcomer() else { break };
            if self.connections.has(key) {
                self.go_on_with(key.slot());
            }
        }
    }

    /// What a connection's socket reports.
    fn handle_ready(&mut self, slot: u32, ready: Ready) {
        if ready.error || ready.read_closed {
            self.fairness.count_end();
        }
        if ready.writable {
            self.handle_writable(slot);
        }
        if ready.error {
            self.handle_error(slot);
        }
        if ready.readable || ready.read_closed {
            self.note_end(slot, ready.read_closed);
            self.handle_readable(slot);
        }
    }

    /// How long the poll may sleep.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        let waits = self.connections.has_resuming() || self.fairness.has_waiting();
        let busy = waits || self.accept_is_due();
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
        counters.rooms.set(self.bucket.room_count() as u64);
        counters.memory.set((self.account.used() + self.mailbox.bytes()) as u64);
    }
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
        let connection = size_of::<Option<super::connection::Connection>>();
        assert!(slot <= 144, "{slot}");
        assert!(connection <= 80, "{connection}");
        let conversation = size_of::<crate::session::Conversation>();
        assert!(conversation <= 152, "{conversation}");
    }
}
