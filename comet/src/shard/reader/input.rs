//! From bytes to frames, as far as the session wants them.

use std::mem;

use bytes::Bytes;
use comet_protocol::codec::{Input, Step};
use comet_protocol::{DecodeError, Dialect, Layout, head, ws};

use super::super::admission::Admission;
use super::super::connections::{ConnectionKey, FramingState, Unread};
use super::super::effect::Effect;
use super::super::endpoints::Endpoints;
use super::super::sessions::Sessions;
use super::Reader;
use crate::Closed;

impl Reader {
    /// Handles input that begins with `of_tail` bytes of the tail, or appends it to a long tail.
    pub(super) fn take_input(
        &mut self,
        sessions: &mut Sessions,
        door: &mut Admission,
        key: ConnectionKey,
        input: &mut [u8],
        of_tail: usize,
    ) {
        let ep = &mut sessions.endpoints;
        ep.cx.counters().bytes_in.add((input.len() - of_tail) as u64);
        if let Some(member) = ep.bucket.get_mut(key.slot()) {
            member.session.state_mut().heard(ep.cx.now);
        }
        let Some(connection) = ep.connections.find(key) else { return };
        let Some(tail) = connection.extras.tail_mut() else {
            let handled = self.handle_input(sessions, door, key, input);
            if handled < input.len() {
                sessions.endpoints.stash(key, &input[handled..], handled > 0);
            }
            return;
        };
        if tail.unread.stream.len() <= of_tail {
            // It stands in front of what was read.
            tail.unread.stream.clear();
            let handled = self.handle_input(sessions, door, key, input);
            return sessions.endpoints.stash(key, &input[handled..], handled > 0);
        }
        tail.unread.stream.extend_from_slice(input);
        let max_body = ep.cx.shared.config.limits.max_body;
        let incomplete = match (&connection.framing, connection.dialect) {
            (FramingState::Stream, Some(dialect)) => {
                let step = dialect.codec().decode(&tail.unread.stream, max_body);
                matches!(step, Ok(Step::Need(_)))
            }
            _ => false,
        };
        if incomplete {
            ep.settle_tail(key, false);
        } else {
            let unread = mem::take(&mut tail.unread);
            self.handle_unread(sessions, door, key, unread);
        }
    }

    /// Handles waiting input as far as the session wants it now, and keeps the rest without a copy.
    pub(super) fn handle_unread(
        &mut self,
        sessions: &mut Sessions,
        door: &mut Admission,
        key: ConnectionKey,
        mut unread: Unread,
    ) {
        let handled = self.handle_packets(sessions, door, key, &unread.message, false);
        let _front = unread.message.split_to(handled);
        let mut of_stream = 0;
        if unread.message.is_empty() {
            of_stream = self.handle_input(sessions, door, key, &mut unread.stream);
            unread.handled(of_stream);
        }
        let ep = &mut sessions.endpoints;
        let Some(connection) = ep.connections.find(key) else { return };
        if connection.extras.tail().is_none() && unread.is_empty() {
            return;
        }
        let Some(tail) = ep.connections.tail_of(key, ep.cx.now) else { return };
        let newer = mem::take(&mut tail.unread.message);
        if !newer.is_empty() {
            // The rest of a message that began in the stream.
            unread.message = newer;
        }
        tail.unread = unread;
        ep.settle_tail(key, of_stream > 0);
    }

    /// Handles the whole frames at the front of the input that the session wants now. The bytes
    /// handled; all of them if the rest is of no use.
    fn handle_input(
        &mut self,
        sessions: &mut Sessions,
        door: &mut Admission,
        key: ConnectionKey,
        input: &mut [u8],
    ) -> usize {
        let slot = key.slot();
        let mut at = 0;
        self.inflation.begin();
        while at < input.len() {
            if self.inflation.is_spent() {
                // Others have their turn first.
                put_off(sessions, key);
                return at;
            }
            if let Some(stop) = stop_before_next(sessions, key) {
                return if stop == Stop::Wait { at } else { input.len() };
            }
            let acks = self.take_acks(&mut sessions.endpoints, slot, &input[at..]);
            let Some(connection) = sessions.endpoints.connections.get(slot) else {
                return input.len();
            };
            let step = match connection.framing {
                _ if !matches!(acks, Ok(0)) => acks.map(Some),
                FramingState::Stream => self.handle_stream(sessions, door, key, &input[at..]),
                FramingState::WebSocket(_) => {
                    self.handle_websocket(sessions, door, key, &mut input[at..])
                }
                FramingState::Preface(_) => {
                    door.handle_preface(&mut sessions.endpoints, slot, &input[at..])
                }
                FramingState::Upgrading { .. } => door.handle_upgrade(sessions, slot, &input[at..]),
                FramingState::Deciding(_) => Ok(None),
            };
            match step {
                Ok(Some(consumed)) => at += consumed,
                Ok(None) => break,
                Err(closed) => {
                    sessions.endpoints.effect(slot, Effect::End(closed));
                    return input.len();
                }
            }
        }
        at
    }

