//! A connection on its way to a shard, with all that goes along and nothing that belongs to a
//! thread.

use bytes::Bytes;
use comet_protocol::Dialect;

use super::connections::{ADOPTED, Transport, Unread};
use super::entrance::Visitor;
use super::socket::Socket;
use crate::identity::Identity;
use crate::session::Hello;
use crate::time::Time;

/// State of a connection on its way to a shard.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) socket: Socket,
    pub(crate) transport: Transport,
    pub(crate) dialect: Option<Dialect>,
    /// Which listener it came from.
    pub(crate) listener: u8,
    /// Bytes read from the socket and not yet looked at.
    pub(crate) unread: Option<Box<Unread>>,
    /// Its client, if the socket alone does not tell.
    pub(crate) visitor: Option<Box<Visitor>>,
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

impl Arrival {
    /// A connection that was made outside of the gateway.
    pub(crate) fn adopted(
        socket: Socket,
        transport: Transport,
        visitor: Option<Visitor>,
        leftover: Bytes,
    ) -> Self {
        let unread = (!leftover.is_empty()).then(|| Box::new(Unread::new(leftover)));
        let (listener, visitor) = (ADOPTED, visitor.map(Box::new));
        Self { socket, transport, dialect: None, listener, unread, visitor, accepted: None }
    }
}
