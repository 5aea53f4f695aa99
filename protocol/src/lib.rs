//! Bytes to frames and back, for the Comet connection gateway and its clients.
//!
//! No IO, no clock, no async: everything here is a function of its input.
//!
//! * [`head`]: the fixed heads and their length rules; [`head::split`] reads packets in place;
//! * [`dialect`]: which packets mean what, for the dtalk, goim and raw dialects;
//! * [`codec`]: one for each dialect, between bytes and what all dialects have in common;
//! * [`decoder`]: an owned [`Frame`] and an incremental [`Decoder`] for clients;
//! * [`auth`]: the one body that the gateway itself reads;
//! * [`comet`]: the frames of the comet dialect, typed;
//! * `client`: a client's session of that dialect, with the feature of this name;
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
//! What is not here: what a frame means for a session (crate `comet`), and the bodies of
//! applications (the backends).

pub mod auth;
#[cfg(feature = "client")]
pub mod client;
pub mod codec;
pub mod comet;
pub mod decoder;
pub mod dialect;
mod error;
#[doc(hidden)]
pub mod fuzzing;
pub mod head;
pub mod ws;

pub use auth::{AuthMsg, AuthRefusal};
pub use decoder::{Decoder, Frame, frames_of};
pub use dialect::{Dialect, Framing, Inbound, Outbound, goim_op, op};
pub use error::DecodeError;
pub use head::{Head, Layout};
