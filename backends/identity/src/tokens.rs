//! Verification of tokens by the system clock, for the HTTP handlers of every backend.

use comet_dtalk::clock::unix_ms;
use comet_dtalk::code::Code;
use comet_dtalk::http::Verify;

use crate::token::{TokenError, verify};

/// A [`Verify`] for the state of axum routers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tokens;

impl Verify for Tokens {
    fn verify(&self, token: &str) -> Result<String, Code> {
        verify(token, unix_ms()).map(String::from).map_err(TokenError::code)
    }
}
