//! Private key of a user, with which a client signs its tokens.
//!
//! Not needed by the server; used by test clients, load generators and the demo login.

use std::fmt;

use k256::ecdsa::SigningKey;
use sha2::{Digest, Sha256};

use crate::address::Address;
use crate::token::{assemble, metadata};

/// Invalid private key: zero, or not below the order of the curve.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a secp256k1 private key")]
pub struct KeyError;

/// Private key, which identifies a user.
#[derive(Clone)]
pub struct Key(SigningKey);

impl Key {
    /// Key from these big-endian bytes.
    ///
    /// # Errors
    ///
    /// If the number is out of range, which practically never happens for random bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        SigningKey::from_slice(bytes).map(Self).map_err(|_| KeyError)
    }

    /// Address of the key.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::of(&self.public())
    }

    /// Token of this user with that time; the `text` is free, but ends at a `*` or `#`.
    #[must_use]
    pub fn token(&self, time_ms: i64, text: &str) -> String {
        let metadata = metadata(time_ms, text);
        let digest = Sha256::digest(&metadata);
        let (signature, recovery_id) = self.0.sign_prehash_recoverable(&digest);
        let mut bytes = [0; 65];
        bytes[..64].copy_from_slice(&signature.to_bytes());
        bytes[64] = recovery_id.to_byte();
        assemble(&bytes, &metadata, &self.public())
    }

    fn public(&self) -> [u8; 33] {
        let point = self.0.verifying_key().to_sec1_point(true);
        let mut key = [0; 33];
        key.copy_from_slice(point.as_bytes());
        key
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.address()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first() -> Key {
        Key::from_bytes(&Sha256::digest("dtalk acceptance test key 1").into()).unwrap()
    }

    #[test]
    fn signing_gives_the_tokens_of_the_published_vectors() {
        let public = "03bb253699df1eeb18285e431c3ad9e2e4ab6ea752f920636a6aaa1bc6048d1c9a";
        assert_eq!(
            first().token(1_700_000_000_123, "dtalk"),
            "qfHNnWgK+h8yR92iInyHdVeBokdYruKnzfs0+HsLKpxWnxNtfk6fg4xqYyssil5oSX9He5gHzET67JNso\
             /KxlwA=#1700000000123*dtalk#"
                .to_owned()
                + public
        );
        assert_eq!(
            first().token(1_700_000_000_123, ""),
            "ieDETkrNHjMC/liQHeYVuIyF87cKVjanDsF5igWlgycMOvuPFYU7Q42WPfuJFVJCMiTMsdgYTMCKmspGF4\
             uWjAE=#1700000000123*#"
                .to_owned()
                + public
        );
    }

    #[test]
    fn zero_is_no_key() {
        assert_eq!(Key::from_bytes(&[0; 32]).unwrap_err(), KeyError);
    }

    #[test]
    fn debug_output_shows_the_user_and_not_the_key() {
        assert_eq!(format!("{:?}", first()), "Key(Address(\"1GF6dwaZwSFFtNtLTLGm81vJfWkB9FEo5\"))");
    }
}
