//! The section `[http]` of the configuration.

use std::time::Duration;

use comet::TrustedProxies;
use serde::Deserialize;
use tokio::net::TcpListener;

use super::Port;
use super::pace::Times;

/// Limits of the HTTP ports.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    max_connections: usize,
    connections_per_address: usize,
    admin_connections: usize,
    head_bytes: usize,
    head_seconds: u64,
    body_seconds: u64,
    idle_seconds: u64,
    write_seconds: u64,
}

impl Settings {
    /// Limit on connections to the port of the API; 0 for the default.
    pub(crate) fn max_connections(self) -> usize {
        self.max_connections
    }

    /// Limit on connections to the port of metrics and health.
    pub(crate) fn admin_connections(self) -> usize {
        self.admin_connections
    }

    /// The port of the API, with a limit on connections.
    pub(crate) fn public(
        self,
        listener: TcpListener,
        connections: usize,
        proxies: TrustedProxies,
    ) -> Port {
        let per_address = self.connections_per_address;
        let (times, head_bytes) = (self.times(), self.head_bytes);
        Port { name: "http", listener, times, head_bytes, connections, per_address, proxies }
    }

    /// The port of metrics and health.
    pub(crate) fn admin(self, listener: TcpListener) -> Port {
        let proxies = TrustedProxies::new();
        let (times, head_bytes) = (self.times(), self.head_bytes);
        let (connections, per_address) = (self.admin_connections, 0);
        Port { name: "admin", listener, times, head_bytes, connections, per_address, proxies }
    }

    fn times(&self) -> Times {
        Times {
            head: Duration::from_secs(self.head_seconds),
            body: Duration::from_secs(self.body_seconds),
            idle: Duration::from_secs(self.idle_seconds),
            write: Duration::from_secs(self.write_seconds),
        }
    }
}
