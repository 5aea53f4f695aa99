//! Byte layout of a ticket. Numbers are big-endian.
//!
//! Not here: encryption and authentication.

use bytes::{Buf, BufMut, Bytes};

use super::Ticket;

const VERSION: u8 = 1;
const HEADER: usize = 1 + 8;
const NONCE: usize = 24;
const TAG: usize = 16;

/// A ticket and its time of sealing, before encryption.
pub(super) const PLAIN: usize = 8 + 8 + 4 + 8 + 8 + 16;

/// The sealed bytes that a client keeps.
pub(super) const SEALED: usize = HEADER + NONCE + PLAIN + TAG;

const _: () = assert!(SEALED <= comet_protocol::comet::limits::TICKET);

/// Parts of a sealed ticket, not authenticated; only the version has been checked.
pub(super) struct Sealed<'a> {
    pub(super) header: &'a [u8; HEADER],
    pub(super) period: u64,
    pub(super) nonce: &'a [u8; NONCE],
    pub(super) body: &'a [u8; PLAIN],
    pub(super) tag: &'a [u8; TAG],
}

impl<'a> Sealed<'a> {
    /// The parts, if `bytes` have the length and the version of a ticket.
    pub(super) fn split(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_first_chunk::<HEADER>()?;
        let (nonce, rest) = rest.split_first_chunk()?;
        let (body, rest) = rest.split_first_chunk()?;
        let tag = rest.try_into().ok()?;
        let [VERSION, period @ ..] = *header else { return None };
        Some(Self { header, period: u64::from_be_bytes(period), nonce, body, tag })
    }
}

/// Cleartext part: the version and the period.
pub(super) fn header(period: u64) -> [u8; HEADER] {
    let mut header = [VERSION; HEADER];
    header[1..].copy_from_slice(&period.to_be_bytes());
    header
}

/// Concatenation of all parts.
pub(super) fn join(
    header: &[u8; HEADER],
    nonce: &[u8; NONCE],
    body: &[u8; PLAIN],
    tag: &[u8; TAG],
) -> Bytes {
    [&header[..], nonce, body, tag].concat().into()
}

/// Plaintext to be encrypted.
pub(super) fn plain(issued: u64, ticket: &Ticket) -> [u8; PLAIN] {
    let mut bytes = [0; PLAIN];
    let mut rest = &mut bytes[..];
    rest.put_u64(issued);
    rest.put_u64(ticket.session);
    rest.put_u32(ticket.epoch);
    rest.put_u64(ticket.expires);
    rest.put_u64(ticket.not_before);
    rest.put_slice(&ticket.binding);
    bytes
}

/// Time of sealing, and the ticket.
pub(super) fn read(bytes: &[u8; PLAIN]) -> (u64, Ticket) {
    let mut rest = &bytes[..];
    let issued = rest.get_u64();
    let ticket = Ticket {
        session: rest.get_u64(),
        epoch: rest.get_u32(),
        expires: rest.get_u64(),
        not_before: rest.get_u64(),
        binding: {
            let mut binding = [0; 16];
            rest.copy_to_slice(&mut binding);
            binding
        },
    };
    (issued, ticket)
}
