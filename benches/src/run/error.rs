//! Errors that end a run without a result.

use std::io;
use std::net::SocketAddr;

use crate::account::AccountError;
use crate::driver::RouteError;
use crate::host::DescriptorError;
use crate::plan::PlanError;
use crate::proxy::ProxyError;
use crate::server::{StartError, UsageError};

/// Why a run came to no result.
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
    #[error("{open} of {wanted} sessions opened after {waits} waits; last trouble: {trouble}")]
    NotOpen {
        /// How many did.
        open: usize,
        /// How many should have.
        wanted: usize,
        /// How often sessions had to wait and try again.
        waits: u64,
        /// Why a connection was lost, or could not be made, the last time.
        trouble: String,
    },
    /// What was asked for makes no sense.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The server cannot be reached as it was said.
    #[error(transparent)]
    Place(#[from] PlaceError),
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

/// The server cannot be reached as it was said.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// There is no way there.
    #[error("`addr`: {0}")]
    Route(#[from] RouteError),
    /// Connections come from addresses of the loopback only when they go there.
    #[error("`sources` needs a server on this machine, which {0} is not")]
    Sources(SocketAddr),
    /// Nobody takes connections there, or not within a second.
    #[error("nobody answers at {0}: {1}")]
    Dead(SocketAddr, io::Error),
}
