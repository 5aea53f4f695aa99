//! From readable socket to frames, and what each frame asks for.
//!
//! Everything is read into the shard's one buffer and looked at there. What is left of an
//! incomplete frame goes to the connection's tail, and so does everything when the session wants no
//! frames for now: then the socket is left alone until it does, which the peer's TCP will notice.

use std::io::{ErrorKind, Read};
use std::mem;

use bytes::Bytes;
use comet_protocol::dialect::HEARTBEAT_BODY;
use comet_protocol::head::{self, Split};
use comet_protocol::{DecodeError, Dialect, Inbound, Layout, Outbound, ws};

use super::Shard;
use super::connection::{Connection, Transport};
use super::settle::{Message, Receipt};
use crate::delivery::Kind;
use crate::session::Action;
use crate::{Closed, SessionId};

/// Reads of one connection before others have their turn.
const READS: usize = 4;

/// A tail up to this length is copied in front of what is read next; a longer one is appended to.
const SHORT_TAIL: usize = 4_096;

pub(super) enum Progress {
    /// There may be more.
    More,
    /// The socket has no more, or must wait, or is gone.
    Stop,
}

impl Shard {
    /// Reads what the socket has, unless the connection is paused.
    pub(super) fn handle_readable(&mut self, slot: u32) {
        let mut buffer = mem::take(&mut self.buffer);
        let mut reads = 0;
        while let Progress::More = self.read(slot, &mut buffer) {
            reads += 1;
            if reads == READS {
                self.resume_later(slot);
                break;
            }
        }
        self.buffer = buffer;
    }

    /// Remembers that an event announced the end of the peer's bytes.
    pub(super) fn note_end(&mut self, slot: u32, ending: bool) {
        if let Some(connection) = self.connection(slot) {
            connection.state.ending |= ending;
        }
    }

    /// The system reports an error on the socket, which a paused connection would not read.
    pub(super) fn handle_error(&mut self, slot: u32) {
        if let Some(connection) = self.connection(slot)
            && let Ok(Some(error)) = connection.socket.take_error()
        {
            self.lose(slot, error.kind());
        }
    }

    /// Has the connection looked at again in the next turn.
    pub(super) fn resume_later(&mut self, slot: u32) {
        if let Some(connection) = self.connections[slot as usize].as_mut()
            && !connection.state.resuming
        {
            connection.state.resuming = true;
            self.resuming.push(slot);
        }
    }

    /// Goes on with a paused connection if its session wants frames again.
    pub(super) fn resume(&mut self, slot: u32) {
        let paused = self.connection(slot).is_some_and(|connection| connection.state.paused);
        if paused && self.wants_frames(slot) {
            self.resume_later(slot);
        }
    }

    /// Handles the tails of connections that may go on, then their sockets.
    pub(super) fn resume_all(&mut self) {
        for slot in mem::take(&mut self.resuming) {
            let Some(connection) = self.connections[slot as usize].as_mut() else { continue };
            connection.state.resuming = false;
            connection.state.paused = false;
            if let Some(tail) = connection.tail.take() {
                let (mut tail, id) = (*tail, self.bucket.id(slot));
                self.handle_packets(slot, id, &tail.message);
                self.handle_input(slot, id, &mut tail.stream);
            }
            self.handle_readable(slot);
        }
    }

    /// The connection in a slot.
    pub(super) fn connection(&mut self, slot: u32) -> Option<&mut Connection> {
        self.connections.get_mut(slot as usize)?.as_mut()
    }

