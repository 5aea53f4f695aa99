//! Codecs: one for each dialect, between bytes and the common inputs and outputs.
//!
//! The owner of a connection knows its [`Codec`] and nothing else about its dialect: the meaning of
//! bytes ([`Input`]), the encoding of each [`Output`] and each [`Delivery`], and the abilities of
//! the peer ([`Abilities`]). A dialect is added here: a file, a variant of [`Dialect`], and a line
//! in each of its tables below.
//!
//! Not here: the effect of a frame on a session.

mod comet;
mod dialect;
mod dtalk;
mod goim;
mod input;
mod output;
mod raw;
mod text;

use std::fmt;

use crate::comet::FrameError;
use crate::{DecodeError, Layout, head};
pub use dialect::{Dialect, Framing};
pub use dtalk::op as dtalk_op;
pub use goim::op as goim_op;
pub use input::{Ask, AuthRequest, Beside, Continuity, Input, Question, Step};
pub use output::{Answer, Delivery, Output, Refusal, Written};

/// Acknowledgements that a dialect has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Acks {
    /// None.
    None,
    /// Each delivery by its number.
    Single,
    /// All up to a number, and ranges beyond it.
    Cumulative,
}

/// Encoding of sequence numbers in a delivery.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SeqForm {
    /// Four bytes, big-endian.
    Binary,
    /// Ten decimal digits, left-padded with spaces.
    Decimal,
}

impl SeqForm {
    /// Overwrites the number at an offset.
    ///
    /// # Panics
    ///
    /// When the number would end beyond the bytes.
    #[inline]
    pub fn write(self, bytes: &mut [u8], at: usize, seq: u32) {
        match self {
            Self::Binary => bytes[at..at + 4].copy_from_slice(&seq.to_be_bytes()),
            Self::Decimal => {
                let mut left = seq;
                for place in (at..at + Self::DIGITS).rev() {
                    let digit = u8::try_from(left % 10).unwrap_or(0);
                    let is_filler = left == 0 && place + 1 < at + Self::DIGITS;
                    bytes[place] = if is_filler { b' ' } else { b'0' + digit };
                    left /= 10;
                }
            }
        }
    }

    /// Bytes that a number takes.
    #[must_use]
    pub const fn width(self) -> usize {
        match self {
            Self::Binary => 4,
            Self::Decimal => Self::DIGITS,
        }
    }

    /// Width of [`Decimal`](Self::Decimal).
    pub const DIGITS: usize = 10;
}

/// Abilities of a peer, by its dialect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact about the dialect of its own")]
#[non_exhaustive]
pub struct Abilities {
    /// Acknowledgements of deliveries.
    pub acks: Acks,
    /// Whether it is told of missing deliveries.
    pub gaps: bool,
    /// Whether it shows a ticket to get its session back, and numbers its messages for the session.
    pub tickets: bool,
    /// Whether it has pings and pongs, over any transport.
    pub pings: bool,
    /// Whether it is told why it is refused or closed, and when to come back.
    pub reasons: bool,
    /// Whether it authenticates by a frame; otherwise its upgrade request is all there is.
    pub auth_frames: bool,
    /// Whether it may try again on the same connection after a refusal.
    pub retries: bool,
    /// Whether a frame out of turn ends its connection, instead of being ignored.
    pub strict: bool,
    /// Whether replies to its heartbeats count the members of the room that it joined last.
    pub counts: bool,
    /// Whether one message may hold several deliveries.
    pub batches: bool,
    /// Whether each of its WebSocket messages is one frame, without a head.
    pub whole_messages: bool,
    /// Whether its WebSocket messages are text.
    pub text: bool,
    /// Encoding of the number in a delivery.
    pub seq: SeqForm,
}

impl Abilities {
    const LEAST: Self = Self {
        acks: Acks::None,
        gaps: false,
        tickets: false,
        pings: false,
        reasons: false,
        auth_frames: true,
        retries: true,
        strict: false,
        counts: false,
        batches: false,
        whole_messages: false,
        text: false,
        seq: SeqForm::Binary,
    };

    /// Whether deliveries are acknowledged at all.
    #[must_use]
    #[inline]
    pub fn has_acks(&self) -> bool {
        self.acks != Acks::None
    }
}

