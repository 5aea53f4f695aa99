//! The WebSocket layer (RFC 6455): frames, messages and the opening handshake, without any IO.
//!
//! * [`Decoder`] turns received bytes into [`Event`]s, in place where it can (sections 5 and 8).
//! * [`header`], [`write_frame`] and their siblings encode frames into a buffer (section 5.2).
//! * [`handshake`] parses and answers the upgrade request, and has the client's side (section 4).
//! * [`deflate`] is permessage-deflate (RFC 7692): what is agreed, and messages in and out of their
//!   compressed form. The decoder marks compressed messages and leaves them as they are.
//!
//! Both roles are here: the gateway is a server, load generators and tests are clients.
//!
//! Not here: sockets, deadlines, when to answer a ping or a close (the connection decides), the
//! meaning of a payload (the dialects), and extensions but for one.
//!
//! # Example
//!
//! A server decodes a masked frame in place, and answers with the same payload.
//!
//! ```
//! use comet_protocol::ws::{self, Decoder, Event, Limits, Opcode, Role};
//!
//! let mut input = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x81";
//! let mut decoder = Decoder::new(Role::Server);
//! let (limits, mut output, mut read) = (Limits::default(), Vec::new(), 0);
//! loop {
//!     let decoded = decoder.decode(&mut input[read..], &limits)?;
//!     read += decoded.consumed;
//!     match decoded.event {
//!         Some(Event::Message(said)) => ws::write_frame(&mut output, Opcode::Text, &said.payload),
//!         Some(_) => {}
//!         None => break,
//!     }
//! }
//! assert_eq!(output, b"\x81\x05Hello");
//! assert_eq!(input[read..], [0x81], "the first byte of a head waits for the second");
//! # Ok::<(), ws::WsError>(())
//! ```

mod agreement;
mod assembly;
mod close;
mod code;
mod decoder;
pub mod deflate;
mod encode;
mod error;
mod event;
mod frame;
pub mod handshake;
mod mask;
mod text;

pub use close::{CloseReason, MAX_REASON_LEN, write_close_body};
pub use code::CloseCode;
pub use decoder::{Decoder, Limits, Role};
pub use encode::{header, write_close, write_frame, write_header, write_masked_frame};
pub use error::WsError;
pub use event::{Decoded, Event, Message, MessageKind};
pub use frame::{EncodedHead, FrameHead, MAX_CONTROL_LEN, MAX_HEAD_LEN, Opcode};
pub use mask::{apply_mask, rotate_mask};
