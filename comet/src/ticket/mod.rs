//! Resume tickets: what a client shows to get its session back on another connection.
//!
//! A [`Ticket`] names a session, the epoch of its last connection, and whose it is. [`Tickets`]
//! seals it into bytes that mean nothing to the client and that nobody else can make or change,
//! and opens what comes back. Nothing is remembered between the two: the key of a ticket follows
//! from the secret and from the rotation period in which it was sealed.
//!
//! ```text
//!  0        version, 1        authenticated
//!  1..9     period            authenticated
//!  9..33    nonce
//! 33..85    the ticket        XChaCha20-Poly1305
//! 85..101   tag
//! ```
//!
//! The time is the wall clock's, because tickets outlive the process, and so it may step back.
//! A ticket from the future is then as good as when it was sealed, and no better: its remaining
//! life counts from there.
//!
//! Not here: the clock, the source of nonces, and whether the session still exists and which of
//! its epochs is the last (`shard`).

mod keys;
mod layout;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use chacha20poly1305::aead::AeadInOut;

use self::keys::Keys;
use self::layout::{PLAIN, Sealed};

/// How long a ticket is good, however long its connection lasts.
pub(crate) const LIFE: Duration = Duration::from_secs(30 * 24 * 3_600);

/// What is resumed, by whom, and when.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Ticket {
    /// The session, as [`SessionId::as_u64`](crate::SessionId::as_u64).
    pub(crate) session: u64,
    /// Which connection of the session it was given to.
    pub(crate) epoch: u32,
    /// When it stops being good, in milliseconds since 1970.
    pub(crate) expires: u64,
    /// When its holder was asked to come back, in milliseconds since 1970; 0 is at once.
    pub(crate) not_before: u64,
    /// Whose it is: [`Tickets::binding`].
    pub(crate) binding: [u8; 16],
}

/// Why there is no ticket in some bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum BadTicket {
    /// Its time is over, as far as can be told: who holds it may have made up the period.
    #[error("the ticket has expired")]
    Expired,
    /// It was sealed with another secret, changed on the way, or never was a ticket.
    #[error("not a ticket of this gateway")]
    Unknown,
}

/// Seals tickets and opens them.
pub(crate) struct Tickets {
    keys: Keys,
    rotation_ms: u64,
}

impl Tickets {
    /// Tickets under `secret`, with another key every `rotation`.
    ///
    /// No ticket lives longer than one rotation, so that at any time two keys open all of them.
    /// Gateways that are to honour each other's tickets share both values.
    pub(crate) fn new(secret: [u8; 32], rotation: Duration) -> Self {
        let rotation_ms = u64::try_from(rotation.as_millis()).unwrap_or(u64::MAX).max(1);
        Self { keys: Keys::new(secret), rotation_ms }
    }

    /// The ticket as a client keeps it. A nonce serves once; random ones do not repeat.
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

    /// The ticket in `bytes` that a client shows at `now_unix_ms`. If the clock has stepped back
    /// since it was sealed, its life counts from now, and its holder need not wait.
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
            // Nobody can tell how much of the wait has passed: better too early than never.
            ticket.not_before = 0;
        }
        if ticket.expires <= now_unix_ms { Err(BadTicket::Expired) } else { Ok(ticket) }
    }

    /// What ties a ticket to (app, user, device): equal for equal names, and telling nothing of
    /// them to who does not know the secret. It does not rotate.
    pub(crate) fn binding(&self, app: &str, user: &str, device: &str) -> [u8; 16] {
        self.keys.binding([app, user, device])
    }

    fn period(&self, unix_ms: u64) -> u64 {
        unix_ms / self.rotation_ms
    }

    /// Whether a ticket of `period` can be good at all.
    ///
    /// What was sealed two periods ago has expired. One period ahead is where the clock may have
    /// been before it stepped back; what is farther ahead would live too long.
    fn accept(&self, period: u64, now_unix_ms: u64) -> Result<(), BadTicket> {
        let current = self.period(now_unix_ms);
        if period < current.saturating_sub(1) {
            return Err(BadTicket::Expired);
        }
        if period > current.saturating_add(1) { Err(BadTicket::Unknown) } else { Ok(()) }
    }
}

/// Leaves out the secret.
impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").field("rotation_ms", &self.rotation_ms).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
