//! Verification of the tokens that are accepted, by the system clock: on sockets, and for the HTTP
//! handlers of every backend.

use std::sync::Arc;
use std::time::Duration;

use comet_dtalk::clock::unix_ms;
use comet_dtalk::code::Code;
use comet_dtalk::http::Verify;

use crate::jwt::{Jwt, JwtUser};
use crate::token::{TokenError, verify};

/// Tokens that are accepted: those of dtalk, and JSON Web Tokens where a key for them is given. A
/// [`Verify`] for the state of axum routers, to which a JSON Web Token comes as `Authorization:
/// Bearer`.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    jwt: Option<Arc<Jwt>>,
}

/// User of a valid token.
pub(crate) struct Verified {
    pub(crate) uid: String,
    /// Time after which the session ends, if the token ends it.
    pub(crate) valid_for: Option<Duration>,
}

impl Tokens {
    /// Accepts JSON Web Tokens, too.
    #[must_use]
    pub fn with_jwt(jwt: Jwt) -> Self {
        Self { jwt: Some(Arc::new(jwt)) }
    }

    /// Verifies the token of a login.
    pub(crate) fn check(&self, token: &str) -> Result<Verified, TokenError> {
        match &self.jwt {
            Some(jwt) if Jwt::is_one(token) => {
                let JwtUser { uid, valid_for } = jwt.verify(token, unix_ms())?;
                Ok(Verified { uid, valid_for: Some(valid_for) })
            }
            _ => Ok(Verified { uid: verify(token, unix_ms())?.into(), valid_for: None }),
        }
    }
}

impl Verify for Tokens {
    fn verify(&self, token: &str) -> Result<String, Code> {
        verify(token, unix_ms()).map(String::from).map_err(TokenError::code)
    }

    fn verify_bearer(&self, token: &str) -> Result<String, Code> {
        let jwt = self.jwt.as_ref().ok_or(Code::SIGNATURE_INVALID)?;
        jwt.verify(token, unix_ms()).map(|user| user.uid).map_err(TokenError::code)
    }
}
