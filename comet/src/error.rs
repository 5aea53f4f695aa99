//! Errors of the gateway, one type for each operation.

use std::io;
use std::net::SocketAddr;

/// Error of starting a gateway.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A value of the configuration is invalid.
    #[error("bad configuration: {0}")]
    Config(&'static str),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Error of the system.
        source: io::Error,
    },
    /// The system refused a thread or a poll.
    #[error("cannot start a shard: {0}")]
    Shard(io::Error),
    /// The system refused a requested ring.
    #[error("no io_uring: {0}")]
    Uring(io::Error),
}

/// Error of a push, a publish or another command that was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The shard's mailbox is at [`memory.mailbox`](crate::MemoryConfig::mailbox) commands, or at
    /// its limit of bytes. A command for several shards has been taken by those that had room.
    #[error("the shard's mailbox is full")]
    Full,
    /// The gateway has stopped.
    #[error("the gateway has stopped")]
    Stopped,
    /// The body is longer than a frame can be, 1 GiB, or than the bytes that may wait for a shard:
    /// a sixteenth of [`memory.budget`](crate::MemoryConfig::budget), divided among the shards.
    #[error("the body does not fit")]
    TooLong,
}

/// Error of adopting a connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// The socket could not be made ready.
    #[error("cannot take over the socket: {0}")]
    Socket(#[from] io::Error),
    /// [`limits.max_connections`](crate::LimitsConfig::max_connections) is reached, or
    /// [`limits.max_sessions`](crate::LimitsConfig::max_sessions) by streams.
    #[error("too many connections")]
    TooMany,
    /// The client's address is at its limit:
    /// [`limits.connections_per_address`](crate::LimitsConfig::connections_per_address) or
    /// [`limits.handshakes_per_address`](crate::LimitsConfig::handshakes_per_address).
    #[error("too many connections from one address")]
    TooManyOfAddress,
    /// The dialect has no frames of its own, and needs the messages of a WebSocket.
    #[error("the raw and text dialects need WebSocket messages")]
    Dialect,
    /// The gateway has stopped or is draining.
    #[error("the gateway takes no connections")]
    Stopped,
}