    /// One packet of a byte stream. The bytes it took; `None` if it is incomplete.
    fn handle_stream(
        &mut self,
        sessions: &mut Sessions,
        door: &mut Admission,
        key: ConnectionKey,
        input: &[u8],
    ) -> Result<Option<usize>, Closed> {
        let ep = &mut sessions.endpoints;
        let Some(dialect) = dialect_of(ep, key, input)? else { return Ok(None) };
        match dialect.codec().decode(input, ep.cx.shared.config.limits.max_body)? {
            Step::Need(_) => Ok(None),
            Step::Frame { input, len } => {
                self.handle(sessions, door, key.slot(), input, dialect.abilities())?;
                Ok(Some(len))
            }
        }
    }

    /// One event of a WebSocket. The bytes it took; `None` if there is none.
    fn handle_websocket(
        &mut self,
        sessions: &mut Sessions,
        door: &mut Admission,
        key: ConnectionKey,
        input: &mut [u8],
    ) -> Result<Option<usize>, Closed> {
        let slot = key.slot();
        let ep = &mut sessions.endpoints;
        let now = ep.cx.now;
        let Some(connection) = ep.connections.find(key) else { return Ok(None) };
        let whole = connection.dialect.filter(|dialect| dialect.abilities().whole_messages);
        let FramingState::WebSocket(decoder) = &mut connection.framing else { return Ok(None) };
        let ws::Decoded { consumed, event } = decoder.decode(input, &self.ws_limits)?;
        if let (Some(ws::Event::Message(_)), Some(tail)) = (&event, connection.extras.tail_mut()) {
            tail.begin_again(now);
        }
        match event {
            None if consumed == 0 => return Ok(None),
            None => {
                // The decoder keeps it.
                let _tail = ep.connections.tail_of(key, now);
                ep.settle_tail(key, false);
            }
            Some(ws::Event::Message(message)) if message.compressed => {
                self.handle_compressed(sessions, door, key, whole, message)?;
            }
            Some(ws::Event::Message(message)) => {
                self.handle_message(sessions, door, key, whole, &message)?;
            }
            Some(ws::Event::Ping(payload)) => {
                if let Some(mut out) = ep.out(slot) {
                    out.control(ws::Opcode::Pong, &payload);
                }
            }
            Some(ws::Event::Pong(_)) => {}
            Some(ws::Event::Close(reason)) => {
                let code = reason.map(|reason| reason.code);
                if let Some(mut out) = ep.out(slot) {
                    out.close(code);
                }
                return Err(Closed::ByPeer);
            }
        }
        Ok(Some(consumed))
    }

    /// One compressed message. Apart, so that others are handled where they are decoded.
    #[inline(never)]
    fn handle_compressed(
        &mut self,
        sessions: &mut Sessions,
        door: &mut Admission,
        key: ConnectionKey,
        whole: Option<Dialect>,
        message: ws::Message<'_>,
    ) -> Result<(), Closed> {
        let mut inflater = self.inflation.take();
        let limit = self.ws_limits.max_message;
        let inflated = self.inflation.inflate(&mut inflater, message, limit);
        let handled = inflated
            .map_err(Closed::from)
            .and_then(|message| self.handle_message(sessions, door, key, whole, &message));
        self.inflation.put(inflater);
        handled
    }

    /// One message, of a dialect in which it is one frame if that is `whole`.
    #[inline(always)]
    fn handle_message(
        &mut self,
        sessions: &mut Sessions,
        door: &mut Admission,
        key: ConnectionKey,
        whole: Option<Dialect>,
        message: &ws::Message<'_>,
    ) -> Result<(), Closed> {
        if let Some(dialect) = whole {
            let input = whole_message(dialect, message)?;
            return self.handle(sessions, door, key.slot(), input, dialect.abilities());
        }
        if message.kind == ws::MessageKind::Text {
            return Err(ws::WsError::UnexpectedText.into());
        }
        let handled = self.handle_packets(sessions, door, key, &message.payload, true);
        let rest = &message.payload[handled..];
        let ep = &mut sessions.endpoints;
        if !rest.is_empty()
            && let Some(tail) = ep.connections.tail_of(key, ep.cx.now)
        {
            tail.unread.message = Bytes::copy_from_slice(rest);
            ep.settle_tail(key, false);
        }
        Ok(())
    }

