//! Resume tickets, by which a client gets its session back on another connection.
//!
//! A [`Ticket`] names a session, the epoch of its last connection, and its owner. [`Tickets`] seals
//! it into bytes that are opaque to the client and cannot be forged, and opens those that come
//! back. No state is kept between the two: the key of a ticket follows from the secret and from the
//! rotation period in which it was sealed.
//!
//! ```text
//!  0        version, 1        authenticated
//!  1..9     period            authenticated
//!  9..33    nonce
//! 33..85    the ticket        XChaCha20-Poly1305
//! 85..101   tag
//! ```
//!
//! The time is the wall clock's, because tickets outlive the process, and may step back. A ticket
//! from the future is then treated as just sealed: its remaining life counts from now.
//!
//! Not here: the clock, the source of nonces, and the check that the session still exists and that
//! the epoch is its last (`shard`).

mod keys;
mod layout;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use chacha20poly1305::aead::AeadInOut;

use self::keys::Keys;
use self::layout::{PLAIN, Sealed};

/// Life of a ticket, however long its connection lasts.
pub(crate) const LIFE: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Session to be resumed, its owner, and its times.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Ticket {
    /// The session, as [`SessionId::as_u64`](crate::SessionId::as_u64).
    pub(crate) session: u64,
    /// Epoch of the connection to which it was given.
    pub(crate) epoch: u32,
    /// Expiry, in milliseconds since 1970.
    pub(crate) expires: u64,
    /// Time at which its peer was asked to come back, in milliseconds since 1970; 0: at once.
    pub(crate) not_before: u64,
    /// Binding to its owner: [`Tickets::binding`].
    pub(crate) binding: [u8; 16],
}

/// Reason for which some bytes are not a valid ticket.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum BadTicket {
    /// Expired, as far as can be told: the period may be forged.
    #[error("the ticket has expired")]
    Expired,
    /// Sealed with another secret, modified, or not a ticket.
    #[error("not a ticket of this gateway")]
    Unknown,
}

/// Seals and opens tickets.
pub(crate) struct Tickets {
    keys: Keys,
    rotation_ms: u64,
}

impl Tickets {
    /// Tickets under `secret`, with a new key every `rotation`.
    ///
    /// No ticket lives longer than one rotation, so that at any time two keys open all of them.
    /// Gateways that share tickets must have the same two values.
    pub(crate) fn new(secret: [u8; 32], rotation: Duration) -> Self {
        let rotation_ms = u64::try_from(rotation.as_millis()).unwrap_or(u64::MAX).max(1);
        Self { keys: Keys::new(secret), rotation_ms }
    }

    /// Seals a ticket for a client. A nonce must be used once; random ones do not repeat.
    ///
    /// It expires one rotation after `now_unix_ms` if `ticket` would live longer.
    pub(crate) fn seal(&self, now_unix_ms: u64, nonce: [u8; 24], ticket: &Ticket) -> Bytes {
        let period = self.period(now_unix_ms);
        let expires = ticket.expires.min(now_unix_ms.saturating_add(self.rotation_ms));
        let mut body = layout::plain(now_unix_ms, &Ticket { expires, ..ticket.clone() });
        let header = layout::header(period);
        let cipher = self.keys.cipher(period);
        let sealed =
            cipher.encrypt_inout_detached(&nonce.into(), &header, body.as_mut_slice().into());
        let tag = sealed.expect("the cipher takes gigabytes");
        layout::join(&header, &nonce, &body, &tag.into())
    }

    /// Opens a ticket shown at `now_unix_ms`. If the clock has stepped back since it was sealed,
    /// its life counts from now, and its peer need not wait.
    pub(crate) fn open(&self, now_unix_ms: u64, bytes: &[u8]) -> Result<Ticket, BadTicket> {
        let sealed = Sealed::split(bytes).ok_or(BadTicket::Unknown)?;
        self.accept(sealed.period, now_unix_ms)?;
        let mut body: [u8; PLAIN] = *sealed.body;
        let cipher = self.keys.cipher(sealed.period);
        let (nonce, tag) = (sealed.nonce.into(), sealed.tag.into());
        cipher
            .decrypt_inout_detached(nonce, sealed.header, body.as_mut_slice().into(), tag)
            .map_err(|_| BadTicket::Unknown)?;
        let (issued, mut ticket) = layout::read(&body);
        let stepped_back = issued.saturating_sub(now_unix_ms);
        ticket.expires = ticket.expires.saturating_sub(stepped_back);
        if stepped_back > 0 {
            // The elapsed wait is unknown: better too early than never.
            ticket.not_before = 0;
        }
        if ticket.expires <= now_unix_ms { Err(BadTicket::Expired) } else { Ok(ticket) }
    }

    /// Binds a ticket to (app, user, device): equal for equal names, and revealing nothing about
    /// them without the secret. It does not rotate.
    pub(crate) fn binding(&self, app: &str, user: &str, device: &str) -> [u8; 16] {
        self.keys.binding([app, user, device])
    }

    fn period(&self, unix_ms: u64) -> u64 {
        unix_ms / self.rotation_ms
    }

    /// Whether a ticket of `period` may be valid.
    ///
    /// Tickets of two periods ago have expired. One period ahead is possible if the clock stepped
    /// back; any farther ahead would live too long.
    fn accept(&self, period: u64, now_unix_ms: u64) -> Result<(), BadTicket> {
        let current = self.period(now_unix_ms);
        if period < current.saturating_sub(1) {
            return Err(BadTicket::Expired);
        }
        if period > current.saturating_add(1) { Err(BadTicket::Unknown) } else { Ok(()) }
    }
}

/// Omits the secret.
impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").field("rotation_ms", &self.rotation_ms).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
