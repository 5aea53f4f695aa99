//! From a readable socket to frames.
//!
//! Everything is read into the shard's one buffer and looked at there. What is left of an
//! incomplete frame goes to the connection's tail, and so does everything when the session wants no
//! frames for now: then the socket is left alone until it does, which the peer's TCP will notice.

use std::io::{ErrorKind, Read};
use std::mem;

use bytes::Bytes;
use comet_protocol::comet::ClientFrame;
use comet_protocol::head::{self, Head, Split};
use comet_protocol::{DecodeError, Dialect, Layout, ws};

use super::Shard;
use super::connection::Transport;
use super::connections::ConnectionKey;
use crate::Closed;

/// Bytes read at once from a peer that has no session yet: what follows its auth frame must wait
/// for the router, and is not worth more memory.
const FIRST_READ: usize = 4_096;

/// A tail up to this length is copied in front of what is read next; a longer one is appended to.
const SHORT_TAIL: usize = 4_096;

pub(super) enum Progress {
    /// There may be more.
    More,
    /// The socket has no more, or must wait, or is gone.
    Stop,
}

impl Shard {
    /// Reads what the socket has, up to the buffer's length, unless the connection is paused.
    pub(super) fn handle_readable(&mut self, slot: u32) {
        if self.is_newcomer(slot) && !self.fairness.admit_newcomer() {
            return self.put_off(slot);
        }
        let mut buffer = mem::take(&mut self.buffer);
        if let Progress::More = self.read(slot, &mut buffer) {
            // Others have their turn first.
            self.connections.resume_later(slot);
        }
        self.buffer = buffer;
    }

    /// Whether the connection has no session yet, and may get one.
    fn is_newcomer(&self, slot: u32) -> bool {
        let session = self.bucket.get(slot).map(|member| &member.session);
        session.is_some_and(|session| !session.is_open() && !session.is_closing())
    }

    /// Has a connection without a session read when its turn comes.
    fn put_off(&mut self, slot: u32) {
        let Some(key) = self.connections.key(slot) else { return };
        if let Some(connection) = self.connections.find(key)
            && !mem::replace(&mut connection.state.resuming, true)
        {
            self.fairness.put_off_newcomer(key);
        }
    }

    /// Remembers that an event announced the end of the peer's bytes.
    pub(super) fn note_end(&mut self, slot: u32, ending: bool) {
        if let Some(connection) = self.connections.get_mut(slot) {
            connection.state.ending |= ending;
        }
        if ending && self.is_held(slot) {
            self.release_refused(slot);
        }
    }

    /// The system reports an error on the socket, which a paused connection would not read.
    pub(super) fn handle_error(&mut self, slot: u32) {
        if let Some(connection) = self.connections.get_mut(slot)
            && let Ok(Some(error)) = connection.socket.take_error()
        {
            self.lose(slot, error.kind());
        }
    }

    /// Goes on with a paused connection if its session wants frames again.
    pub(super) fn resume(&mut self, slot: u32) {
        let paused =
            self.connections.get_mut(slot).is_some_and(|connection| connection.state.paused);
        if paused && self.wants_frames(slot) {
            self.connections.resume_later(slot);
        }
    }

    /// Handles the tails of connections that may go on, then their sockets.
    pub(super) fn resume_all(&mut self) {
        for slot in self.connections.take_resuming() {
            self.go_on_with(slot);
        }
    }

    pub(super) fn go_on_with(&mut self, slot: u32) {
        let now = self.now;
        let Some(key) = self.connections.key(slot) else { return };
        let Some(connection) = self.connections.find(key) else { return };
        connection.state.resuming = false;
        let was_paused = mem::take(&mut connection.state.paused);
        if let Some(tail) = &mut connection.tail {
            if was_paused {
                // It was not for the peer that it waited.
                tail.begin_again(now);
            }
            let unread = mem::take(&mut tail.unread);
            self.handle_unread(key, unread);
        }
        self.handle_readable(slot);
    }

    fn read(&mut self, slot: u32, buffer: &mut [u8]) -> Progress {
        if self.bucket.get(slot).is_some_and(|member| member.session.is_closing()) {
            return self.discard(slot, buffer);
        }
        let is_open = self.bucket.get(slot).is_some_and(|member| member.session.is_open());
        let wants_frames = self.wants_frames(slot);
        let Some(connection) = self.connections.get_mut(slot) else { return Progress::Stop };
        if connection.state.paused || !wants_frames {
            connection.state.paused = true;
            return Progress::Stop;
        }
        let tail = connection.tail.as_ref().map_or(&[][..], |tail| &tail.unread.stream[..]);
        let short = if tail.len() <= SHORT_TAIL { tail.len() } else { 0 };
        buffer[..short].copy_from_slice(&tail[..short]);
        let ending = connection.state.ending;
        let space = if is_open { buffer.len() - short } else { FIRST_READ };
        match connection.socket.read(&mut buffer[short..short + space]) {
            Ok(0) => {
                self.end_of_input(slot);
                Progress::Stop
            }
            Ok(count) => {
                self.take_input(slot, buffer, short, count);
                // A short read has emptied the socket, and what comes next is a new event; but for
                // an end that was announced together with these bytes no other event comes.
                if count < space && !ending { Progress::Stop } else { Progress::More }
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => Progress::Stop,
                ErrorKind::Interrupted => Progress::More,
                kind => {
                    self.lose(slot, kind);
                    Progress::Stop
                }
            },
        }
    }

