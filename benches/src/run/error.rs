//! Errors that end a run without a result.

use std::io;
use std::net::SocketAddr;

use crate::account::AccountError;
use crate::dialect::Dialect;
use crate::driver::RouteError;
use crate::host::DescriptorError;
use crate::plan::PlanError;
use crate::proxy::ProxyError;
use crate::server::{StartError, UsageError};

/// Errors that end a run without a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The driver's poll or sockets failed.
    #[error("driver: {0}")]
    Driver(#[from] io::Error),
    /// There is no relay.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The relay is gone.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// A proxy failed.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The sessions did not open.
    #[error("{open} of {wanted} sessions opened after {waits} waits; last error: {last_error}")]
    NotOpen {
        /// Sessions that opened.
        open: usize,
        /// Sessions that should have.
        wanted: usize,
        /// Waits of sessions for another attempt.
        waits: u64,
        /// The last error of a connection.
        last_error: String,
    },
    /// The options make no sense.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The server cannot be reached.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// There are no accounts.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// There are not enough descriptors.
    #[error(transparent)]
    Descriptors(#[from] DescriptorError),
    /// A thread of the harness ended early.
    #[error("a thread of the harness ended early")]
    Thread,
}

/// Errors of reaching the server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// There is no way there.
    #[error("`addr`: {0}")]
    Route(#[from] RouteError),
    /// Connections come from addresses of the loopback only when they go there.
    #[error("`sources` needs a server on this machine, which {0} is not")]
    Sources(SocketAddr),
    /// The dialect needs messages of WebSocket.
    #[error("{0} needs ws:// or wss://: it has no packets of its own")]
    Stream(Dialect),
    /// Server-sent events carry comet's own dialect.
    #[error("sse:// carries the dialect comet, and not {0}")]
    Events(Dialect),
    /// No answer at the address within a second.
    #[error("nobody answers at {0}: {1}")]
    Dead(SocketAddr, io::Error),
}
