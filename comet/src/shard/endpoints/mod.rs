//! Endpoints: the sessions of a shard with their connections, under one slot each.
//!
//! Work that concerns a session and its connection alone is done here: frames are queued,
//! deliveries admitted, timers set. The end of a session, its parking, and all else is only noted,
//! as an [`Effect`], and carried out by the [sessions](super::sessions) when the caller is done. So
//! no function here takes away a slot that another one up the stack still works on.
//!
//! Not here: how sessions begin and end (`lifecycle`), rooms (`publisher`), sockets
//! (`connections`).

mod answering;
mod delivering;
pub(super) mod lanes;
mod losing;
mod waiting_input;

use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use comet_protocol::Dialect;

use super::connections::{Connections, Flush, Flushing, Outgoing};
use super::context::Context;
use super::effect::{Effect, Effects};
use super::holders::Holders;
use super::poller::Poller;
use crate::bucket::Bucket;
use crate::budget::Account;
use crate::delivery::Losses;
use crate::time::Time;
use crate::wheel::Wheel;

/// Sessions and connections of one shard.
pub(super) struct Endpoints {
    pub(super) cx: Context,
    pub(super) bucket: Bucket,
    /// In the slots of the bucket's sessions.
    pub(super) connections: Connections,
    pub(super) wheel: Wheel,
    pub(super) account: Rc<Account>,
    /// Sessions that may hold much memory.
    pub(super) holders: Holders,
    pub(super) losses: Losses,
    pub(super) effects: Effects,
    /// Slots whose timers have fired, for reuse.
    pub(super) fired: Vec<u32>,
    flushing: Flushing,
    pub(super) population: Population,
}

/// Numbers of sessions.
#[derive(Debug, Default)]
pub(super) struct Population {
    /// Open ones.
    open: u64,
    /// Kept without a connection.
    parked: u64,
}

impl Population {
    /// Counts a session that got or lost a connection of this dialect.
    pub(super) fn change_open(&mut self, cx: &Context, dialect: Option<Dialect>, by: i64) {
        self.open = self.open.saturating_add_signed(by);
        let counters = cx.counters();
        counters.sessions.set(self.open);
        if let Some(sessions) = dialect.and_then(|it| counters.sessions_of(it)) {
            sessions.change(by);
        }
    }

    /// Counts a session that is parked, or no longer.
    pub(super) fn change_parked(&mut self, cx: &Context, by: i64) {
        self.parked = self.parked.saturating_add_signed(by);
        cx.counters().parked.set(self.parked);
    }
}

impl Endpoints {
    pub(super) fn new(cx: Context, poller: Poller) -> Self {
        let account = Account::new(Arc::clone(&cx.shared.budget), cx.index);
        Self {
            bucket: Bucket::new(cx.index, cx.shared.keys.for_part(cx.index)),
            connections: Connections::new(poller, &account, &cx.shared.config.deflate),
            wheel: Wheel::new(cx.now),
            account,
            holders: Holders::default(),
            losses: Losses::default(),
            effects: Effects::default(),
            fired: Vec::new(),
            flushing: Flushing::default(),
            population: Population::default(),
            cx,
        }
    }

    /// Notes an effect on a session for when the caller is done.
    pub(super) fn effect(&mut self, slot: u32, effect: Effect) {
        self.effects.push(self.bucket.id(slot), effect);
    }

