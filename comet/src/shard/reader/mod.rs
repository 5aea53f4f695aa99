//! Reading: from readable sockets to the requests of their peers.
//!
//! A poll mostly reports a small frame for each of many connections. These are read together, each
//! into a part of the shard's buffer, and then handled one after the other. Connections in any
//! other state are read alone, and may overtake those that wait for their batch: between
//! connections there is no order.
//!
//! Reading goes one way. Requests of peers go to their sessions, to the router or to `admission`;
//! consequences are noted as effects, and the router's answers wait in the mailbox until the shard
//! turns to it. A connection whose session can take no more frames for now is paused: the rest of
//! its input waits in its tail, and its socket is left alone, which its peer will notice.

mod acks;
mod ending;
mod frames;
mod inflation;
mod input;
mod reports;

use std::io::{self, ErrorKind};
use std::mem;

use comet_protocol::ws;

use super::admission::{Admission, Fairness};
use super::census::Counting;
use super::connections::{ConnectionKey, Side};
use super::context::Context;
use super::endpoints::Endpoints;
use super::readiness::Ready;
use super::sessions::Sessions;
#[cfg(feature = "tls")]
use super::transport::Handshake;
use super::transport::Received;
use ending::{discard, end_of_input, fail, note_end};
use inflation::Inflation;
use reports::{is_newcomer, is_simple};

/// Connections that are read together. Each has this share of the buffer; a peer that sends more
/// than that is read alone for the rest.
const READS: usize = 32;

/// Bytes read at once from a peer that has no session yet: what follows its auth frame must wait
/// for the router, and is not worth more memory.
const FIRST_READ: usize = 4_096;

/// A tail up to this length is copied in front of what is read next; a longer one is appended to.
const SHORT_TAIL: usize = 4_096;

/// Reads the connections of one shard.
#[derive(Debug)]
pub(super) struct Reader {
    /// Everything is read into this; nothing stays in it.
    buffer: Vec<u8>,
    /// Connections that are about to be read together.
    batch: Vec<ConnectionKey>,
    results: Vec<io::Result<usize>>,
    /// Place in the batch of the next result to be handled.
    at: usize,
    fairness: Fairness,
    ws_limits: ws::Limits,
    inflation: Inflation,
    /// Tags of acks that the router is about to hear of, for reuse.
    tags: Vec<u64>,
    /// Counts of rooms under way.
    pub(super) counting: Counting,
}

/// How a read ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Progress {
    /// There may be more.
    More,
    /// The socket has no more, or must wait, or is gone.
    Stop,
}

impl Reader {
    pub(super) fn new(cx: &Context) -> Self {
        let config = &cx.shared.config;
        let max_message = config.limits.max_body.saturating_add(comet_protocol::head::MAX_HEAD);
        Self {
            buffer: vec![0; config.memory.read_buffer],
            batch: Vec::new(),
            results: Vec::new(),
            at: 0,
            fairness: Fairness::default(),
            ws_limits: ws::Limits { max_message, max_fragments: config.limits.max_fragments },
            inflation: Inflation::default(),
            tags: Vec::new(),
            counting: Counting::default(),
        }
    }

    /// Gives connections that come and those that end their shares of the turn that begins.
    pub(super) fn begin_turn(&mut self) {
        self.fairness.begin_turn();
    }

    /// Rooms are handed what was published in this turn.
    pub(super) fn note_publish(&mut self) {
        self.fairness.note_busy();
    }

    /// Whether connections were put off to the next turn.
    pub(super) fn has_put_off(&self) -> bool {
        self.fairness.has_waiting()
    }

    /// Connections that ended and newcomers that were put off in earlier turns, as far as this turn
    /// has a share for them.
    pub(super) fn take_those_put_off(&mut self, sessions: &mut Sessions, door: &mut Admission) {
        for _ in 0..self.fairness.leavers() {
            let Some((key, ready)) = self.fairness.next_leaver() else { break };
            if sessions.endpoints.connections.has(key) {
                self.handle_ready(sessions, door, key.slot(), ready);
                sessions.carry_out_effects();
            }
        }
        for _ in 0..self.fairness.newcomers() {
            let Some(key) = self.fairness.next_newcomer() else { break };
            if sessions.endpoints.connections.has(key) {
                self.go_on_with(sessions, door, key.slot());
                sessions.carry_out_effects();
            }
        }
    }

