//! A connection on its way to a shard, with all that goes along and nothing that belongs to a
//! thread.

use comet_protocol::Dialect;

use super::connections::{FramingState, Unread};
use super::introduction::Introduction;
use super::transport::Transport;
use crate::identity::Identity;
use crate::session::Hello;
use crate::time::Time;

/// State of a connection on its way to a shard.
#[derive(Debug)]
pub(crate) struct Handoff {
    pub(crate) transport: Transport,
    pub(crate) framing: FramingState,
    pub(crate) dialect: Option<Dialect>,
    /// Which listener it came from, or [`ADOPTED`](super::ADOPTED).
    pub(crate) listener: u8,
    /// Bytes read from the socket and not yet looked at.
    pub(crate) unread: Option<Box<Unread>>,
    pub(crate) introduction: Option<Box<Introduction>>,
    /// From another shard: the router's decision about it.
    pub(crate) accepted: Option<Accepted>,
}

/// A peer that was accepted on another shard.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) identity: Box<Identity>,
    pub(crate) auth_seq: u32,
    pub(crate) deadline: Time,
    /// Continuity that the peer asked for.
    pub(crate) hello: Option<Box<Hello>>,
}