    /// The queue of a slot's connection, open for frames.
    #[inline]
    pub(super) fn out(&mut self, slot: u32) -> Option<Outgoing<'_>> {
        self.connections.outgoing(slot, self.cx.now)
    }

    /// Writes the queue of one connection, and notes the effects.
    pub(super) fn flush(&mut self, slot: u32) {
        if self.connections.get(slot).is_some() {
            let outcome = self.write_out(slot);
            self.follow(slot, outcome);
            lanes::settle(self);
        }
    }

    /// Writes the queue of one connection. A socket that takes no more gets a timer, and nothing
    /// else follows.
    pub(super) fn write_out(&mut self, slot: u32) -> Result<Flush, ErrorKind> {
        let (flush, written) = self.connections.write_out(slot, self.cx.now)?;
        self.cx.counters().bytes_out.add(written as u64);
        if flush == Flush::Blocked {
            self.wait_for_space(slot);
        }
        Ok(flush)
    }

    /// Writes all output queued in the turn.
    pub(super) fn flush_dirty(&mut self) {
        let mut flushing = std::mem::take(&mut self.flushing);
        lanes::settle(self);
        while flushing.next_batch(&mut self.connections, self.cx.now) {
            self.cx.counters().bytes_out.add(flushing.take_written() as u64);
            for (key, outcome) in flushing.take_outcomes() {
                if outcome == Ok(Flush::Blocked) {
                    self.wait_for_space(key.slot());
                }
                self.follow(key.slot(), outcome);
            }
            lanes::settle(self);
        }
        self.flushing = flushing;
    }

    /// The consequences of a write for the connection and its session.
    fn follow(&mut self, slot: u32, outcome: Result<Flush, ErrorKind>) {
        match outcome {
            // Others of the same batch may have had more queued meanwhile.
            Ok(Flush::Done) if self.connections.backlog(slot).is_some_and(|bytes| bytes > 0) => {
                return;
            }
            Ok(Flush::Done) => {}
            Ok(Flush::Blocked) => return,
            Err(ErrorKind::OutOfMemory) => return self.effect(slot, Effect::OutOfMemory),
            Err(kind) => return self.lose(slot, kind),
        }
        self.losses.may_be_over(slot);
        self.send_unnumbered(slot);
        if self.bucket.is_closing(slot) {
            self.effect(slot, Effect::Flushed);
        }
        // Reading may have stopped because too much waited.
        self.resume(slot);
    }

    /// The connection in a slot broke.
    pub(super) fn lose(&mut self, slot: u32, kind: ErrorKind) {
        if let Some(key) = self.connections.key(slot) {
            self.effect(slot, Effect::Lost { key, kind });
        }
    }

    /// The socket takes no more: it must within a time.
    pub(super) fn wait_for_space(&mut self, slot: u32) {
        self.connections.set_blocked(slot);
        self.wheel.arm_by(slot, self.cx.now + self.cx.shared.config.io.write_timeout);
        self.holders.note(slot);
    }

    /// The transport takes bytes again, or can go on with those that it holds.
    pub(super) fn handle_writable(&mut self, slot: u32) {
        let connection = self.connections.get_mut(slot);
        if let Some(Err(error)) = connection.map(|connection| connection.transport.drive()) {
            return self.lose(slot, error.kind());
        }
        if self.connections.unblock(slot) {
            self.flush(slot);
            self.resume(slot);
        }
    }

    /// Whether frames of the connection may be handled now.
    pub(super) fn wants_frames(&self, slot: u32) -> bool {
        let limit = self.cx.shared.config.memory.write_bytes;
        let session = self.bucket.get(slot).map(|member| &member.session);
        session.is_some_and(|session| session.wants_frames(&self.cx.limits))
            && self.connections.backlog(slot).is_some_and(|backlog| backlog <= limit)
    }

    /// Reads on from a paused connection, in the next turn, if its session wants frames again.
    pub(super) fn resume(&mut self, slot: u32) {
        let paused = self.connections.get(slot).is_some_and(|connection| connection.state.paused);
        if paused && self.wants_frames(slot) {
            self.connections.resume_later(slot);
        }
    }

    /// Sets the timer of a slot to the next moment at which it wants attention.
    pub(super) fn rearm(&mut self, slot: u32) {
        let Some(member) = self.bucket.get(slot) else { return };
        let mut at = member.session.poll_timeout(self.cx.now, &self.cx.limits);
        at = at.min(member.session.expires_at());
        if let Some(connection) = self.connections.get(slot)
            && connection.state.blocked
            && let Some(out) = &connection.out
        {
            at = at.min(out.progress() + self.cx.shared.config.io.write_timeout);
        }
        let patience = self.cx.shared.config.io.write_timeout;
        let lanes_due = self.connections.get(slot).and_then(|it| it.lanes_due(patience));
        let dues = [self.unfinished_due(slot), self.ping_due(slot), lanes_due];
        if let Some(due) = dues.into_iter().flatten().min() {
            at = at.min(due);
        }
        self.wheel.arm(slot, at);
    }

    /// Deadline of a message that was begun; `None` if there is none, or the gateway does not read
    /// on. Before a session is open the handshake has its own deadline.
    pub(super) fn unfinished_due(&self, slot: u32) -> Option<Time> {
        let connection = self.connections.get(slot)?;
        let since = connection.extras.tail()?.unfinished_since()?;
        let runs = !connection.state.paused && self.bucket.get(slot)?.session.state().is_open();
        runs.then(|| since + self.cx.shared.config.limits.message_timeout)
    }

    /// Time of the next ping of an open session, unless something else is sent before.
    pub(super) fn ping_due(&self, slot: u32) -> Option<Time> {
        let connection = self.connections.get(slot)?;
        let is_open = self.bucket.get(slot)?.session.state().is_open();
        let interval = self.cx.shared.intervals.of(connection.listener);
        (is_open && connection.takes_pings())
            .then(|| connection.last_write.ping_due(self.cx.now, interval, slot))?
    }

    /// Heartbeat interval that a peer is told. Where the gateway sends no pings, often enough not
    /// to be idle.
    pub(super) fn heartbeat(&self, slot: u32) -> Duration {
        let listener = self.connections.get(slot).map(|connection| connection.listener);
        let interval = self.cx.shared.intervals.of(listener.unwrap_or(super::ADOPTED));
        if interval.is_zero() { self.cx.limits.ask_after } else { interval }
    }
}
