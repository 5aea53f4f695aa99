//! One connection: its transport, dialect, unread input and queued output.

use std::num::NonZeroU8;
use std::time::Duration;

use comet_protocol::codec::{self, Written};
use comet_protocol::comet::Seq;
use comet_protocol::ws::deflate::{Agreement, Window};
use comet_protocol::{Dialect, Framing, ws};

use super::extras::Extras;
use super::write_queue::WriteQueue;
use crate::delivery::{Class, Delivery, Kind};
use crate::pings::LastWrite;
use crate::shard::entrance::Visitor;
use crate::shard::transport::Transport;
use crate::time::Time;

/// A connection.
#[derive(Debug)]
pub(in crate::shard) struct Connection {
    pub(in crate::shard) transport: Transport,
    pub(in crate::shard) framing: FramingState,
    /// Known from the listener or from the first frame.
    pub(in crate::shard) dialect: Option<Dialect>,
    /// Tells it from any connection that had the slot before, or gets it next.
    pub(in crate::shard) serial: u32,
    /// Which listener it came from, or [`ADOPTED`].
    pub(in crate::shard) listener: u8,
    /// When something was last written.
    pub(in crate::shard) last_write: LastWrite,
    pub(in crate::shard) state: State,
    /// What is known of its peer, and input that waits.
    pub(in crate::shard) extras: Extras,
    /// Output that waits; a queue from the pool while there is some.
    pub(in crate::shard) out: Option<Box<WriteQueue>>,
}

/// Memory of a decoder in the midst of a message, beside its buffers.
const GATHERING: usize = 128;

/// The listener number of connections that were made outside.
pub(crate) const ADOPTED: u8 = u8::MAX;

/// Where a connection is in lists and turns.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::shard) struct State {
    /// Is in the list of connections to flush.
    pub(in crate::shard) dirty: bool,
    /// Is not read: frames wait in the tail, or bytes in the socket.
    pub(in crate::shard) paused: bool,
    /// Is in the list of connections to read again.
    pub(in crate::shard) resuming: bool,
    /// The socket took less than was offered; an event will tell when it takes more.
    pub(in crate::shard) blocked: bool,
    /// The peer's side.
    pub(in crate::shard) peer: Side,
    /// The gateway's side.
    pub(in crate::shard) ours: Side,
}

/// Progress of one side of a connection towards its end.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::shard) enum Side {
    #[default]
    Open,
    /// The peer will send no more, and what it sent may still be in the socket; we have queued a
    /// close frame.
    Ending,
    /// The peer sends no more, and all it sent has been read; we have shut our side down.
    Ended,
}

impl State {
    /// Records whether the end of the peer's bytes was announced.
    pub(in crate::shard) fn note_end(&mut self, is_announced: bool) {
        if is_announced && self.peer == Side::Open {
            self.peer = Side::Ending;
        }
    }
}

/// Framing of the bytes of a connection.
#[derive(Debug)]
pub(crate) enum FramingState {
    /// The protocol is not known yet.
    Preface(Preface),
    /// Packets back to back.
    Stream,
    /// Waits for an upgrade request, of which so many bytes have been searched.
    Upgrading { searched: usize },
    /// A raw peer's upgrade request is before the router.
    Deciding(Box<Upgrade>),
    /// WebSocket frames.
    WebSocket(ws::Decoder),
}

/// Bytes expected before the protocol of a connection is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Preface {
    /// A PROXY header; the protocol follows from the listener, or from the bytes behind it.
    ProxyHeader,
    /// Those that tell the protocol.
    FirstBytes,
}

/// Parts of the answer to an upgrade request.
#[derive(Debug, Default)]
pub(crate) struct Upgrade {
    pub(in crate::shard) key: String,
    pub(in crate::shard) subprotocol: Option<String>,
    pub(in crate::shard) deflate: Option<Agreement>,
}

impl FramingState {
    pub(crate) fn websocket(deflate: Option<Agreement>) -> Self {
        Self::WebSocket(match deflate {
            Some(agreed) => ws::Decoder::with_deflate(ws::Role::Server, agreed.window()),
            None => ws::Decoder::new(ws::Role::Server),
        })
    }

    /// The window of messages to the peer, if they may be compressed.
    #[inline]
    pub(super) fn deflate(&self) -> Option<Window> {
        match self {
            Self::WebSocket(decoder) => decoder.deflate(),
            _ => None,
        }
    }

    pub(in crate::shard) fn kind(&self) -> Framing {
        match self {
            Self::Preface(_) | Self::Stream => Framing::Stream,
            Self::Upgrading { .. } | Self::Deciding(_) | Self::WebSocket(_) => Framing::Messages,
        }
    }
}

impl Connection {
    pub(in crate::shard) fn new(
        now: Time,
        transport: Transport,
        framing: FramingState,
        dialect: Option<Dialect>,
    ) -> Self {
        Self {
            transport,
            framing,
            dialect,
            serial: 0,
            listener: ADOPTED,
            last_write: LastWrite::at(now),
            state: State::default(),
            extras: Extras::default(),
            out: None,
        }
    }

    /// Its client, if the transport alone does not tell.
    pub(in crate::shard) fn visitor(&self) -> Option<Visitor> {
        self.extras.introduction()?.visitor
    }

