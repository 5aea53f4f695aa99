//! Effects: consequences of one part's work for a session, carried out when that work is done.
//!
//! A walk over many sessions, or the reading of one connection, must not take away the slots it
//! works on. So the parts below note the consequences, and `Sessions` carries them out afterwards,
//! in order.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::rc::Rc;

use bytes::Bytes;

use super::connections::ConnectionKey;
use crate::delivery::Held;
use crate::http::HttpHandler;
use crate::{Closed, SessionId};

/// Something that is to happen to a session or its connection.
#[derive(Debug)]
pub(super) enum Effect {
    /// The session ends, or is parked if that may be.
    End(Closed),
    /// The session ends for good: something that was promised to it is lost.
    EndForGood(Closed),
    /// The connection broke.
    Lost { key: ConnectionKey, kind: ErrorKind },
    /// Something of the connection could not be kept for want of memory.
    OutOfMemory,
    /// Input that waits could not be charged; others may have to give way.
    NoRoom(ConnectionKey),
    /// The session cannot keep up.
    FallBehind,
    /// The queue is full: the session cannot keep up, and this is to be kept if it is parked.
    Full(Rc<Held>),
    /// The connection goes to a handler of HTTP, with the bytes that were read from it.
    HandOver(Box<(HttpHandler, Bytes)>),
    /// Everything queued for a closing connection is written.
    Flushed,
}

/// Effects in the order in which they were noted. Each names its session: one effect may end the
/// session of another.
#[derive(Debug, Default)]
pub(super) struct Effects(VecDeque<(SessionId, Effect)>);

impl Effects {
    pub(super) fn push(&mut self, session: SessionId, effect: Effect) {
        self.0.push_back((session, effect));
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next one.
    pub(super) fn next(&mut self) -> Option<(SessionId, Effect)> {
        self.0.pop_front()
    }
}
