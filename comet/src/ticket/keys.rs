//! Derivations from the secret: a key for each period, and the binding of a ticket.
//!
//! Not here: the accepted periods.

use blake2::Blake2sMac256;
use blake2::digest::{FixedOutput, KeyInit, Update};
use chacha20poly1305::XChaCha20Poly1305;

/// Domain separation: each derivation begins with a label, and no label is a prefix of another.
const PERIOD_KEY: &[u8] = b"comet ticket key";
const BINDING: &[u8] = b"comet ticket binding";

/// The secret.
pub(super) struct Keys([u8; 32]);

impl Keys {
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// The cipher for the tickets of one period. Derived each time: it hashes a single block.
    pub(super) fn cipher(&self, period: u64) -> XChaCha20Poly1305 {
        let mac = self.mac(PERIOD_KEY).chain(period.to_be_bytes());
        XChaCha20Poly1305::new(&mac.finalize_fixed())
    }

    /// A digest of several names. Lengths are hashed too, so that names cannot shift letters.
    pub(super) fn binding(&self, names: [&str; 3]) -> [u8; 16] {
        let mac = names.iter().fold(self.mac(BINDING), |mac, name| {
            mac.chain((name.len() as u64).to_be_bytes()).chain(name)
        });
        let hash: [u8; 32] = mac.finalize_fixed().into();
        let mut binding = [0; 16];
        binding.copy_from_slice(&hash[..16]);
        binding
    }

    fn mac(&self, purpose: &[u8]) -> Blake2sMac256 {
        Blake2sMac256::new(&self.0.into()).chain(purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chacha20poly1305::aead::AeadInOut;

    #[test]
    fn periods_and_secrets_have_keys_of_their_own() {
        let sealed = |secret: u8, period: u64| {
            let cipher = Keys::new([secret; 32]).cipher(period);
            let mut zeros = [0; 16];
            cipher.encrypt_inout_detached(&[0; 24].into(), &[], zeros[..].as_mut().into()).unwrap();
            zeros
        };
        assert_eq!(sealed(1, 1), sealed(1, 1));
        assert_ne!(sealed(1, 1), sealed(1, 2));
        assert_ne!(sealed(1, 1), sealed(2, 1));
    }
}
