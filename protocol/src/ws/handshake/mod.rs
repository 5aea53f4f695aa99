//! The opening handshake (RFC 6455 sections 1.3 and 4, on HTTP/1.1 of RFC 9112).
//!
//! A server calls [`parse`] with all bytes received so far until it has a [`Request`], checks path
//! and origin, and answers with [`write_accept`] or [`HandshakeError::write_response`]. A client
//! sends [`Upgrade::write_request`] and checks the answer by [`Upgrade::parse_response`]. Input
//! after the head already belongs to the [`Decoder`](super::Decoder).
//!
//! Not here: the paths and origins served, authentication, and time limits.

mod accept;
mod client;
mod head;
mod origin;
mod refusal;
mod request;
mod server;
mod subprotocol;

pub use accept::{accept_key, client_key, write_accept, write_accept_with};
pub use client::{Accepted, ResponseError, ResponseParse, Upgrade};
pub use head::HandshakeLimits;
pub use origin::OriginPolicy;
pub use refusal::{HandshakeError, write_refusal};
pub use request::Request;
pub use server::{Parse, parse};
pub use subprotocol::{choose_subprotocol, is_subprotocol};
