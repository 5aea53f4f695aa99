//! User id of dtalk: the Bitcoin address of a public key.
//!
//! There is no user table: the ability to sign for an address identifies the user. Not here:
//! verification of signatures ([`token`](crate::token)).

use std::fmt;

use ripemd::Ripemd160;
use sha2::{Digest, Sha256};

/// Public key on secp256k1 in compressed form.
pub(crate) type PublicKey = [u8; 33];

/// Version byte; makes addresses start with `1`.
const VERSION: u8 = 0;
const CHECKSUM_LEN: usize = 4;

/// User id, for example `1GF6dwaZwSFFtNtLTLGm81vJfWkB9FEo5`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Address(String);

impl Address {
    pub(crate) fn of(key: &PublicKey) -> Self {
        let mut raw = vec![VERSION];
        raw.extend_from_slice(&Ripemd160::digest(Sha256::digest(key)));
        let checksum = Sha256::digest(Sha256::digest(&raw));
        raw.extend_from_slice(&checksum[..CHECKSUM_LEN]);
        Self(bs58::encode(raw).into_string())
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0
    }
}