/// One dialect: bytes to inputs, outputs to bytes.
pub trait Codec: fmt::Debug + Send + Sync {
    /// The dialect.
    fn dialect(&self) -> Dialect;

    /// Abilities of its peers.
    fn abilities(&self) -> &'static Abilities;

    /// Decodes the frame at the front of a stream or of a message.
    ///
    /// # Errors
    ///
    /// [`CodecError`] when the bytes break the dialect.
    fn decode<'a>(&self, input: &'a [u8], max_body: usize) -> Result<Step<'a>, CodecError>;

    /// Appends an output to `out`; nothing if the dialect has no such frame.
    fn encode(&self, output: &Output<'_>, out: &mut Vec<u8>);

    /// Writes a delivery with its framing, except for the body if that follows unchanged.
    fn delivery(
        &self,
        framing: Framing,
        delivery: &Delivery<'_>,
        write: &mut dyn FnMut(&[u8]),
    ) -> Written;

    /// Fast path: the number of an ack at the front of the input, and its length, if recognized by
    /// its first bytes; for the dialects whose peers send many acks in a row.
    fn ack_at(&self, framing: Framing, input: &[u8]) -> Option<(u32, usize)> {
        let _ = (framing, input);
        None
    }
}

/// Violation of a dialect.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// In a head or a length.
    #[error(transparent)]
    Head(#[from] DecodeError),
    /// In the content of a frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// In the body of an auth frame.
    #[error("the auth frame cannot be read")]
    Auth,
}

impl Dialect {
    /// All dialects that a gateway speaks, each with its codec.
    pub const ALL: [Self; 5] = [Self::Dtalk, Self::Goim, Self::Raw, Self::Comet, Self::Text];

    /// The codec of the dialect.
    #[must_use]
    #[inline]
    pub fn codec(self) -> &'static dyn Codec {
        match self {
            Self::Dtalk => &dtalk::Dtalk,
            Self::Goim => &goim::Goim,
            Self::Raw => &raw::Raw,
            Self::Comet => &comet::Comet,
            Self::Text => &text::Text,
        }
    }

    /// Index in [`ALL`](Self::ALL).
    #[must_use]
    #[inline]
    pub const fn index(self) -> usize {
        match self {
            Self::Dtalk => 0,
            Self::Goim => 1,
            Self::Raw => 2,
            Self::Comet => 3,
            Self::Text => 4,
        }
    }

    /// Abilities of its peers.
    #[must_use]
    #[inline]
    pub const fn abilities(self) -> &'static Abilities {
        match self {
            Self::Dtalk => &dtalk::ABILITIES,
            Self::Goim => &goim::ABILITIES,
            Self::Raw => &raw::ABILITIES,
            Self::Comet => &comet::ABILITIES,
            Self::Text => &text::ABILITIES,
        }
    }
}

/// Splits off the packet at the front, and decodes it.
fn packet<'a, E: Into<CodecError>>(
    layout: Layout,
    input: &'a [u8],
    max_body: usize,
    read: impl FnOnce(head::Head, &'a [u8]) -> Result<Input<'a>, E>,
) -> Result<Step<'a>, CodecError> {
    match head::split(layout, input, max_body)? {
        head::Split::Need(bytes) => Ok(Step::Need(bytes)),
        head::Split::Packet { head, body, len } => {
            Ok(Step::Frame { input: read(head, body).map_err(Into::into)?, len })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_has_its_own_codec_and_place() {
        for (index, dialect) in Dialect::ALL.into_iter().enumerate() {
            assert_eq!(dialect.codec().dialect(), dialect);
            assert_eq!(dialect.index(), index);
            assert_eq!(dialect.codec().abilities(), dialect.abilities());
        }
    }

    #[test]
    fn decimal_numbers_fill_their_places() {
        let mut bytes = *b"[          ]";
        for (seq, text) in [
            (0, "[         0]"),
            (7, "[         7]"),
            (120, "[       120]"),
            (u32::MAX, "[4294967295]"),
        ] {
            SeqForm::Decimal.write(&mut bytes, 1, seq);
            assert_eq!(std::str::from_utf8(&bytes), Ok(text));
        }
    }
}
