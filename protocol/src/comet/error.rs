//! Errors of frames of the comet dialect.

use super::received::BadRanges;

/// A frame with content that violates the dialect. Every one of them ends the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The op belongs to another dialect.
    #[error("op {0} is not of the comet dialect")]
    ForeignOp(u32),
    /// The op is known, but only the other side may send it.
    #[error("op {0} comes from the wrong side")]
    WrongSide(u32),
    /// The body is longer than its op allows.
    #[error("body of op {op} has {len} bytes, more than {limit}")]
    BodyTooLong {
        /// The op.
        op: u32,
        /// Actual length.
        len: usize,
        /// Maximum length.
        limit: usize,
    },
    /// The body is shorter than its op requires.
    #[error("body of op {op} is cut short at {len} bytes")]
    BodyTooShort {
        /// The op.
        op: u32,
        /// Actual length.
        len: usize,
    },
    /// The body is not a valid message of its op.
    #[error("body of op {0} is malformed")]
    Malformed(u32),
    /// A field is longer than allowed.
    #[error("field {field} of op {op} has {len} bytes, more than {limit}")]
    FieldTooLong {
        /// The op.
        op: u32,
        /// The field.
        field: &'static str,
        /// Actual length.
        len: usize,
        /// Maximum length.
        limit: usize,
    },
    /// A number that must not be 0 is 0.
    #[error("op {0} carries the number 0")]
    ZeroSeq(u32),
    /// A gap ends before it begins.
    #[error("a gap ends before it begins")]
    GapBackwards,
    /// The ranges of an ack are malformed.
    #[error("bad ranges: {0}")]
    Ranges(#[from] BadRanges),
}
