//! Wire formats of the Comet connection gateway and its clients: bytes to frames and back.
//!
//! No IO, no clock, no async: everything here is a function of its input.
//!
//! * [`head`]: the fixed heads and their length rules; [`head::split`] reads packets in place;
//! * [`codec`]: the dialects, with a codec for each: bytes to inputs, outputs to bytes;
//! * [`decoder`]: an owned [`Frame`] and an incremental [`Decoder`] for clients;
//! * [`auth`]: the only body that the gateway itself reads;
//! * [`comet`]: typed frames of the comet dialect;
//! * `client`: client sessions of that dialect, with the feature `client`;
//! * [`sniff`], [`proxy`]: the first bytes of a connection: its protocol, and the PROXY header;
//! * [`ws`]: WebSocket framing and handshake (RFC 6455), for both ends.
//!
//! # Example
//!
//! ```
//! use comet_protocol::{Decoder, Frame, Layout, op};
//!
//! let bytes = Frame::new(op::SEND, 1, "hello").to_vec(Layout::Dtalk);
//! let mut decoder = Decoder::new(Layout::Dtalk, 16_384);
//! decoder.push(&bytes[..10]);
//! assert_eq!(decoder.next_frame(), Ok(None));
//! decoder.push(&bytes[10..]);
//! assert_eq!(decoder.next_frame()?.unwrap().body, "hello");
//! # Ok::<(), comet_protocol::DecodeError>(())
//! ```
//!
//! Not here: the effect of a frame on a session (crate `comet`), and the bodies of applications
//! (the backends).

pub mod auth;
#[cfg(feature = "client")]
pub mod client;
pub mod codec;
pub mod comet;
pub mod decoder;
mod error;
#[doc(hidden)]
pub mod fuzzing;
pub mod head;
pub mod proxy;
pub mod sniff;
pub mod ws;

pub use auth::{AuthMsg, AuthRefusal};
pub use codec::{Dialect, Framing, dtalk_op as op, goim_op};
pub use decoder::{Decoder, Frame, frames_of};
pub use error::DecodeError;
pub use head::{Head, Layout};
