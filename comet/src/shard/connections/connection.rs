//! One socket: what it speaks, what of its input is not read yet, what waits to be written.

use comet_protocol::{Dialect, Framing, ws};

use super::tail::Tail;
use super::write_queue::WriteQueue;
use crate::pings::LastWrite;
use crate::shard::entrance::Visitor;
use crate::shard::socket::Socket;
use crate::time::Time;

/// A connection.
#[derive(Debug)]
pub(in crate::shard) struct Connection {
    pub(in crate::shard) socket: Socket,
    pub(in crate::shard) transport: Transport,
    /// Known from the listener or from the first frame.
    pub(in crate::shard) dialect: Option<Dialect>,
    /// Tells it from any connection that had the slot before, or gets it next.
    pub(in crate::shard) serial: u32,
    /// Which listener it came from, or [`ADOPTED`].
    pub(in crate::shard) listener: u8,
    /// When something was last written.
    pub(in crate::shard) last_write: LastWrite,
    pub(in crate::shard) state: State,
    /// Its client, if there is more to know than what the socket says.
    pub(in crate::shard) visitor: Option<Box<Visitor>>,
    /// Input that waits: an incomplete frame, or frames that may not be read now.
    pub(in crate::shard) tail: Option<Box<Tail>>,
    /// Output that waits; a queue from the pool while there is some.
    pub(in crate::shard) out: Option<Box<WriteQueue>>,
}

/// What a decoder in the midst of a message takes beside its buffers.
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
    /// Our side sends no more.
    pub(in crate::shard) shut: bool,
    /// The peer will send no more; what it sent may still be in the socket.
    pub(in crate::shard) ending: bool,
    /// The peer sends no more, and all it sent has been read.
    pub(in crate::shard) ended: bool,
    /// A close frame has been queued.
    pub(in crate::shard) close_sent: bool,
}

/// How bytes become frames.
#[derive(Debug)]
pub(crate) enum Transport {
    /// Packets back to back.
    Stream,
    /// Waits for an upgrade request, of which so many bytes have been searched.
    Upgrading { searched: usize },
    /// A raw peer's upgrade request is before the router.
    Deciding(Box<Upgrade>),
    /// WebSocket frames.
    WebSocket(ws::Decoder),
}

/// What an upgrade request is answered with, if it is accepted.
#[derive(Debug, Default)]
pub(crate) struct Upgrade {
    pub(in crate::shard) key: String,
    pub(in crate::shard) subprotocol: Option<String>,
}

impl Transport {
    pub(crate) fn websocket() -> Self {
        Self::WebSocket(ws::Decoder::new(ws::Role::Server))
    }

    pub(in crate::shard) fn framing(&self) -> Framing {
        match self {
            Self::Stream => Framing::Stream,
            Self::Upgrading { .. } | Self::Deciding(_) | Self::WebSocket(_) => Framing::Messages,
        }
    }
}

impl Connection {
    pub(in crate::shard) fn new(
        now: Time,
        socket: Socket,
        transport: Transport,
        dialect: Option<Dialect>,
    ) -> Self {
        Self {
            socket,
            transport,
            dialect,
            serial: 0,
            listener: ADOPTED,
            last_write: LastWrite::at(now),
            state: State::default(),
            visitor: None,
            tail: None,
            out: None,
        }
    }

    /// Whether it can be sent pings: the peers of other dialects have none to answer over TCP.
    pub(in crate::shard) fn takes_pings(&self) -> bool {
        self.dialect == Some(Dialect::Comet) || matches!(self.transport, Transport::WebSocket(_))
    }

    /// Bytes that wait to be written.
    pub(in crate::shard) fn backlog(&self) -> usize {
        self.out.as_ref().map_or(0, |out| out.len())
    }

    /// Which of the [`FORMATS`] its deliveries have.
    pub(in crate::shard) fn format(&self) -> Option<usize> {
        let framing = match self.transport.framing() {
            Framing::Stream => 0,
            Framing::Messages => 1,
        };
        let dialect = match self.dialect? {
            Dialect::Dtalk => 0,
            Dialect::Goim => 1,
            Dialect::Raw => 2,
            Dialect::Comet => 3,
            _ => return None,
        };
        Some(dialect * 2 + framing)
    }

    /// Bytes that the decoder has gathered of what is incomplete; 0 only if nothing is.
    pub(in crate::shard) fn gathered(&self) -> usize {
        match &self.transport {
            Transport::WebSocket(decoder) if !decoder.is_idle() => GATHERING + decoder.held(),
            _ => 0,
        }
    }

    /// Whether the rest of a message waits in the tail.
    pub(in crate::shard) fn holds_message(&self) -> bool {
        self.tail.as_ref().is_some_and(|tail| !tail.unread.message.is_empty())
    }
}

/// How many ways there are to write a delivery: dialects times framings.
pub(in crate::shard) const FORMATS: usize = 8;

/// What a [`Connection::format`] stands for.
pub(in crate::shard) fn format_of(number: usize) -> (Dialect, Framing) {
    let dialect = [Dialect::Dtalk, Dialect::Goim, Dialect::Raw, Dialect::Comet][number / 2];
    (dialect, if number.is_multiple_of(2) { Framing::Stream } else { Framing::Messages })
}