    /// Handles `short + count` bytes at the front of the buffer, or appends them to a long tail.
    pub(super) fn take_input(&mut self, slot: u32, buffer: &mut [u8], short: usize, count: usize) {
        self.counters().bytes_in.add(count as u64);
        if let Some(member) = self.bucket.get_mut(slot) {
            member.session.heard(self.now);
        }
        let max_body = self.shared.config.max_body;
        let Some(key) = self.connections.key(slot) else { return };
        let Some(connection) = self.connections.find(key) else { return };
        let Some(tail) = &mut connection.tail else {
            let handled = self.handle_input(key, &mut buffer[..count]);
            if handled < count {
                self.stash(key, &buffer[handled..count], handled > 0);
            }
            return;
        };
        if tail.unread.stream.len() <= short {
            // It stands in front of what was read.
            tail.unread.stream.clear();
            let handled = self.handle_input(key, &mut buffer[..short + count]);
            return self.stash(key, &buffer[handled..short + count], handled > 0);
        }
        tail.unread.stream.extend_from_slice(&buffer[..count]);
        let layout = connection.dialect.and_then(Dialect::layout);
        let incomplete = match (&connection.transport, layout) {
            (Transport::Stream, Some(layout)) => {
                matches!(head::split(layout, &tail.unread.stream, max_body), Ok(Split::Need(_)))
            }
            _ => false,
        };
        if incomplete {
            self.settle_tail(key, false);
        } else {
            let unread = mem::take(&mut tail.unread);
            self.handle_unread(key, unread);
        }
    }

    /// Whether frames of this connection may be handled now.
    pub(super) fn wants_frames(&mut self, slot: u32) -> bool {
        let limit = self.shared.config.write_bytes;
        let Some(member) = self.bucket.get(slot) else { return false };
        let wants = member.session.wants_frames(&self.limits);
        wants
            && self
                .connections
                .get_mut(slot)
                .is_some_and(|connection| connection.backlog() <= limit)
    }

    /// The same, after giving the router's answers that wait in the mailbox a chance. What they
    /// bring may be the end of the connection, and another one in its slot.
    fn may_go_on(&mut self, key: ConnectionKey) -> bool {
        // The rest of a message comes before what follows it, also when it could go on by now.
        if self.connections.find(key).is_none_or(|connection| connection.holds_message()) {
            return false;
        }
        let slot = key.slot();
        if self.wants_frames(slot) {
            return true;
        }
        // An answer may send the session home, and then its input must be in the tail.
        if self.bucket.get(slot).is_some_and(|member| member.session.is_authenticating()) {
            return false;
        }
        self.handle_commands();
        self.connections.has(key) && self.wants_frames(slot)
    }

    /// Handles what is whole at the front of the input, and may be handled now. How much that was;
    /// all of it if the rest is of no use.
    pub(super) fn handle_input(&mut self, key: ConnectionKey, input: &mut [u8]) -> usize {
        let slot = key.slot();
        let mut at = 0;
        while at < input.len() {
            if !self.may_go_on(key) {
                return if self.hold_back(key) { at } else { input.len() };
            }
            let acks = self.take_acks(slot, &input[at..]);
            let Some(connection) = self.connections.get_mut(slot) else { return input.len() };
            let step = match connection.transport {
                _ if !matches!(acks, Ok(0)) => acks.map(Some),
                Transport::Stream => self.handle_stream(slot, &input[at..]),
                Transport::WebSocket(_) => self.handle_websocket(slot, &mut input[at..]),
                Transport::Upgrading { .. } => self.handle_upgrade(slot, &input[at..]),
                Transport::Deciding(_) => Ok(None),
            };
            match step {
                Ok(Some(consumed)) => at += consumed,
                Ok(None) => break,
                Err(closed) => {
                    self.end(slot, &closed);
                    return input.len();
                }
            }
        }
        at
    }

    /// Has the connection wait until its session wants frames again; false if it never will.
    fn hold_back(&mut self, key: ConnectionKey) -> bool {
        if self.bucket.get(key.slot()).is_some_and(|member| member.session.is_closing()) {
            return false;
        }
        let Some(connection) = self.connections.find(key) else { return false };
        connection.state.paused = true;
        true
    }

