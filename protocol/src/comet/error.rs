//! Why a frame of the comet dialect is not one.

use super::received::BadRanges;

/// A frame whose content breaks the dialect. Every one of them ends the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The op belongs to another dialect.
    #[error("op {0} is not of the comet dialect")]
    ForeignOp(u32),
    /// The op is known, and only the other side may say it.
    #[error("op {0} comes from the wrong side")]
    WrongSide(u32),
    /// The body is longer than such a frame may have.
    #[error("body of op {op} has {len} bytes, more than {limit}")]
    BodyTooLong {
        /// The op.
        op: u32,
        /// What it has.
        len: usize,
        /// What it may have.
        limit: usize,
    },
    /// The body is shorter than such a frame must have.
    #[error("body of op {op} is cut short at {len} bytes")]
    BodyTooShort {
        /// The op.
        op: u32,
        /// What it has.
        len: usize,
    },
    /// The body is not the message that belongs there.
    #[error("body of op {0} is malformed")]
    Malformed(u32),
    /// One field is longer than it may be.
    #[error("field {field} of op {op} has {len} bytes, more than {limit}")]
    FieldTooLong {
        /// The op.
        op: u32,
        /// The field.
        field: &'static str,
        /// What it has.
        len: usize,
        /// What it may have.
        limit: usize,
    },
    /// A number that must count something is 0.
    #[error("op {0} carries the number 0")]
    ZeroSeq(u32),
    /// A gap ends before it begins.
    #[error("a gap ends before it begins")]
    GapBackwards,
    /// The ranges of an ack break their form.
    #[error("bad ranges: {0}")]
    Ranges(#[from] BadRanges),
}
