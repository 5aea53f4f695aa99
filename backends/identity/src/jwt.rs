//! JSON Web Tokens (RFC 7519) of another system, as an alternative to dtalk tokens.
//!
//! The algorithm is fixed by the configuration, never by the token. A token must have `exp`: unlike
//! a dtalk token, which opens a session and does not end it, it ends the session. [`Jwt::verify`]
//! is pure: time is a parameter.
//!
//! Not here: making tokens.

use std::time::Duration;

use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Map, Value};

use crate::token::TokenError;

/// Longest user id in characters, that of targets of messages.
const MAX_USER: usize = 40;
/// Shortest secret in bytes: the length of its hash (RFC 7518, section 3.2).
const MIN_SECRET: usize = 32;

/// Algorithms of signatures (RFC 7518, section 3.1; RFC 8037).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256; the key is a secret of 32 bytes at least.
    Hs256,
    /// RSA with SHA-256; the key is a public key in PEM.
    Rs256,
    /// ECDSA over P-256 with SHA-256; the key is a public key in PEM.
    Es256,
    /// Ed25519; the key is a public key in PEM.
    EdDsa,
}

/// Reason for not using a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwtKeyError {
    /// The secret is too short to be safe.
    #[error("a secret of {0} bytes is too short: it must have {MIN_SECRET} at least")]
    Short(usize),
    /// Not a public key in PEM of this algorithm.
    #[error("not a public key of this algorithm in PEM")]
    Pem,
}

/// Verification of the tokens of one issuer.
#[derive(Clone)]
pub struct Jwt {
    key: DecodingKey,
    validation: Validation,
    claim: Box<str>,
}

/// User of a token, and the remaining time of the token.
pub(crate) struct JwtUser {
    pub(crate) uid: String,
    pub(crate) valid_for: Duration,
}

impl Jwt {
    /// Tokens signed with this algorithm and key. The user is the claim `sub`.
    ///
    /// # Errors
    ///
    /// [`JwtKeyError`]
    pub fn new(algorithm: JwtAlgorithm, key: &[u8]) -> Result<Self, JwtKeyError> {
        let (algorithm, key) = match algorithm {
            JwtAlgorithm::Hs256 if key.len() < MIN_SECRET => {
                return Err(JwtKeyError::Short(key.len()));
            }
            JwtAlgorithm::Hs256 => (Algorithm::HS256, Ok(DecodingKey::from_secret(key))),
            JwtAlgorithm::Rs256 => (Algorithm::RS256, DecodingKey::from_rsa_pem(key)),
            JwtAlgorithm::Es256 => (Algorithm::ES256, DecodingKey::from_ec_pem(key)),
            JwtAlgorithm::EdDsa => (Algorithm::EdDSA, DecodingKey::from_ed_pem(key)),
        };
        let key = key.map_err(|_| JwtKeyError::Pem)?;
        let mut validation = Validation::new(algorithm);
        // Compared below with the time given.
        validation.validate_exp = false;
        validation.validate_aud = false;
        Ok(Self { key, validation, claim: "sub".into() })
    }

    /// Claim with the user id, a text. Default `sub`.
    #[must_use]
    pub fn claim(mut self, name: &str) -> Self {
        self.claim = name.into();
        self
    }

    /// Required `iss`. Default: any, or none.
    #[must_use]
    pub fn issuer(mut self, issuer: &str) -> Self {
        self.validation.set_issuer(&[issuer]);
        self.validation.required_spec_claims.insert("iss".to_owned());
        self
    }

    /// Audience that must be among the token's `aud`. Default: any, or none.
    #[must_use]
    pub fn audience(mut self, audience: &str) -> Self {
        self.validation.validate_aud = true;
        self.validation.set_audience(&[audience]);
        self.validation.required_spec_claims.insert("aud".to_owned());
        self
    }