    /// Takes a report of the poll. Of a connection that simply can be read it is kept until there
    /// is a [batch](Self::is_full) of them.
    pub(super) fn take_report(
        &mut self,
        sessions: &mut Sessions,
        door: &mut Admission,
        ready: Ready,
    ) {
        if let Some(key) = is_simple(&sessions.endpoints, ready) {
            self.fairness.note_busy();
            self.batch.push(key);
            return;
        }
        let Ok(slot) = u32::try_from(ready.token.0) else { return };
        if (ready.error || ready.read_closed) && !self.fairness.may_end() {
            if let Some(key) = sessions.endpoints.connections.key(slot) {
                self.fairness.put_off_end(key, ready);
            }
            return;
        }
        self.handle_ready(sessions, door, slot, ready);
    }

    /// Whether a batch of connections waits to be [read](Self::read_batch).
    pub(super) fn is_full(&self) -> bool {
        self.batch.len() == READS
    }

    /// Reads all connections of the batch, whose input is then to be
    /// [handled](Self::handle_batch).
    pub(super) fn read_batch(&mut self, ep: &mut Endpoints) {
        // One that is not there any more has no place in the list.
        self.batch.retain(|&key| ep.connections.has(key));
        let share = self.buffer.len() / READS;
        let parts = self.buffer.chunks_exact_mut(share);
        self.results.clear();
        ep.connections.read(&self.batch, parts, &mut self.results);
        self.at = 0;
    }

    /// Handles the input of the connections of a batch, one after the other, until many commands
    /// wait: then it is to be called again after those. False at the end of the batch.
    pub(super) fn handle_batch(&mut self, sessions: &mut Sessions, door: &mut Admission) -> bool {
        let share = self.buffer.len() / READS;
        let mut buffer = mem::take(&mut self.buffer);
        let mut results = mem::take(&mut self.results);
        let parts = buffer.chunks_exact_mut(share).skip(self.at);
        for (part, result) in parts.zip(results.iter().skip(self.at)) {
            let Some(&key) = self.batch.get(self.at) else { break };
            self.at += 1;
            // The input of those before it may have been its end.
            if sessions.endpoints.connections.has(key) {
                let result = result.as_ref().map(|&count| count).map_err(io::Error::kind);
                let result = received(sessions, key, part, result);
                self.handle_read(sessions, door, key, part, result);
                sessions.carry_out_effects();
            }
            if sessions.endpoints.cx.mailbox().is_half_full() {
                break;
            }
        }
        let goes_on = self.at < self.batch.len();
        if !goes_on {
            self.batch.clear();
            results.clear();
        }
        (self.buffer, self.results) = (buffer, results);
        goes_on
    }

    /// Input that was read from one of a batch, whose session may be closing by now: then it takes
    /// no frames, and throws away what has come.
    fn handle_read(
        &mut self,
        sessions: &mut Sessions,
        door: &mut Admission,
        key: ConnectionKey,
        part: &mut [u8],
        result: io::Result<Received>,
    ) {
        let slot = key.slot();
        match result {
            Ok(Received { len: 0, .. }) => end_of_input(&mut sessions.endpoints, slot),
            Ok(Received { len, has_more }) => {
                self.take_input(sessions, door, key, &mut part[..len], 0);
                if has_more {
                    sessions.endpoints.connections.resume_later(slot);
                }
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => {}
                ErrorKind::Interrupted => sessions.endpoints.connections.resume_later(slot),
                _ => fail(&mut sessions.endpoints, slot, &error),
            },
        }
        sessions.endpoints.settle_held(key);
    }

    /// Handles a report of one connection's socket.
    fn handle_ready(
        &mut self,
        sessions: &mut Sessions,
        door: &mut Admission,
        slot: u32,
        ready: Ready,
    ) {
        if ready.error || ready.read_closed {
            self.fairness.count_end();
        }
        let ep = &mut sessions.endpoints;
        if ready.writable {
            ep.handle_writable(slot);
        }
        if ready.error
            && let Some(connection) = ep.connections.get_mut(slot)
            && let Ok(Some(error)) = connection.transport.take_error()
        {
            // A paused connection would not read it.
            ep.lose(slot, error.kind());
        }
        // It may be at its end by now.
        sessions.carry_out_effects();
        if ready.readable || ready.read_closed {
            note_end(sessions, slot, ready.read_closed);
            self.handle_readable(sessions, door, slot);
        }
    }

