//! Violations of a dialect by the server.

use comet_protocol::DecodeError;

/// The server sent something outside its dialect, or refuses the session.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DialectError {
    /// A packet's lengths are wrong.
    #[error("bad packet: {0}")]
    Packet(#[from] DecodeError),
    /// The server does not want this session.
    #[error("refused: {0}")]
    Refused(String),
    /// Something that cannot be read.
    #[error("cannot read {what} of {len} bytes")]
    Unreadable {
        /// The presumed kind of packet.
        what: &'static str,
        /// Its length.
        len: usize,
    },
    /// A packet is longer than a client keeps.
    #[error("a packet of {0} bytes")]
    TooLong(usize),
}