    fn read(&mut self, slot: u32, buffer: &mut [u8]) -> Progress {
        if self.bucket.get(slot).is_some_and(|member| member.session.is_closing()) {
            return self.discard(slot, buffer);
        }
        let wants_frames = self.wants_frames(slot);
        let Some(connection) = self.connection(slot) else { return Progress::Stop };
        if connection.state.paused || !wants_frames {
            connection.state.paused = true;
            return Progress::Stop;
        }
        let tail = connection.tail.as_ref().map_or(&[][..], |tail| &tail.stream);
        let short = if tail.len() <= SHORT_TAIL { tail.len() } else { 0 };
        buffer[..short].copy_from_slice(&tail[..short]);
        let (space, ending) = (buffer.len() - short, connection.state.ending);
        match connection.socket.read(&mut buffer[short..]) {
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
    fn take_input(&mut self, slot: u32, buffer: &mut [u8], short: usize, count: usize) {
        self.counters().bytes_in.add(count as u64);
        if let Some(member) = self.bucket.get_mut(slot) {
            member.session.heard(self.now);
        }
        let id = self.bucket.id(slot);
        let max_body = self.shared.config.max_body;
        let Some(connection) = self.connection(slot) else { return };
        let Some(mut tail) = connection.tail.take() else {
            return self.handle_input(slot, id, &mut buffer[..count]);
        };
        if tail.stream.len() == short {
            return self.handle_input(slot, id, &mut buffer[..short + count]);
        }
        tail.stream.extend_from_slice(&buffer[..count]);
        let layout = connection.dialect.and_then(Dialect::layout);
        let incomplete = match (&connection.transport, layout) {
            (Transport::Stream, Some(layout)) => {
                matches!(head::split(layout, &tail.stream, max_body), Ok(Split::Need(_)))
            }
            _ => false,
        };
        if incomplete {
            connection.tail = Some(tail);
        } else {
            self.handle_input(slot, id, &mut tail.stream);
        }
    }

    /// Whether frames of this connection may be handled now.
    pub(super) fn wants_frames(&mut self, slot: u32) -> bool {
        let limit = self.shared.config.write_bytes;
        let Some(member) = self.bucket.get(slot) else { return false };
        let wants = member.session.wants_frames(&self.limits);
        wants && self.connection(slot).is_some_and(|connection| connection.backlog() <= limit)
    }

    /// The same, after giving the router's answers that wait in the mailbox a chance.
    fn may_go_on(&mut self, slot: u32, id: SessionId) -> bool {
        if self.bucket.find(id).is_none() {
            return false;
        }
        // The rest of a message comes before what follows it, also when it could go on by now.
        if self.connection(slot).is_some_and(|connection| connection.holds_message()) {
            return false;
        }
        if self.wants_frames(slot) {
            return true;
        }
        // An answer may send the session home, and then its input must be in the tail.
        if self.bucket.get(slot).is_some_and(|member| member.session.is_authenticating()) {
            return false;
        }
        self.handle_commands();
        self.bucket.find(id).is_some() && self.wants_frames(slot)
    }

    /// Handles all that is whole at the front of the input, and stashes the rest.
    fn handle_input(&mut self, slot: u32, id: SessionId, input: &mut [u8]) {
        let mut at = 0;
        while at < input.len() {
            if !self.may_go_on(slot, id) {
                return self.pause_at(id, &input[at..]);
            }
            let Some(connection) = self.connection(slot) else { return };
            let step = match connection.transport {
                Transport::Stream => self.handle_stream(slot, &input[at..]),
                Transport::WebSocket(_) => self.handle_websocket(slot, id, &mut input[at..]),
                Transport::Upgrading { .. } => self.handle_upgrade(slot, &input[at..]),
                Transport::Deciding { .. } => Ok(None),
            };
            match step {
                Ok(Some(consumed)) => at += consumed,
                Ok(None) => break,
                Err(closed) => return self.end(slot, &closed),
            }
        }
        if self.bucket.find(id).is_some()
            && let Some(connection) = self.connection(slot)
        {
            connection.stash(&input[at..]);
        }
    }

    /// Keeps the input of a session that wants none now; of one that has ended, drops it.
    fn pause_at(&mut self, id: SessionId, input: &[u8]) {
        let Some(slot) = self.bucket.find(id) else { return };
        if self.bucket.get(slot).is_some_and(|member| member.session.is_closing()) {
            return;
        }
        if let Some(connection) = self.connection(slot) {
            connection.state.paused = true;
            connection.stash(input);
        }
    }

    /// One packet of a byte stream. The bytes it took; `None` if it is incomplete.
    fn handle_stream(&mut self, slot: u32, input: &[u8]) -> Result<Option<usize>, Closed> {
        let Some((dialect, layout)) = self.layout(slot, input)? else { return Ok(None) };
        match head::split(layout, input, self.shared.config.max_body)? {
            Split::Need(_) => Ok(None),
            Split::Packet { head, body, len } => {
                self.handle_frame(slot, dialect.inbound(head, body))?;
                Ok(Some(len))
            }
        }
    }

    /// One event of a WebSocket. The bytes it took; `None` if there is none.
    fn handle_websocket(
        &mut self,
        slot: u32,
        id: SessionId,
        input: &mut [u8],
    ) -> Result<Option<usize>, Closed> {
        let limits = self.ws_limits;
        let Some(connection) = self.connection(slot) else { return Ok(None) };
        let is_raw = connection.dialect == Some(Dialect::Raw);
        let Transport::WebSocket(decoder) = &mut connection.transport else { return Ok(None) };
        let ws::Decoded { consumed, event } = decoder.decode(input, &limits)?;
        match event {
            None => return Ok((consumed > 0).then_some(consumed)),
            Some(ws::Event::Message(message)) if is_raw => self.handle_raw(slot, message)?,
            Some(ws::Event::Message(message)) => self.handle_packets(slot, id, &message.payload),
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

    /// The packets of one message; those that may not be handled now go to the tail.
    fn handle_packets(&mut self, slot: u32, id: SessionId, message: &[u8]) {
        let mut at = 0;
        while at < message.len() {
            if !self.may_go_on(slot, id) {
                self.pause_at(id, &[]);
                if self.bucket.find(id).is_some()
                    && let Some(connection) = self.connection(slot)
                {
                    connection.tail.get_or_insert_default().message = message[at..].to_vec();
                }
                return;
            }
            match self.handle_packet(slot, &message[at..]) {
                Ok(len) => at += len,
                Err(closed) => return self.end(slot, &closed),
            }
        }
    }

    fn handle_packet(&mut self, slot: u32, rest: &[u8]) -> Result<usize, Closed> {
        let truncated = |need| DecodeError::Truncated { have: rest.len(), need };
        let Some((dialect, layout)) = self.layout(slot, rest)? else {
            return Err(truncated(Layout::Goim.head_len()).into());
        };
        match head::split(layout, rest, self.shared.config.max_body)? {
            Split::Need(need) => Err(truncated(need).into()),
            Split::Packet { head, body, len } => {
                self.handle_frame(slot, dialect.inbound(head, body))?;
                Ok(len)
            }
        }
    }

    /// What the connection speaks; the first frame tells, unless the listener did.
    fn layout(&mut self, slot: u32, input: &[u8]) -> Result<Option<(Dialect, Layout)>, Closed> {
        let Some(connection) = self.connection(slot) else { return Ok(None) };
        if let Some(dialect) = connection.dialect {
            return Ok(dialect.layout().map(|layout| (dialect, layout)));
        }
        let Some(layout) = head::detect(input)? else { return Ok(None) };
        let dialect = Dialect::of(layout);
        connection.dialect = Some(dialect);
        Ok(Some((dialect, layout)))
    }

    fn handle_raw(&mut self, slot: u32, message: ws::Message<'_>) -> Result<(), Closed> {
        let kind = match message.kind {
            ws::MessageKind::Text => Kind::Text,
            ws::MessageKind::Binary => Kind::Binary,
        };
        let frame = Inbound::Send { seq: 0, op: 0, body: &[] };
        let Some(member) = self.bucket.get_mut(slot) else { return Ok(()) };
        match member.session.handle_frame(self.now, frame, &self.limits) {
            Action::Receive { number, .. } => {
                self.receive(slot, number, Message::new(0, 0, kind, message.into_bytes()))
            }
            Action::Close(closed) => Err(closed),
            _ => Ok(()),
        }
    }

    fn handle_frame(&mut self, slot: u32, frame: Inbound<'_>) -> Result<(), Closed> {
        self.counters().frames_in.add(1);
        let Some(member) = self.bucket.get_mut(slot) else { return Ok(()) };
        match member.session.handle_frame(self.now, frame, &self.limits) {
            Action::Ignore => self.counters().frames_ignored.add(1),
            Action::Authenticate { body, attempt } => {
                return self.authenticate(slot, body, attempt);
            }
            Action::AuthReply { seq } => self.send(slot, Outbound::AuthReply { seq }, &[]),
            Action::HeartbeatReply { seq } => {
                self.send(slot, Outbound::HeartbeatReply { seq }, &HEARTBEAT_BODY);
            }
            Action::Receive { number, seq, op, body } => {
                let body = Bytes::copy_from_slice(body);
                return self.receive(slot, number, Message::new(seq, op, Kind::Binary, body));
            }
            Action::Acked { tag } => return self.acked(slot, tag),
            Action::StrayAck => self.counters().stray_acks.add(1),
            Action::Close(closed) => return Err(closed),
        }
        Ok(())
    }

    fn receive(&mut self, slot: u32, number: u32, message: Message) -> Result<(), Closed> {
        self.counters().messages.add(1);
        let Some(peer) = self.bucket.get(slot).and_then(|member| member.peer.as_ref()) else {
            return Ok(());
        };
        let receipt = Receipt::new(peer.session(), number, self.mailbox.clone());
        self.sink.receive(peer, message, receipt).map_err(|_| Closed::RouterPanicked)
    }

    fn acked(&mut self, slot: u32, tag: u64) -> Result<(), Closed> {
        self.counters().acks.add(1);
        self.send_waiting(slot);
        let peer = self.bucket.get(slot).and_then(|member| member.peer.as_ref());
        match peer {
            Some(peer) if tag != 0 => {
                self.sink.acked(peer, tag).map_err(|_| Closed::RouterPanicked)
            }
            _ => Ok(()),
        }
    }
}
