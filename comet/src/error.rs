//! What can go wrong when the gateway is used, one type for each operation.

use std::io;
use std::net::SocketAddr;

/// Why the gateway did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A value of the configuration makes no sense.
    #[error("bad configuration: {0}")]
    Config(&'static str),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused a thread or a poll.
    #[error("cannot start a shard: {0}")]
    Shard(io::Error),
    /// The system refused a ring that was asked for.
    #[error("no io_uring: {0}")]
    Uring(io::Error),
}

/// Why a push, a publish or another command was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// [`Config::mailbox`](crate::Config::mailbox) commands wait for the shard, or so many bytes as
    /// may. For a command that
    /// goes to several shards, those that had room have taken it.
    #[error("the shard's mailbox is full")]
    Full,
    /// The gateway has stopped.
    #[error("the gateway has stopped")]
    Stopped,
    /// The body is longer than a frame can be, 1 GiB, or than what may wait for a shard: a
    /// sixteenth of [`Config::memory_budget`](crate::Config::memory_budget), divided among them.
    #[error("the body does not fit")]
    TooLong,
}

/// Why a connection made elsewhere was not taken over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// The socket could not be made ready.
    #[error("cannot take over the socket: {0}")]
    Socket(#[from] io::Error),
    /// [`Config::max_connections`](crate::Config::max_connections) are open.
    #[error("too many connections")]
    TooMany,
    /// The client's address has its share, by
    /// [`Config::connections_per_address`](crate::Config::connections_per_address) or
    /// [`Config::handshakes_per_address`](crate::Config::handshakes_per_address).
    #[error("too many connections from one address")]
    TooManyOfAddress,
    /// The gateway has stopped or drains.
    #[error("the gateway takes no connections")]
    Stopped,
}
