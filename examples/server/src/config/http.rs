//! The section `[http]`: limits of the HTTP ports.

use serde::Deserialize;

/// Limits of the HTTP ports.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Http {
    /// Limit on connections to the port of the API; 0 for the default.
    pub(crate) max_connections: usize,
    pub(crate) connections_per_address: usize,
    /// Limit on connections to the port of metrics and health.
    pub(crate) admin_connections: usize,
    pub(crate) sse_streams: usize,
    pub(crate) sse_unread_streams: usize,
    pub(crate) head_bytes: usize,
    pub(crate) head_seconds: u64,
    pub(crate) body_seconds: u64,
    pub(crate) idle_seconds: u64,
    pub(crate) write_seconds: u64,
    /// Whether plain requests are sent to the same address with TLS.
    pub(crate) redirect: bool,
}
