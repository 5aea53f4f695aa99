//! Codecs: one for each dialect, between bytes and the inputs and outputs that all dialects share.
//!
//! Whoever holds a connection knows its [`Codec`] and nothing else about its dialect: what bytes
//! mean ([`Input`]), how each [`Output`] and each [`Delivery`] looks, and what the peer can do
//! ([`Abilities`]). A dialect is added here, and in the list of [`Dialect`].
//!
//! Not here: what a frame means for a session.

mod comet;
mod dtalk;
mod goim;
mod input;
mod output;
mod raw;
mod text;

use std::fmt;

use crate::comet::FrameError;
use crate::{DecodeError, Dialect, Framing, Layout, head};
pub use input::{Ask, AuthRequest, Continuity, Input, Question, Step};
pub use output::{Answer, Delivery, Output, Refusal, Written};

/// Deliveries that a peer acknowledges.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Acks {
    /// None.
    None,
    /// Each by its number.
    Single,
    /// All up to a number, and ranges beyond it.
    Cumulative,
}

/// Numbers of deliveries as they stand in the bytes of a delivery.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SeqForm {
    /// Four bytes, big-endian.
    Binary,
    /// Ten decimal digits, filled up with spaces at the front.
    Decimal,
}

impl SeqForm {
    /// Overwrites the number at a place.
    ///
    /// # Panics
    ///
    /// When the number would end behind the bytes.
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

    /// Places of [`Decimal`](Self::Decimal).
    pub const DIGITS: usize = 10;
}

/// What a peer can do, by its dialect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact about the dialect of its own")]
#[non_exhaustive]
pub struct Abilities {
    /// Deliveries that it acknowledges.
    pub acks: Acks,
    /// It is told which deliveries are missing.
    pub gaps: bool,
    /// It shows a ticket to get its session back, and numbers its messages for the session.
    pub tickets: bool,
    /// It has pings to answer, over any transport.
    pub pings: bool,
    /// It is told why it is refused or closed, and when to come back.
    pub reasons: bool,
    /// It may try again on the same connection when it is refused.
    pub retries: bool,
    /// A frame out of turn ends its connection; those of others are ignored.
    pub strict: bool,
    /// The replies to its heartbeats count the members of the room that it joined last.
    pub counts: bool,
    /// One message may bring it several deliveries.
    pub batches: bool,
    /// Each of its WebSocket messages is one frame, which has no head.
    pub whole_messages: bool,
    /// Its WebSocket messages are text.
    pub text: bool,
    /// Form of the number in a delivery.
    pub seq: SeqForm,
}

impl Abilities {
    const LEAST: Self = Self {
        acks: Acks::None,
        gaps: false,
        tickets: false,
        pings: false,
        reasons: false,
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

    /// What its peers can do.
    fn abilities(&self) -> &'static Abilities;

    /// The frame at the front of a stream or of a message.
    ///
    /// # Errors
    ///
    /// [`CodecError`] when the bytes break the dialect.
    fn decode<'a>(&self, input: &'a [u8], max_body: usize) -> Result<Step<'a>, CodecError>;

    /// Appends an output to `out`; nothing where the dialect has none of the kind.
    fn encode(&self, output: &Output<'_>, out: &mut Vec<u8>);

    /// Writes a delivery, its framing included, but for the body if that goes behind it as it is.
    fn delivery(
        &self,
        framing: Framing,
        delivery: &Delivery<'_>,
        write: &mut dyn FnMut(&[u8]),
    ) -> Written;

    /// The number of the ack at the front of the input, and its length, if it is plainly that: what
    /// can be told at a glance, for the dialects whose peers send many in a row.
    fn ack_at(&self, framing: Framing, input: &[u8]) -> Option<(u32, usize)> {
        let _ = (framing, input);
        None
    }
}

/// Bytes that break a dialect.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// A head or a length.
    #[error(transparent)]
    Head(#[from] DecodeError),
    /// The content of a frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The body of an auth frame.
    #[error("the auth frame cannot be read")]
    Auth,
}

impl Dialect {
    /// Every dialect that a gateway speaks, each with its codec.
    pub const ALL: [Self; 5] = [Self::Dtalk, Self::Goim, Self::Raw, Self::Comet, Self::Text];

    /// Its codec.
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

    /// Its place in [`ALL`](Self::ALL).
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

    /// What its peers can do.
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

/// Splits off the packet at the front, and reads it.
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
