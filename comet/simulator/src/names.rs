//! Names of users, devices, connections and rooms on the wire.
//!
//! The gateway hands them from clients to the router as they are, so both sides agree on them here.

use bytes::Bytes;

use crate::history::Attempt;

/// The only application.
pub(crate) const APP: &str = "sim";

/// The token of a user, which is also the user's name.
pub(crate) fn token(user: u32) -> String {
    format!("u{user}")
}

/// The user of a token.
pub(crate) fn parse_token(token: &str) -> Option<u32> {
    token.strip_prefix('u')?.parse().ok()
}

/// The name of a device.
pub(crate) fn device(number: u32) -> String {
    format!("d{number}")
}

/// The number of a device.
pub(crate) fn parse_device(name: &str) -> Option<u32> {
    name.strip_prefix('d')?.parse().ok()
}

/// The `ext` of an auth, which names connection and device.
pub(crate) fn ext(attempt: Attempt, device: u32) -> Bytes {
    [attempt.0.to_be_bytes(), device.to_be_bytes()].concat().into()
}

/// Connection and device of an `ext`.
pub(crate) fn parse_ext(ext: &[u8]) -> Option<(Attempt, u32)> {
    let (attempt, rest) = ext.split_first_chunk()?;
    let device = rest.try_into().ok()?;
    Some((Attempt(u32::from_be_bytes(*attempt)), u32::from_be_bytes(device)))
}

/// The name of a room.
pub(crate) fn room(number: u32) -> String {
    format!("r{number}")
}

/// The number of a room.
pub(crate) fn parse_room(name: &str) -> Option<u32> {
    name.strip_prefix('r')?.parse().ok()
}