    /// Handles the tail of a connection that may go on, then its socket.
    pub(super) fn go_on_with(&mut self, sessions: &mut Sessions, door: &mut Admission, slot: u32) {
        let ep = &mut sessions.endpoints;
        let now = ep.cx.now;
        let Some(key) = ep.connections.key(slot) else { return };
        let Some(connection) = ep.connections.find(key) else { return };
        connection.state.resuming = false;
        let was_paused = mem::take(&mut connection.state.paused);
        if let Some(tail) = connection.extras.tail_mut() {
            if was_paused {
                // It was not for the peer that it waited.
                tail.begin_again(now);
            }
            let unread = mem::take(&mut tail.unread);
            self.handle_unread(sessions, door, key, unread);
            sessions.carry_out_effects();
        }
        self.handle_readable(sessions, door, slot);
    }

    /// Reads from the socket, up to the buffer's length, unless the connection is paused.
    fn handle_readable(&mut self, sessions: &mut Sessions, door: &mut Admission, slot: u32) {
        let ep = &mut sessions.endpoints;
        if is_newcomer(ep, slot) {
            let is_handshaking =
                ep.connections.get(slot).is_some_and(|it| it.transport.is_handshaking());
            if !self.fairness.admit_newcomer(is_handshaking) {
                return self.put_off(ep, slot);
            }
        } else {
            self.fairness.note_busy();
        }
        let mut buffer = mem::take(&mut self.buffer);
        if let Progress::More = self.read(sessions, door, slot, &mut buffer) {
            // Others have their turn first.
            sessions.endpoints.connections.resume_later(slot);
        }
        self.buffer = buffer;
    }

    /// Has a connection without a session read when its turn comes.
    fn put_off(&mut self, ep: &mut Endpoints, slot: u32) {
        let Some(key) = ep.connections.key(slot) else { return };
        if let Some(connection) = ep.connections.find(key)
            && !mem::replace(&mut connection.state.resuming, true)
        {
            self.fairness.put_off_newcomer(key);
        }
    }

    fn read(
        &mut self,
        sessions: &mut Sessions,
        door: &mut Admission,
        slot: u32,
        buffer: &mut [u8],
    ) -> Progress {
        let ep = &mut sessions.endpoints;
        if ep.bucket.is_closing(slot) {
            return discard(sessions, slot, buffer);
        }
        let is_open = ep.bucket.get(slot).is_some_and(|member| member.session.state().is_open());
        let wants_frames = ep.wants_frames(slot);
        let Some(key) = ep.connections.key(slot) else { return Progress::Stop };
        let Some(connection) = ep.connections.find(key) else { return Progress::Stop };
        if connection.state.paused || !wants_frames {
            connection.state.paused = true;
            return Progress::Stop;
        }
        let tail = connection.extras.tail().map_or(&[][..], |tail| &tail.unread.stream[..]);
        let short = if tail.len() <= SHORT_TAIL { tail.len() } else { 0 };
        buffer[..short].copy_from_slice(&tail[..short]);
        let is_ending = connection.state.peer == Side::Ending;
        let space = if is_open { buffer.len() - short } else { FIRST_READ };
        let result = connection.transport.read(&mut buffer[short..short + space]);
        #[cfg(feature = "tls")]
        if !is_open {
            note_handshake(ep, key);
        }
        let progress = match result {
            Ok(Received { len: 0, .. }) => {
                end_of_input(ep, slot);
                Progress::Stop
            }
            Ok(Received { len, has_more }) => {
                self.take_input(sessions, door, key, &mut buffer[..short + len], short);
                // For an end that was announced together with these bytes no other event comes.
                if has_more || is_ending { Progress::More } else { Progress::Stop }
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => Progress::Stop,
                ErrorKind::Interrupted => Progress::More,
                _ => {
                    fail(ep, slot, &error);
                    Progress::Stop
                }
            },
        };
        sessions.endpoints.settle_held(key);
        progress
    }
}

/// What a batched read of one connection has brought, in the buffer.
fn received(
    sessions: &mut Sessions,
    key: ConnectionKey,
    part: &mut [u8],
    result: Result<usize, ErrorKind>,
) -> io::Result<Received> {
    let connection = sessions.endpoints.connections.find(key);
    let transport = connection.map(|it| &mut it.transport).ok_or(ErrorKind::NotConnected)?;
    transport.received(part, result?)
}

/// Counts the handshake of a connection that had none before it was read.
#[cfg(feature = "tls")]
fn note_handshake(ep: &mut Endpoints, key: ConnectionKey) {
    let Some(connection) = ep.connections.find(key) else { return };
    let Some(handshake) = connection.transport.take_handshake() else { return };
    let counters = ep.cx.counters();
    counters.tls_handshakes.add(1);
    counters.tls_resumed.add((handshake == Handshake::Resumed).into());
}