    /// Whether a token is of this kind, and not a dtalk token.
    pub(crate) fn is_one(token: &str) -> bool {
        token.matches('.').count() == 2 && !token.contains('#')
    }

    /// User of the token, at `now_ms` (Unix time).
    pub(crate) fn verify(&self, token: &str, now_ms: u64) -> Result<JwtUser, TokenError> {
        let token = decode::<Map<String, Value>>(token, &self.key, &self.validation);
        let claims = token.map_err(|error| fault(&error))?.claims;
        let time_ms = |name| {
            let seconds = claims.get(name)?.as_f64().filter(|seconds| *seconds >= 0.0)?;
            // Saturates.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive")]
            let ms = (seconds * 1_000.0) as u64;
            Some(ms)
        };
        let expires = time_ms("exp").ok_or(TokenError::Malformed)?;
        if expires <= now_ms {
            return Err(TokenError::Expired);
        }
        if claims.contains_key("nbf") && time_ms("nbf").is_none_or(|begins| begins > now_ms) {
            return Err(TokenError::Early);
        }
        let uid = claims.get(&*self.claim).and_then(Value::as_str).unwrap_or_default();
        if !is_user(uid) {
            return Err(TokenError::Malformed);
        }
        let valid_for = Duration::from_millis(expires - now_ms);
        Ok(JwtUser { uid: uid.to_owned(), valid_for })
    }
}

/// Users of other applications are written with a colon.
fn is_user(uid: &str) -> bool {
    let length = uid.chars().count();
    (1..=MAX_USER).contains(&length) && !uid.contains([':', '\0'])
}

fn fault(error: &Error) -> TokenError {
    match error.kind() {
        ErrorKind::ExpiredSignature => TokenError::Expired,
        ErrorKind::ImmatureSignature => TokenError::Early,
        ErrorKind::InvalidSignature
        | ErrorKind::InvalidAlgorithm
        | ErrorKind::InvalidIssuer
        | ErrorKind::InvalidAudience => TokenError::Signature,
        _ => TokenError::Malformed,
    }
}

