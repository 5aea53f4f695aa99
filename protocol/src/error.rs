//! Errors of frame heads.

/// A frame head that violates the protocol. Every one of them ends the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The packet length is smaller than its head, or negative.
    #[error("packet length {0} is less than its head")]
    TooShort(i32),
    /// The packet length exceeds the limit of the receiver.
    #[error("packet length {len} is above the limit of {limit}")]
    TooLong {
        /// The declared length, including the head.
        len: u32,
        /// The maximum length.
        limit: u32,
    },
    /// The head length is not that of the dialect, or of any dialect.
    #[error("head length {0} is not of this dialect")]
    HeadLen(i16),
    /// A message of a message transport ends inside a packet.
    #[error("message ends inside a packet: {have} of {need} bytes")]
    Truncated {
        /// Bytes available.
        have: usize,
        /// Length of the packet.
        need: usize,
    },
}
