//! The comet dialect: what dtalk lacks, on the same 20-byte head.
//!
//! A client asks for it with `ver` 2 in its auth frame ([`is_auth`]); every op but that one is
//! from 32 up. The bytes are written down in the README of this crate; here they are types:
//!
//! * [`ClientFrame`] and [`ServerFrame`]: everything that either side may say;
//! * [`Seq`] and [`Received`]: numbers on a circle, and which of them have arrived;
//! * [`message`]: bodies of control frames, in which unknown fields are skipped;
//! * [`Code`]: why something was refused or ended, and whether to try again.
//!
//! Bodies of deliveries, sends and replies are the application's bytes without any wrapping, so
//! that one message to many members differs in four bytes of its heads only: [`deliver_head`].
//!
//! Not here: who may say what when. The crate `comet` keeps those rules for a server, the module
//! `client` for a client.

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

/// The `ver` of every frame of this dialect.
pub const VER: u16 = 2;

/// Whether the first frame of a connection asks for this dialect.
#[must_use]
pub const fn is_auth(head: Head) -> bool {
    head.op == op::AUTH && head.ver == VER
}

/// Appends a frame whose body is there already.
pub(crate) fn write(op: u32, seq: u32, ack: u32, body: &[u8], out: &mut Vec<u8>) {
    Head { ver: VER, op, seq, ack }.write(Layout::Dtalk, body, out);
}

/// Appends a frame whose body is a message.
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
