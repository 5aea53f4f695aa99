//! The WebSocket layer (RFC 6455): frames, messages and the opening handshake, without any IO.
//!
//! * [`Decoder`] turns received bytes into [`Event`]s, in place where it can (sections 5 and 8).
//! * [`header`], [`write_frame`] and their siblings put frames into a buffer (section 5.2).
//! * [`handshake`] reads and answers the upgrade request, and plays the client (section 4).
//!
//! Both roles are here: the gateway is a server, load generators and tests are clients.
//!
//! Not here: sockets, deadlines, when to answer a ping or a close (the connection decides), what a
//! payload means (the dialects), and extensions. No extension is negotiated, so the reserved bits
//! must be zero; [`FrameHead::parse`] is the one place that would let them through, and a message
//! leaves the decoder in one place, where its payload could be inflated.

mod assembly;
mod close;
mod decoder;
mod encode;
mod error;
mod event;
mod frame;
pub mod handshake;
mod mask;
mod text;

pub use close::{CloseCode, CloseReason, MAX_REASON_LEN, write_close_body};
pub use decoder::{Decoder, Limits, Role};
pub use encode::{header, write_close, write_frame, write_header, write_masked_frame};
pub use error::WsError;
pub use event::{Decoded, Event, Message, MessageKind};
pub use frame::{EncodedHead, FrameHead, MAX_CONTROL_LEN, MAX_HEAD_LEN, Opcode};
pub use mask::{apply_mask, rotate_mask};
