//! Fuzz target: the bytes of a client's streams, before they are those of a session.

use super::wire::{self, Asked, LONGEST, Opening};
use crate::config::WebTransport;

/// Takes a byte that says which stream it is, and the bytes of the stream. Holds to: the same comes
/// of them at once and byte by byte, and no more is kept than there may be.
pub fn http3(data: &[u8]) {
    let Some((&stream, bytes)) = data.split_first() else { return };
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    match stream % 3 {
        0 => control(bytes),
        1 => request(bytes),
        _ => opening(bytes),
    }
}

fn control(bytes: &[u8]) {
    let whole = wire::settings(bytes);
    let mut pieces = (0..=bytes.len()).map(|len| wire::settings(&bytes[..len]));
    let first = pieces.find(|verdict| *verdict != Ok(false)).unwrap_or(Ok(false));
    assert_eq!(whole, first);
}

fn request(bytes: &[u8]) {
    let rules = WebTransport::default();
    let whole = wire::request(&mut bytes.to_vec(), &rules);
    let mut kept = Vec::new();
    let mut first = Ok(Asked::Needs);
    for byte in bytes {
        kept.push(*byte);
        first = wire::request(&mut kept, &rules);
        if first != Ok(Asked::Needs) {
            break;
        }
        assert!(kept.len() < LONGEST, "more is kept than there may be");
    }
    assert_eq!(whole, first);
}

fn opening(bytes: &[u8]) {
    let whole = wire::opening(bytes);
    let kind = wire::kind(bytes);
    for len in 0..=bytes.len() {
        match wire::opening(&bytes[..len]) {
            Opening::Needs(more) => assert!(more > len && more <= 16, "{more} after {len}"),
            told => assert_eq!(told, whole),
        }
        let told = wire::kind(&bytes[..len]);
        assert!(told.is_none() || told == kind, "{told:?} is not {kind:?}");
    }
}
