//! The comet dialect: an extension of dtalk on the same 20-byte head.
//!
//! A client selects it with `ver` 2 in its auth frame ([`is_auth`]); every other op is from 32 up.
//! The wire format is documented in the README of this crate; these are its types:
//!
//! * [`ClientFrame`] and [`ServerFrame`]: all frames of either side;
//! * [`Seq`] and [`Received`]: circular numbers, and the set of those that have arrived;
//! * [`message`]: bodies of control frames, in which unknown fields are skipped;
//! * [`Code`]: reasons of a refusal or an end, and whether to try again.
//!
//! Bodies of deliveries, sends and replies are the application's bytes without any wrapping, so
//! that one message to many members differs in four bytes of its heads only: [`deliver_head`].
//!
//! Not here: the rules for when a frame may be sent. The crate `comet` has those of a server, the
//! module `client` those of a client.

mod class;
mod client_frame;
mod code;
mod error;
pub mod limits;
pub mod message;
pub mod op;
mod received;
mod seq;
mod server_frame;

pub use class::{Class, Key, KeyTooLong, SEQ_AT, deliver_head};
pub use client_frame::{ClientFrame, Ping};
pub use code::{AwayReason, Code, GapReason, Loss};
pub use error::FrameError;
pub use message::{Auth, Failure, Gap, GoingAway, Refusal, Refused, Welcome};
pub use received::{BadRanges, Received, ReceivedBuf, SeqRange};
pub use seq::Seq;
pub use server_frame::ServerFrame;

use crate::head::{Head, Layout};

/// `ver` of all frames of this dialect.
pub const VER: u16 = 2;

/// Whether the first frame of a connection selects this dialect.
#[must_use]
pub const fn is_auth(head: Head) -> bool {
    head.op == op::AUTH && head.ver == VER
}

/// Appends a frame with an encoded body.
pub(crate) fn write(op: u32, seq: u32, ack: u32, body: &[u8], out: &mut Vec<u8>) {
    Head { ver: VER, op, seq, ack }.write(Layout::Dtalk, body, out);
}

/// Appends a frame with a message as its body.
pub(crate) fn write_message(
    op: u32,
    seq: u32,
    ack: u32,
    body: &impl prost::Message,
    out: &mut Vec<u8>,
) {
    let head = Head { ver: VER, op, seq, ack };
    out.extend_from_slice(&head.to_bytes(Layout::Dtalk, body.encoded_len()));
    body.encode_raw(out);
}
