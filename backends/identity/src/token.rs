//! The dtalk token: proof, renewed about every minute, that its bearer holds a key.
//!
//! ```text
//! metadata = "<unix time in ms>*<text>"
//! token    = base64(r || s || recovery id) "#" metadata "#" hex(compressed public key)
//! ```
//!
//! The signature is ECDSA over secp256k1 of SHA-256(metadata). The same text is used as
//! `AuthMsg.token` and in the header `FZM-SIGNATURE`. [`verify`] is pure: time is a parameter.
//!
//! Not here: making tokens ([`Key`](crate::Key)). Tokens are not tracked against replay, because
//! clients use one for up to two minutes, on several connections and requests.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use comet_dtalk::code::Code;
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::address::{Address, PublicKey};

/// Lifetime of a token: the 120 s of the clients, plus 5 s because some use it up to the last
/// moment.
pub const MAX_AGE_MS: u64 = 125_000;
/// Maximum lead of a client's clock.
pub const MAX_AHEAD_MS: u64 = 600_000;

const SIGNATURE_LEN: usize = 65;

/// Reason for rejecting a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Not of the form above.
    #[error("malformed token")]
    Malformed,
    /// The metadata was not signed by the key.
    #[error("signature does not fit the key")]
    Signature,
    /// Expired: more than [`MAX_AGE_MS`] after its time.
    #[error("token expired")]
    Expired,
    /// Time more than [`MAX_AHEAD_MS`] in the future.
    #[error("token from the future")]
    Early,
}

impl TokenError {
    /// Code for clients; only an expired token makes them sign a new one.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::Expired => Code::SIGNATURE_EXPIRED,
            Self::Malformed | Self::Signature | Self::Early => Code::SIGNATURE_INVALID,
        }
    }
}

/// User of the token, at `now_ms` (Unix time).
///
/// # Errors
///
/// [`TokenError`]. The signature is checked before the age: an expired token was valid before.
pub fn verify(token: &str, now_ms: u64) -> Result<Address, TokenError> {
    let claim = Claim::parse(token).ok_or(TokenError::Malformed)?;
    if !claim.is_signed_by_its_key() {
        return Err(TokenError::Signature);
    }
    check_age(claim.time_ms, now_ms)?;
    Ok(Address::of(&claim.key))
}

/// Signed text.
pub(crate) fn metadata(time_ms: i64, text: &str) -> String {
    format!("{time_ms}*{text}")
}

/// Token of these parts, joined by `#`.
pub(crate) fn assemble(signature: &[u8; SIGNATURE_LEN], metadata: &str, key: &PublicKey) -> String {
    let key = base16ct::lower::encode_string(key);
    format!("{}#{metadata}#{key}", STANDARD.encode(signature))
}

/// Content of a token, not verified yet.
struct Claim<'a> {
    signature: [u8; SIGNATURE_LEN],
    time_ms: i64,
    text: &'a str,
    key: PublicKey,
}

impl<'a> Claim<'a> {
    /// Further parts of the token, and of its metadata, are ignored.
    fn parse(token: &'a str) -> Option<Self> {
        let mut parts = token.split('#');
        let (signature, metadata, key) = (parts.next()?, parts.next()?, parts.next()?);
        let mut metadata = metadata.split('*');
        Some(Self {
            signature: STANDARD.decode(signature).ok()?.try_into().ok()?,
            time_ms: metadata.next()?.parse().ok()?,
            text: metadata.next()?,
            key: decode_key(key)?,
        })
    }

    /// The signed text is rebuilt from its parts, so that `0170*a*zz` stands for `170*a`.
    fn is_signed_by_its_key(&self) -> bool {
        let digest = Sha256::digest(metadata(self.time_ms, self.text));
        recover(&digest, &self.signature).is_some_and(|key| key == self.key)
    }
}

fn decode_key(hex: &str) -> Option<PublicKey> {
    let mut key = [0; size_of::<PublicKey>()];
    let decoded = base16ct::mixed::decode(hex, &mut key).ok()?;
    (decoded.len() == size_of::<PublicKey>()).then_some(key)
}

/// Key that made this signature over the digest.
///
/// Recovery, instead of verification with the given key, makes the recovery id significant. Of (r,
/// s) and its twin (r, n - s) only one passes; the rule checks one bit, as the libraries of the
/// clients do.
fn recover(digest: &[u8], signature: &[u8; SIGNATURE_LEN]) -> Option<PublicKey> {
    let [rs @ .., recovery_id] = signature;
    if rs[32] & 0x80 != 0 {
        return None;
    }
    let recovery_id = RecoveryId::from_byte(*recovery_id)?;
    let signature = Signature::from_slice(rs).ok()?;
    let key = VerifyingKey::recover_from_prehash(digest, &signature, recovery_id).ok()?;
    key.to_sec1_point(true).as_bytes().try_into().ok()
}

fn check_age(time_ms: i64, now_ms: u64) -> Result<(), TokenError> {
    let age_ms = i128::from(now_ms) - i128::from(time_ms);
    if age_ms > i128::from(MAX_AGE_MS) {
        return Err(TokenError::Expired);
    }
    if age_ms < -i128::from(MAX_AHEAD_MS) {
        return Err(TokenError::Early);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(token: &str, now_ms: u64) -> String {
        match verify(token, now_ms) {
            Ok(address) => address.into(),
            Err(TokenError::Expired) => "expired".into(),
            Err(TokenError::Early) => "early".into(),
            Err(TokenError::Malformed | TokenError::Signature) => "invalid".into(),
        }
    }

    #[test]
    fn every_vector_gets_its_answer() {
        let vectors = include_str!("../tests/data/tokens.txt");
        let mut checked = 0;
        for line in vectors.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
            let fields: Vec<&str> = line.splitn(4, ' ').collect();
            let [now_ms, expected, token, note] = fields[..] else {
                panic!("not a vector: {line}");
            };
            assert_eq!(answer(token, now_ms.parse().unwrap()), expected, "{note}: {token}");
            checked += 1;
        }
        assert_eq!(checked, 61);
    }

    #[test]
    fn only_an_expired_token_is_called_expired() {
        assert_eq!(TokenError::Expired.code(), Code(-1011));
        assert_eq!(TokenError::Malformed.code(), Code(-1010));
        assert_eq!(TokenError::Signature.code(), Code(-1010));
        assert_eq!(TokenError::Early.code(), Code(-1010));
    }

    #[test]
    fn the_empty_text_is_no_token() {
        assert_eq!(verify("", 0), Err(TokenError::Malformed));
    }
}
