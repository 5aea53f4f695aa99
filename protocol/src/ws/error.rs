//! Errors of a WebSocket stream.

use super::code::CloseCode;

/// Violation by the peer that ends the connection, with [`WsError::close_code`] as the answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WsError {
    /// A reserved bit is set although no extension that has it was negotiated (section 5.2), or on
    /// a frame that it is not for (RFC 7692 section 6).
    #[error("reserved bits {0:#05b} are set without an extension")]
    ReservedBits(u8),
    /// The opcode is reserved (section 5.2).
    #[error("opcode {0:#x} is reserved")]
    ReservedOpcode(u8),
    /// A client sent a frame without a mask (section 5.1).
    #[error("frame of a client is not masked")]
    NotMasked,
    /// A server sent a masked frame (section 5.1).
    #[error("frame of a server is masked")]
    Masked,
    /// A control frame is one fragment of several (section 5.5).
    #[error("control frame is fragmented")]
    FragmentedControl,
    /// A control frame declares more than 125 bytes (section 5.5).
    #[error("control frame is longer than 125 bytes")]
    ControlTooLong,
    /// A length is not in its shortest encoding (section 5.2).
    #[error("length {0} is not in its shortest form")]
    LengthNotMinimal(u64),
    /// The most significant bit of a 64-bit length is set (section 5.2).
    #[error("length {0} has its top bit set")]
    LengthOutOfRange(u64),
    /// A continuation without a message to continue (section 5.4).
    #[error("continuation frame without a message")]
    UnexpectedContinuation,
    /// A new message began before the fragmented one was finished (section 5.4).
    #[error("message begun inside a fragmented message")]
    InterleavedMessage,
    /// A message is, or will be, longer than [`Limits::max_message`](super::Limits::max_message).
    #[error("message is longer than {limit} bytes")]
    MessageTooLong {
        /// The limit in force.
        limit: usize,
    },
    /// A message has more frames than [`Limits::max_fragments`](super::Limits::max_fragments).
    #[error("message has more than {limit} fragments")]
    TooManyFragments {
        /// The limit in force.
        limit: u32,
    },
    /// A text message or the reason of a close frame is not UTF-8 (section 8.1).
    #[error("text is not UTF-8")]
    InvalidUtf8,
    /// A compressed message is not a stream of DEFLATE blocks (RFC 7692 section 7.2.2).
    #[error("compressed message cannot be inflated")]
    InvalidDeflate,
    /// A text message where only binary ones are accepted (section 7.4.1). The decoder accepts
    /// both; this is for a caller whose messages are binary.
    #[error("a text message where binary ones are expected")]
    UnexpectedText,
    /// The body of a close frame is one byte: half a code (section 5.5.1).
    #[error("close frame has half a code")]
    TruncatedCloseCode,
    /// The code of a close frame may not be sent (section 7.4).
    #[error("close code {0} may not be sent")]
    InvalidCloseCode(u16),
}

impl WsError {
    /// The code for the close frame that answers this error (section 7.4.1).
    #[must_use]
    pub const fn close_code(&self) -> CloseCode {
        match self {
            Self::InvalidUtf8 | Self::InvalidDeflate => CloseCode::INVALID_PAYLOAD,
            Self::UnexpectedText => CloseCode::UNSUPPORTED,
            Self::MessageTooLong { .. } => CloseCode::TOO_LARGE,
            Self::TooManyFragments { .. } => CloseCode::POLICY,
            Self::ReservedBits(_)
            | Self::ReservedOpcode(_)
            | Self::NotMasked
            | Self::Masked
            | Self::FragmentedControl
            | Self::ControlTooLong
            | Self::LengthNotMinimal(_)
            | Self::LengthOutOfRange(_)
            | Self::UnexpectedContinuation
            | Self::InterleavedMessage
            | Self::TruncatedCloseCode
            | Self::InvalidCloseCode(_) => CloseCode::PROTOCOL,
        }
    }
}
