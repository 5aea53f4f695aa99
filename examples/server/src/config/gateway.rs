//! The section `[gateway]`: limits of sessions and connections, in the groups of [`comet::Config`].
//!
//! The groups are of the code alone: in files every setting stands directly in the section.

use comet::{Io, Overflow};
use serde::Deserialize;

use crate::settings::{Fault, Section};

/// All settings of the section.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Gateway {
    pub(crate) shards: usize,
    pub(crate) memory_budget: usize,
    pub(crate) handshake: Handshake,
    pub(crate) limits: Limits,
    pub(crate) delivery: Delivery,
    pub(crate) io: SocketIo,
    pub(crate) ping: Ping,
    pub(crate) resume: Resume,
    pub(crate) websocket: WebSocket,
}

/// From accept to an open session.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub(crate) struct Handshake {
    pub(crate) handshake_seconds: u64,
    pub(crate) handshake_rate: u32,
    pub(crate) refusal_hold_seconds: u64,
    pub(crate) held_refusals: usize,
    pub(crate) max_upgrade: usize,
    pub(crate) max_upgrade_headers: usize,
}

/// What clients may open and send.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub(crate) struct Limits {
    pub(crate) max_connections: usize,
    pub(crate) max_sessions: usize,
    pub(crate) connections_per_address: usize,
    pub(crate) handshakes_per_address: u32,
    pub(crate) inbox: u16,
    pub(crate) message_rate: u32,
    pub(crate) message_seconds: u64,
    pub(crate) max_body: usize,
}

/// Deliveries to sessions.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub(crate) struct Delivery {
    pub(crate) window: u16,
    #[serde(deserialize_with = "OverflowName::deserialize")]
    pub(crate) overflow: Overflow,
}

/// Sockets.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub(crate) struct SocketIo {
    #[serde(deserialize_with = "IoName::deserialize")]
    pub(crate) io: Io,
    pub(crate) write_seconds: u64,
    pub(crate) user_timeout_seconds: u64,
    pub(crate) keepalive_seconds: u64,
}

/// Silence of a client, and pings: for all ports, and for one where they differ.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub(crate) struct Ping {
    pub(crate) ping_seconds: u64,
    pub(crate) tcp_ping_seconds: Option<u64>,
    pub(crate) ws_ping_seconds: Option<u64>,
    pub(crate) http_ping_seconds: Option<u64>,
    pub(crate) idle_seconds: u64,
}

/// Sessions that outlive their connections, and the return of clients after a stop.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub(crate) struct Resume {
    pub(crate) resume_seconds: u64,
    pub(crate) return_rate: u32,
    pub(crate) return_spread_seconds: u64,
}

/// What is taken on the port of WebSocket sessions.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub(crate) struct WebSocket {
    pub(crate) upgrade_paths: Vec<String>,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) deflate: bool,
}

/// Names of [`Overflow`] in files.
#[derive(Deserialize)]
#[serde(remote = "Overflow", rename_all = "kebab-case")]
enum OverflowName {
    Park,
    DropOldest,
    Close,
}

/// Names of [`Io`] in files.
#[derive(Deserialize)]
#[serde(remote = "Io", rename_all = "kebab-case")]
enum IoName {
    Auto,
    Epoll,
    Uring,
}

impl Gateway {
    pub(super) fn read(section: &mut Section<'_>) -> Result<Self, Fault> {
        Ok(Self {
            shards: section.setting("shards")?,
            memory_budget: section.setting("memory_budget")?,
            handshake: section.part()?,
            limits: section.part()?,
            delivery: section.part()?,
            io: section.part()?,
            ping: section.part()?,
            resume: section.part()?,
            websocket: section.part()?,
        })
    }
}
