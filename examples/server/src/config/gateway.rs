//! The section `[gateway]`: limits of sessions and connections.

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gateway {
    pub(crate) shards: usize,
    pub(crate) max_connections: usize,
    pub(crate) max_sessions: usize,
    pub(crate) connections_per_address: usize,
    pub(crate) handshakes_per_address: u32,
    pub(crate) max_body: usize,
    pub(crate) message_seconds: u64,
    pub(crate) idle_seconds: u64,
    pub(crate) ping_seconds: u64,
    pub(crate) write_seconds: u64,
    pub(crate) user_timeout_seconds: u64,
    pub(crate) keepalive_seconds: u64,
    pub(crate) ws_ping_seconds: Option<u64>,
    pub(crate) tcp_ping_seconds: Option<u64>,
    pub(crate) http_ping_seconds: Option<u64>,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) handshake_seconds: u64,
    pub(crate) max_upgrade: usize,
    pub(crate) max_upgrade_headers: usize,
    pub(crate) upgrade_paths: Vec<String>,
    pub(crate) inbox: u16,
    pub(crate) window: u16,
    pub(crate) message_rate: u32,
    pub(crate) resume_seconds: u64,
    pub(crate) overflow: Overflow,
    pub(crate) memory_budget: usize,
    pub(crate) handshake_rate: u32,
    pub(crate) refusal_hold_seconds: u64,
    pub(crate) held_refusals: usize,
    pub(crate) return_rate: u32,
    pub(crate) return_spread_seconds: u64,
    pub(crate) io: Io,
}

/// The policy for a session that reads too slowly.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Overflow {
    Park,
    DropOldest,
    Close,
}

/// The I/O backend of sockets.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Io {
    Auto,
    Epoll,
    Uring,
}
