//! Introduction of a peer: what is known of it beside what its transport and its frames tell.

use std::net::IpAddr;

use comet_protocol::ws::handshake::Request;

use super::entrance::Visitor;
use crate::identity::Identity;

/// Boxed by connections that need one; most have none.
#[derive(Debug, Default)]
pub(crate) struct Introduction {
    /// Its client, if the transport alone does not tell.
    pub(crate) visitor: Option<Visitor>,
    /// The client in a PROXY header, until the protocol of the connection is known.
    pub(crate) named: Option<IpAddr>,
    /// The upgrade request of an adopted connection, until it has a session.
    pub(crate) upgrade: Option<Box<Request>>,
    /// The identity of a peer that the router is not asked about.
    pub(crate) identity: Option<Box<Identity>>,
}

impl Introduction {
    /// Of a peer that was accepted.
    pub(super) fn of(visitor: Option<Visitor>) -> Option<Box<Self>> {
        let visitor = Some(visitor?);
        Some(Box::new(Self { visitor, ..Self::default() }))
    }

    /// The peer has a session: only its client counts from now on.
    pub(super) fn forget(introduction: &mut Option<Box<Self>>) {
        let Some(known) = introduction else { return };
        (known.named, known.upgrade, known.identity) = (None, None, None);
        if known.visitor.is_none() {
            *introduction = None;
        }
    }
}