    /// One packet of a byte stream. The bytes it took; `None` if it is incomplete.
    fn handle_stream(&mut self, slot: u32, input: &[u8]) -> Result<Option<usize>, Closed> {
        let Some((dialect, layout)) = self.layout(slot, input)? else { return Ok(None) };
        match head::split(layout, input, self.shared.config.max_body)? {
            Split::Need(_) => Ok(None),
            Split::Packet { head, body, len } => {
                self.handle_split(slot, dialect, head, body)?;
                Ok(Some(len))
            }
        }
    }

    /// One event of a WebSocket. The bytes it took; `None` if there is none.
    fn handle_websocket(&mut self, slot: u32, input: &mut [u8]) -> Result<Option<usize>, Closed> {
        let limits = self.ws_limits;
        let now = self.now;
        let Some(key) = self.connections.key(slot) else { return Ok(None) };
        let Some(connection) = self.connections.find(key) else { return Ok(None) };
        let is_raw = connection.dialect == Some(Dialect::Raw);
        let Transport::WebSocket(decoder) = &mut connection.transport else { return Ok(None) };
        let ws::Decoded { consumed, event } = decoder.decode(input, &limits)?;
        if let (Some(ws::Event::Message(_)), Some(tail)) = (&event, &mut connection.tail) {
            tail.begin_again(now);
        }
        match event {
            None if consumed == 0 => return Ok(None),
            None => {
                // The decoder keeps it.
                let _tail = self.tail_of(key);
                self.settle_tail(key, false);
            }
            Some(ws::Event::Message(message)) if is_raw => self.handle_raw(slot, message)?,
            Some(ws::Event::Message(ws::Message { kind: ws::MessageKind::Text, .. })) => {
                return Err(ws::WsError::UnexpectedText.into());
            }
            Some(ws::Event::Message(message)) => {
                let handled = self.handle_packets(key, &message.payload, true);
                let rest = &message.payload[handled..];
                if !rest.is_empty()
                    && let Some(tail) = self.tail_of(key)
                {
                    tail.unread.message = Bytes::copy_from_slice(rest);
                    self.settle_tail(key, false);
                }
            }
            Some(ws::Event::Ping(payload)) => self.send_control(slot, ws::Opcode::Pong, &payload),
            Some(ws::Event::Pong(_)) => {}
            Some(ws::Event::Close(reason)) => {
                let code = reason.map(|reason| reason.code);
                self.send_close(slot, code);
                return Err(Closed::ByPeer);
            }
        }
        Ok(Some(consumed))
    }

    /// The packets of one message, as far as they may be handled now. How many bytes that was; all
    /// if the rest is of no use. `asked` says that it is known for the first one.
    pub(super) fn handle_packets(
        &mut self,
        key: ConnectionKey,
        message: &[u8],
        asked: bool,
    ) -> usize {
        let slot = key.slot();
        let mut at = 0;
        while at < message.len() {
            let may_go_on = (asked && at == 0) || self.may_go_on(key);
            if !may_go_on {
                return if self.hold_back(key) { at } else { message.len() };
            }
            match self.handle_packet(slot, &message[at..]) {
                Ok(len) => at += len,
                Err(closed) => {
                    self.end(slot, &closed);
                    return message.len();
                }
            }
        }
        at
    }

    fn handle_packet(&mut self, slot: u32, rest: &[u8]) -> Result<usize, Closed> {
        let truncated = |need| DecodeError::Truncated { have: rest.len(), need };
        let Some((dialect, layout)) = self.layout(slot, rest)? else {
            return Err(truncated(Layout::Goim.head_len()).into());
        };
        match head::split(layout, rest, self.shared.config.max_body)? {
            Split::Need(need) => Err(truncated(need).into()),
            Split::Packet { head, body, len } => {
                self.handle_split(slot, dialect, head, body)?;
                Ok(len)
            }
        }
    }

    fn handle_split(
        &mut self,
        slot: u32,
        dialect: Dialect,
        head: Head,
        body: &[u8],
    ) -> Result<(), Closed> {
        match dialect {
            Dialect::Comet => self.handle_comet(slot, ClientFrame::decode(head, body)?),
            dialect => self.handle_frame(slot, dialect.inbound(head, body)),
        }
    }

    /// What the connection speaks; the first frame tells, unless the listener did.
    fn layout(&mut self, slot: u32, input: &[u8]) -> Result<Option<(Dialect, Layout)>, Closed> {
        let Some(connection) = self.connections.get_mut(slot) else { return Ok(None) };
        if let Some(dialect) = connection.dialect {
            return Ok(dialect.layout().map(|layout| (dialect, layout)));
        }
        let Some(layout) = head::detect(input)? else { return Ok(None) };
        // The whole head tells the dialect; its first bytes tell whether to wait for the rest.
        connection.dialect = Dialect::detect(layout, input);
        Ok(Some((connection.dialect.unwrap_or(Dialect::of(layout)), layout)))
    }
}