    /// Whether it can be sent pings: those of its dialect, or those of WebSocket.
    pub(in crate::shard) fn takes_pings(&self) -> bool {
        self.dialect.is_some_and(|dialect| dialect.abilities().pings)
            || matches!(self.framing, FramingState::WebSocket(_))
    }

    /// Whether calls of its transport can be made together with those of others.
    #[inline]
    pub(in crate::shard) fn is_batchable(&self) -> bool {
        self.transport.is_batchable()
    }

    /// Bytes that wait to be written.
    pub(in crate::shard) fn backlog(&self) -> usize {
        self.out.as_ref().map_or(0, |out| out.len())
    }

    /// The wire format of its deliveries, once its dialect is known.
    #[inline]
    pub(in crate::shard) fn format(&self) -> Option<Format> {
        self.dialect.map(|dialect| Format::new(dialect, &self.framing))
    }

    /// Whether so many bytes can be written together with those of others.
    #[inline]
    pub(in crate::shard) fn takes_batched(&self, bytes: usize) -> bool {
        self.transport.takes_batched(bytes)
    }

    /// Bytes that the decoder and the transport have gathered of what is incomplete; 0 only if
    /// nothing is.
    pub(in crate::shard) fn gathered(&self) -> usize {
        let decoded = match &self.framing {
            FramingState::WebSocket(decoder) if !decoder.is_idle() => GATHERING + decoder.held(),
            _ => 0,
        };
        decoded + self.transport.held_input()
    }

    /// Whether something waits for a lane.
    pub(in crate::shard) fn has_lane_output(&self) -> bool {
        self.extras.lanes().is_some_and(|lanes| lanes.has_output())
    }

    /// Whether the stream of a lane takes no more at present.
    pub(in crate::shard) fn has_blocked_lane(&self) -> bool {
        self.extras.lanes().is_some_and(|lanes| lanes.has_blocked())
    }

    /// Deadline of a lane's stream that takes no more, after such a time without progress.
    pub(in crate::shard) fn lanes_due(&self, patience: Duration) -> Option<Time> {
        self.extras.lanes()?.due(patience)
    }

    /// Bytes that are kept for lanes, by share, and how many pieces that are.
    pub(in crate::shard) fn lanes_hold(&self) -> (usize, usize) {
        self.extras.lanes().map_or((0, 0), |lanes| lanes.holds())
    }

    /// Whether the rest of a message waits in the tail.
    pub(in crate::shard) fn holds_message(&self) -> bool {
        self.extras.tail().is_some_and(|tail| !tail.unread.message.is_empty())
    }
}

/// A way to write deliveries: a dialect over a framing, compressed or not.
///
/// One more than its index, of which the upper four bits are the dialect; the lower four are 0 for
/// a stream, 1 for messages, and from 2 on the windows of compressed messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::shard) struct Format(NonZeroU8);

/// Formats of one dialect, some of which are none.
const KINDS: usize = 16;
const STREAM: usize = 0;
const MESSAGES: usize = 1;
const DEFLATED: usize = 2;

const _: () = assert!(DEFLATED + Window::ALL.len() <= KINDS && Format::COUNT < 256);

impl Format {
    /// Number of formats.
    pub(in crate::shard) const COUNT: usize = KINDS * Dialect::ALL.len();

    pub(super) fn new(dialect: Dialect, framing: &FramingState) -> Self {
        let kind = match (framing.deflate(), framing.kind()) {
            (Some(window), _) => DEFLATED + window.index(),
            (None, Framing::Stream) => STREAM,
            (None, Framing::Messages) => MESSAGES,
        };
        Self::of(dialect.index() * KINDS + kind)
    }

    /// Its place among all.
    #[inline]
    pub(in crate::shard) fn index(self) -> usize {
        usize::from(self.0.get() - 1)
    }

    fn of(index: usize) -> Self {
        Self(
            u8::try_from(index)
                .map_or(NonZeroU8::MIN, |index| NonZeroU8::MIN.saturating_add(index)),
        )
    }

    #[inline]
    pub(in crate::shard) fn dialect(self) -> Dialect {
        Dialect::ALL[self.index() / KINDS]
    }

    /// The same dialect over a stream.
    pub(in crate::shard) fn on_stream(self) -> Self {
        Self::of(self.index() - self.index() % KINDS)
    }

    pub(in crate::shard) fn framing(self) -> Framing {
        if self.index() % KINDS == STREAM { Framing::Stream } else { Framing::Messages }
    }

    /// The window of its messages, if they are compressed.
    pub(in crate::shard) fn deflate(self) -> Option<Window> {
        Window::ALL.get((self.index() % KINDS).checked_sub(DEFLATED)?).copied()
    }

    /// Writes a delivery under a number, and as a class that the peer knows; its body goes behind
    /// it unless that is written too.
    pub(in crate::shard) fn write(
        self,
        class: Class,
        seq: Seq,
        (delivery, room): (&Delivery, Option<&str>),
        write: &mut dyn FnMut(&[u8]),
    ) -> Written {
        let delivery = codec::Delivery {
            class,
            seq,
            key: delivery.key.as_deref(),
            room,
            is_text: delivery.kind == Kind::Text,
            body: &delivery.body,
        };
        self.dialect().codec().delivery(self.framing(), &delivery, write)
    }
}
