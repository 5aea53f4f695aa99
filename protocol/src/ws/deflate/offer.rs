//! Negotiation, from the server's side (RFC 7692 sections 5 and 7.1).

use super::list::{self, Extension};
use super::{Agreement, Window};
use crate::ws::handshake::{HandshakeError, Request};

const NAME: &str = "permessage-deflate";

/// The answer to a request: to the first of the client's offers that can be met, with a window of
/// at most this size for messages to the client; `None` if none can, or there is none.
///
/// An offer that breaks section 7.1, or asks for a window of 8 bits, is declined, and the next one
/// looked at. Both sides compress each message on its own, whether the client asked for it or not,
/// as the section allows.
///
/// # Errors
///
/// [`HandshakeError::Extensions`] when the field is not a list of extensions, which fails the
/// connection (RFC 6455 section 9.1).
pub fn negotiate(request: &Request, most: Window) -> Result<Option<Agreement>, HandshakeError> {
    let mut agreed = None;
    for field in request.values("sec-websocket-extensions") {
        // All of it must be well-formed, also what is of no interest any more.
        let offers = list::parse(field).map_err(|list::Malformed| HandshakeError::Extensions)?;
        agreed = agreed.or_else(|| offers.iter().find_map(|offer| accept(offer, most)));
    }
    Ok(agreed)
}

/// The answer to one offer; `None` if it is declined.
fn accept(offer: &Extension<'_>, most: Window) -> Option<Agreement> {
    if offer.name != NAME {
        return None;
    }
    let (mut server_bits, mut seen) = (None, [false; 4]);
    for (name, value) in &offer.parameters {
        let place = match (*name, value.as_deref()) {
            ("server_no_context_takeover", None) => 0,
            ("client_no_context_takeover", None) => 1,
            ("server_max_window_bits", Some(value)) => {
                server_bits = Some(bits(value)?);
                2
            }
            ("client_max_window_bits", value) => {
                value.map_or(Some(15), bits)?;
                3
            }
            _ => return None,
        };
        if std::mem::replace(&mut seen[place], true) {
            return None;
        }
    }
    match server_bits {
        Some(bits) => Some(Agreement::new(Window::new(bits)?.min(most), true)),
        None => Some(Agreement::new(most, false)),
    }
}

/// A number of bits from 8 to 15, without leading zeros (section 7.1.2).
fn bits(value: &str) -> Option<u8> {
    let bits = value.parse().ok().filter(|bits| (8..=15).contains(bits))?;
    (value.len() == if bits < 10 { 1 } else { 2 }).then_some(bits)
}
