//! Tokens, and generated keys that sign them.

use std::sync::{Arc, Mutex, PoisonError};

use comet_identity::Key;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::Credential;

/// Proof of a user.
#[derive(Debug)]
pub(super) enum Token {
    /// It was given, and is good for as long as it is.
    Given(String),
    /// It is signed when it is needed, and again before it expires.
    Signed(Box<Signer>),
}

/// A key, and the token that it signed last.
#[derive(Debug)]
pub(super) struct Signer {
    key: Key,
    /// Taken at each login, by the one session that has it.
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    /// Until when it is taken from here, Unix milliseconds.
    until: u64,
    text: String,
}

/// Time by which tokens are dated ahead, so that a login costs the harness no signature for as
/// long: servers take what is ten minutes ahead, and clocks differ.
const AHEAD_MS: u64 = 300_000;

impl Token {
    /// A token that is good at this time.
    pub(super) fn text(&self, unix_ms: u64) -> String {
        match self {
            Self::Given(text) => text.clone(),
            Self::Signed(signer) => signer.text(unix_ms),
        }
    }
}

impl Signer {
    fn text(&self, unix_ms: u64) -> String {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if unix_ms >= last.until {
            let until = unix_ms + AHEAD_MS;
            let text = self.key.token(until.cast_signed(), "dtalk");
            *last = Last { until, text };
        }
        last.text.clone()
    }
}

/// A number of users, the same for the same seed.
pub(super) fn users(seed: u64, count: usize) -> Vec<Credential> {
    let mut rng = StdRng::seed_from_u64(seed);
    let keys = std::iter::repeat_with(|| Key::from_bytes(&rng.random()));
    // Nearly every number is a key.
    keys.filter_map(Result::ok).take(count).map(credential).collect()
}

fn credential(key: Key) -> Credential {
    let user = key.address().to_string();
    let token = Token::Signed(Box::new(Signer { key, last: Mutex::default() }));
    Credential { user, app: None, device: None, token: Arc::new(token) }
}

#[cfg(test)]
mod tests {
    use comet_identity::{TokenError, verify};

    use super::*;

    #[test]
    fn a_token_is_signed_once_in_five_minutes_and_always_good() {
        let [user] = &users(7, 1)[..] else { panic!("one user") };
        let now = 1_700_000_000_000;
        let first = user.token.text(now);
        assert_eq!(user.token.text(now + AHEAD_MS - 1), first);
        for at in [now, now + AHEAD_MS - 1] {
            assert_eq!(verify(&first, at).map(String::from), Ok(user.user.clone()));
        }
        let second = user.token.text(now + AHEAD_MS);
        assert_ne!(second, first);
        assert!(verify(&second, now + 2 * AHEAD_MS - 1).is_ok());
        assert_eq!(verify(&first, now + 2 * AHEAD_MS), Err(TokenError::Expired));
    }
}