impl std::fmt::Debug for Jwt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jwt").field("claim", &self.claim).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header, encode};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const SECRET: &[u8] = b"a made-up secret of 32 bytes.....";
    const NOW: u64 = 1_700_000_000_000;

    fn signed(claims: &Value, algorithm: Algorithm, secret: &[u8]) -> String {
        encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret)).unwrap()
    }

    fn token(claims: &Value) -> String {
        signed(claims, Algorithm::HS256, SECRET)
    }

    fn jwt() -> Jwt {
        Jwt::new(JwtAlgorithm::Hs256, SECRET).unwrap()
    }

    fn outcome(jwt: &Jwt, token: &str) -> Result<(String, u64), TokenError> {
        assert!(Jwt::is_one(token));
        let user = jwt.verify(token, NOW)?;
        Ok((user.uid, user.valid_for.as_secs()))
    }

    #[test]
    fn a_token_has_its_user_and_its_time() {
        let claims = json!({"sub": "alice", "exp": 1_700_000_060, "nbf": 1_700_000_000});
        assert_eq!(outcome(&jwt(), &token(&claims)), Ok(("alice".into(), 60)));
        let claims = json!({"uid": "\u{674e}", "exp": 1_700_000_001.5});
        assert_eq!(outcome(&jwt().claim("uid"), &token(&claims)), Ok(("\u{674e}".into(), 1)));
    }

    #[test]
    fn times_that_have_passed_or_are_to_come_are_refused() {
        let expired = json!({"sub": "alice", "exp": 1_700_000_000});
        assert_eq!(outcome(&jwt(), &token(&expired)), Err(TokenError::Expired));
        let early = json!({"sub": "alice", "exp": 1_700_000_060, "nbf": 1_700_000_001});
        assert_eq!(outcome(&jwt(), &token(&early)), Err(TokenError::Early));
        for exp in [json!(null), json!("soon"), json!(-1)] {
            let forever = json!({"sub": "alice", "exp": exp});
            assert_eq!(outcome(&jwt(), &token(&forever)), Err(TokenError::Malformed), "{exp}");
        }
    }

    #[test]
    fn the_token_does_not_choose_its_algorithm() {
        let claims = json!({"sub": "alice", "exp": 1_700_000_060});
        let other = signed(&claims, Algorithm::HS512, SECRET);
        assert_eq!(outcome(&jwt(), &other), Err(TokenError::Signature));
        let forged = signed(&claims, Algorithm::HS256, b"another secret");
        assert_eq!(outcome(&jwt(), &forged), Err(TokenError::Signature));
        // {"alg":"none"}
        let good = token(&claims);
        let (_, rest) = good.split_once('.').unwrap();
        let (body, _) = rest.split_once('.').unwrap();
        let none = format!("eyJhbGciOiJub25lIn0.{body}.");
        assert_eq!(outcome(&jwt(), &none), Err(TokenError::Malformed));
    }

    #[test]
    fn a_user_can_be_written_to() {
        for sub in [json!(""), json!(7), json!("x:y"), json!("a\0"), json!("x".repeat(41))] {
            let claims = json!({"sub": sub, "exp": 1_700_000_060});
            assert_eq!(outcome(&jwt(), &token(&claims)), Err(TokenError::Malformed), "{sub}");
        }
    }

    #[test]
    fn issuer_and_audience_are_required_where_they_are_configured() {
        let jwt = jwt().issuer("us").audience("chat");
        let claims = |iss: &str, aud: &Value| {
            token(&json!({"sub": "alice", "exp": 1_700_000_060, "iss": iss, "aud": aud}))
        };
        assert!(outcome(&jwt, &claims("us", &json!("chat"))).is_ok());
        assert!(outcome(&jwt, &claims("us", &json!(["mail", "chat"]))).is_ok());
        let refused = Err(TokenError::Signature);
        assert_eq!(outcome(&jwt, &claims("them", &json!("chat"))), refused);
        assert_eq!(outcome(&jwt, &claims("us", &json!("mail"))), refused);
        let neither = token(&json!({"sub": "alice", "exp": 1_700_000_060}));
        assert!(outcome(&jwt, &neither).is_err());
    }

    #[test]
    fn keys_that_are_none_are_told() {
        let short = Jwt::new(JwtAlgorithm::Hs256, b"secret").unwrap_err();
        assert_eq!(short.to_string(), "a secret of 6 bytes is too short: it must have 32 at least");
        for algorithm in [JwtAlgorithm::Rs256, JwtAlgorithm::Es256, JwtAlgorithm::EdDsa] {
            assert!(matches!(Jwt::new(algorithm, SECRET), Err(JwtKeyError::Pem)));
        }
    }

    #[test]
    fn a_public_key_verifies_what_its_private_key_signed() {
        // Made for this test.
        let private = b"-----BEGIN PRIVATE KEY-----\n\
            MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n\
            -----END PRIVATE KEY-----\n";
        let public = b"-----BEGIN PUBLIC KEY-----\n\
            MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n\
            -----END PUBLIC KEY-----\n";
        let jwt = Jwt::new(JwtAlgorithm::EdDsa, public).unwrap();
        let claims = json!({"sub": "alice", "exp": 1_700_000_060});
        let key = EncodingKey::from_ed_pem(private).unwrap();
        let token = encode(&Header::new(Algorithm::EdDSA), &claims, &key).unwrap();
        assert_eq!(outcome(&jwt, &token), Ok(("alice".into(), 60)));
        // The public key is no secret that could sign.
        let confused = signed(&claims, Algorithm::HS256, public);
        assert_eq!(outcome(&jwt, &confused), Err(TokenError::Signature));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(token in ".{0,80}") {
            prop_assert!(jwt().verify(&token, NOW).is_err());
        }
    }
}