    /// The packets of one message, as far as they may be handled now. How many bytes that was; all
    /// if the rest is of no use. `asked` says that it is known for the first one.
    fn handle_packets(
        &mut self,
        sessions: &mut Sessions,
        door: &mut Admission,
        key: ConnectionKey,
        message: &[u8],
        asked: bool,
    ) -> usize {
        let mut at = 0;
        while at < message.len() {
            if (!asked || at > 0)
                && let Some(stop) = stop_before_next(sessions, key)
            {
                return if stop == Stop::Wait { at } else { message.len() };
            }
            match self.handle_packet(sessions, door, key, &message[at..]) {
                Ok(len) => at += len,
                Err(closed) => {
                    sessions.endpoints.effect(key.slot(), Effect::End(closed));
                    return message.len();
                }
            }
        }
        at
    }

    fn handle_packet(
        &mut self,
        sessions: &mut Sessions,
        door: &mut Admission,
        key: ConnectionKey,
        rest: &[u8],
    ) -> Result<usize, Closed> {
        let truncated = |need| DecodeError::Truncated { have: rest.len(), need };
        let ep = &mut sessions.endpoints;
        let Some(dialect) = dialect_of(ep, key, rest)? else {
            return Err(truncated(Layout::Goim.head_len()).into());
        };
        match dialect.codec().decode(rest, ep.cx.shared.config.limits.max_body)? {
            Step::Need(need) => Err(truncated(need).into()),
            Step::Frame { input, len } => {
                self.handle(sessions, door, key.slot(), input, dialect.abilities())?;
                Ok(len)
            }
        }
    }
}

/// Has the rest of a connection's input handled in the next turn.
#[cold]
fn put_off(sessions: &mut Sessions, key: ConnectionKey) {
    sessions.carry_out_effects();
    let connections = &mut sessions.endpoints.connections;
    if let Some(connection) = connections.find(key) {
        connection.state.paused = true;
        connections.resume_later(key.slot());
    }
}

/// Why no further frame of a connection is handled now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stop {
    /// Its session takes no more for the moment: the rest waits.
    Wait,
    /// It takes none any more: the rest is of no use.
    End,
}

/// Decides before each frame whether it may be handled. Effects of the frame before it are carried
/// out first, and may have been the end of the connection.
#[inline]
fn stop_before_next(sessions: &mut Sessions, key: ConnectionKey) -> Option<Stop> {
    sessions.carry_out_effects();
    let Endpoints { cx, bucket, connections, .. } = &mut sessions.endpoints;
    let Some(connection) = connections.find(key) else { return Some(Stop::End) };
    let session = bucket.get(key.slot()).map(|member| &member.session);
    let wants_frames = session.is_some_and(|session| session.wants_frames(&cx.limits))
        && connection.backlog() <= cx.shared.config.memory.write_bytes;
    // The rest of a message comes before what follows it, also when it could go on by now.
    if wants_frames && !connection.holds_message() {
        return None;
    }
    if session.is_some_and(|session| session.state().is_closing()) {
        return Some(Stop::End);
    }
    connection.state.paused = true;
    Some(Stop::Wait)
}

/// The dialect of a connection; the first frame tells, unless the listener did. `None` until so
/// much of it is there.
fn dialect_of(
    ep: &mut Endpoints,
    key: ConnectionKey,
    input: &[u8],
) -> Result<Option<Dialect>, Closed> {
    let Some(connection) = ep.connections.find(key) else { return Ok(None) };
    if connection.dialect.is_none()
        && let Some(layout) = head::detect(input)?
    {
        // The whole head tells the dialect; its first bytes tell whether to wait for the rest.
        connection.dialect = Dialect::detect(layout, input);
        return Ok(Some(connection.dialect.unwrap_or(Dialect::of(layout))));
    }
    Ok(connection.dialect)
}

/// The input of a message that is one frame.
fn whole_message<'a>(dialect: Dialect, message: &'a ws::Message<'_>) -> Result<Input<'a>, Closed> {
    match dialect.codec().decode(&message.payload, usize::MAX)? {
        Step::Frame { input: Input::Send { seq, op, answered, body, .. }, .. } => {
            Ok(Input::Send { seq, op, kind: message.kind, answered, body })
        }
        Step::Frame { input, .. } => Ok(input),
        Step::Need(need) => {
            Err(DecodeError::Truncated { have: message.payload.len(), need }.into())
        }
    }
}
