//! Session tickets: the state of a TLS session, sealed and kept by its client.
//!
//! There is a key for each period of time, derived from one secret, so that rotation takes neither
//! a timer nor a lock. Tickets of the current period and of the one before are taken.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use blake2::Blake2sMac256;
use blake2::digest::{FixedOutput, KeyInit, Update};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use rustls::pki_types::UnixTime;
use rustls::server::ProducesTickets;

use super::TlsError;

/// Domain separation of the keys.
const LABEL: &[u8] = b"comet tls ticket key";

const NONCE: usize = 24;
const TAG: usize = 16;
const PERIOD: usize = 8;

/// Longest ticket that is looked at. A client certificate chain is in it.
const LONGEST: usize = 16 * 1024;

/// Seals tickets and opens them.
pub(super) struct Ticketer {
    secret: [u8; 32],
    /// Seconds.
    rotation: u32,
    /// Periods that rotations by hand are ahead of time.
    ahead: AtomicU64,
}

impl Ticketer {
    /// With a random secret, and a key for each time of this length.
    pub(super) fn new(rotation: Duration) -> Result<Self, TlsError> {
        // Whole seconds, and twice as many must fit the lifetime of a ticket.
        let rotation = u32::try_from(rotation.as_secs()).unwrap_or(u32::MAX).min(u32::MAX / 2);
        if rotation == 0 {
            return Err(TlsError::Rotation);
        }
        Ok(Self { secret: random()?, rotation, ahead: AtomicU64::new(0) })
    }

    /// Has the next period begin now.
    pub(super) fn rotate(&self) {
        self.ahead.fetch_add(1, Ordering::Relaxed);
    }

    /// One with the same rotation that takes no ticket of this one.
    pub(super) fn anew(&self) -> Result<Self, TlsError> {
        Ok(Self { secret: random()?, rotation: self.rotation, ahead: AtomicU64::new(0) })
    }

    fn period(&self, now: u64) -> u64 {
        now / u64::from(self.rotation) + self.ahead.load(Ordering::Relaxed)
    }

    fn cipher(&self, period: u64) -> XChaCha20Poly1305 {
        let mac = Blake2sMac256::new(&self.secret.into());
        let mac = mac.chain(LABEL).chain(period.to_be_bytes());
        XChaCha20Poly1305::new(&mac.finalize_fixed())
    }

    /// The ticket: its period, a nonce, the sealed state and a tag.
    fn seal(&self, now: u64, state: &[u8]) -> Option<Vec<u8>> {
        let nonce: [u8; NONCE] = random().ok()?;
        let period = self.period(now);
        let mut ticket = Vec::with_capacity(PERIOD + NONCE + state.len() + TAG);
        ticket.extend_from_slice(&period.to_be_bytes());
        ticket.extend_from_slice(&nonce);
        ticket.extend_from_slice(state);
        let sealed = &mut ticket[PERIOD + NONCE..];
        let cipher = self.cipher(period);
        let tag = cipher.encrypt_inout_detached(&XNonce::from(nonce), &[], sealed.into()).ok()?;
        ticket.extend_from_slice(&tag);
        Some(ticket)
    }

    fn open(&self, now: u64, ticket: &[u8]) -> Option<Vec<u8>> {
        if ticket.len() > LONGEST {
            return None;
        }
        let (period, rest) = ticket.split_first_chunk::<PERIOD>()?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>()?;
        let (state, tag) = rest.split_last_chunk::<TAG>()?;
        let period = u64::from_be_bytes(*period);
        let current = self.period(now);
        if period != current && period.checked_add(1) != Some(current) {
            return None;
        }
        let mut state = state.to_vec();
        let (nonce, tag) = (XNonce::from(*nonce), Tag::from(*tag));
        let cipher = self.cipher(period);
        cipher.decrypt_inout_detached(&nonce, &[], state[..].as_mut().into(), &tag).ok()?;
        Some(state)
    }
}

impl ProducesTickets for Ticketer {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        self.rotation * 2
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.seal(UnixTime::now().as_secs(), plain)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.open(UnixTime::now().as_secs(), cipher)
    }
}

impl fmt::Debug for Ticketer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticketer").field("rotation", &self.rotation).finish_non_exhaustive()
    }
}

fn random<const N: usize>() -> Result<[u8; N], TlsError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| TlsError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROTATION: u64 = 3_600;

    fn ticketer() -> Ticketer {
        Ticketer::new(Duration::from_secs(ROTATION)).unwrap()
    }

    #[test]
    fn a_ticket_is_taken_in_its_period_and_in_the_next() {
        let ticketer = ticketer();
        let ticket = ticketer.seal(ROTATION * 7, b"state").unwrap();
        let opened = |now| ticketer.open(now, &ticket);
        assert_eq!(opened(ROTATION * 8 - 1).unwrap(), b"state");
        assert_eq!(opened(ROTATION * 9 - 1).unwrap(), b"state");
        assert_eq!(opened(ROTATION * 9), None);
        assert_eq!(opened(ROTATION * 6), None, "a clock that was set back");
    }

    #[test]
    fn rotations_by_hand_are_periods_too() {
        let ticketer = ticketer();
        let ticket = ticketer.seal(0, b"state").unwrap();
        ticketer.rotate();
        assert_eq!(ticketer.open(0, &ticket).unwrap(), b"state");
        ticketer.rotate();
        assert_eq!(ticketer.open(0, &ticket), None);
    }

    #[test]
    fn nothing_of_another_secret_and_nothing_that_was_changed_is_taken() {
        let ticketer = ticketer();
        let ticket = ticketer.seal(0, b"state").unwrap();
        assert!(!ticket.windows(5).any(|part| part == b"state"));
        for at in 0..ticket.len() {
            let mut changed = ticket.clone();
            changed[at] ^= 1;
            assert_eq!(ticketer.open(0, &changed), None, "byte {at}");
            assert_eq!(ticketer.open(0, &ticket[..at]), None, "{at} bytes");
        }
        assert_ne!(ticketer.seal(0, b"state").unwrap(), ticket, "a nonce of its own");
        assert_eq!(ticketer.anew().unwrap().open(0, &ticket), None);
    }

    #[test]
    fn a_rotation_has_a_length() {
        let error = Ticketer::new(Duration::from_millis(999)).unwrap_err();
        assert!(matches!(error, TlsError::Rotation));
        assert_eq!(ticketer().lifetime(), 7_200);
    }
}
