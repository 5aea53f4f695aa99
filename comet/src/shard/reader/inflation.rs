//! Messages of peers that agreed to permessage-deflate, inflated, and how much that may be in a
//! turn.
//!
//! Not here: what is done with them.

use comet_protocol::ws::deflate::Inflater;
use comet_protocol::ws::{Message, WsError};

/// Bytes that a connection may have inflated in one turn, beyond a message: of kilobytes that
/// become megabytes there may be many in what was read.
const SHARE: usize = 256 * 1024;

/// Inflates the messages of all connections of a shard, one at a time.
#[derive(Debug, Default)]
pub(super) struct Inflation {
    /// Lent out while a message is handled; nothing stays in it.
    inflater: Option<Box<Inflater>>,
    /// Bytes of the connection whose input is being handled.
    bytes: usize,
}

impl Inflation {
    /// Input of a connection is about to be handled.
    pub(super) fn begin(&mut self) {
        self.bytes = 0;
    }

    /// Whether others should have their turn before more of this input is handled.
    #[inline]
    pub(super) fn is_spent(&self) -> bool {
        self.bytes > SHARE
    }

    /// The inflater, to be [put back](Self::put).
    pub(super) fn take(&mut self) -> Box<Inflater> {
        self.inflater.take().unwrap_or_default()
    }

    /// A message as its sender had it, in a borrowed inflater.
    pub(super) fn inflate<'a>(
        &mut self,
        inflater: &'a mut Inflater,
        message: Message<'a>,
        limit: usize,
    ) -> Result<Message<'a>, WsError> {
        let inflated = inflater.inflate(message, limit);
        self.bytes += inflated.as_ref().map_or(limit, |message| message.payload.len());
        inflated
    }

    /// Takes the inflater back.
    pub(super) fn put(&mut self, mut inflater: Box<Inflater>) {
        inflater.release();
        self.inflater = Some(inflater);
    }
}
