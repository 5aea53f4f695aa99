//! A connection on its way to a shard: all that goes along, and nothing that belongs to a thread.

use std::net::IpAddr;

use bytes::Bytes;
use comet_protocol::Dialect;

use super::connection::{ADOPTED, Transport};
use super::socket::Socket;
use super::tail::Unread;
use crate::identity::Identity;
use crate::session::Hello;
use crate::time::Time;

/// What a shard needs to go on with a connection.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) socket: Socket,
    pub(crate) transport: Transport,
    pub(crate) dialect: Option<Dialect>,
    /// Which listener it came from.
    pub(crate) listener: u8,
    /// Bytes read from the socket and not yet looked at.
    pub(crate) unread: Option<Box<Unread>>,
    /// Under which address it counts.
    pub(crate) counted: Option<Box<IpAddr>>,
    /// From another shard: the router's decision about it.
    pub(crate) accepted: Option<Accepted>,
}

/// A peer that was accepted on another shard.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) identity: Box<Identity>,
    pub(crate) auth_seq: u32,
    pub(crate) deadline: Time,
    /// What a comet peer asked for.
    pub(crate) hello: Option<Box<Hello>>,
}

impl Arrival {
    /// A connection that was made outside of the gateway.
    pub(crate) fn adopted(
        socket: Socket,
        transport: Transport,
        dialect: Option<Dialect>,
        leftover: Bytes,
    ) -> Self {
        let unread = (!leftover.is_empty()).then(|| Box::new(Unread::new(leftover)));
        let listener = ADOPTED;
        Self { socket, transport, dialect, listener, unread, counted: None, accepted: None }
    }
}
