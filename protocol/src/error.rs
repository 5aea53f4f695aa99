//! Why bytes are not a frame.

/// A frame head that breaks the protocol. Every one of them ends the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The packet length is smaller than its head, or negative.
    #[error("packet length {0} is less than its head")]
    TooShort(i32),
    /// The packet length promises more than the receiver takes.
    #[error("packet length {len} is above the limit of {limit}")]
    TooLong {
        /// The promised length, head included.
        len: u32,
        /// The greatest length taken.
        limit: u32,
    },
    /// The head length is not that of the dialect, or of no dialect.
    #[error("head length {0} is not of this dialect")]
    HeadLen(i16),
    /// A message of a message transport ends before its packet does.
    #[error("message ends inside a packet: {have} of {need} bytes")]
    Truncated {
        /// Bytes that are there.
        have: usize,
        /// Bytes that the packet has.
        need: usize,
    },
}
