//! The demo: people sign in by name alone, meet in one room, and see who is there.
//!
//! Each name has a key pair of its own, derived from a secret of the data directory, so that the
//! same name is the same user after a restart. Only while every address is a loopback address.

mod online;
mod room;

use std::collections::HashMap;

use comet_dtalk::clock::unix_ms;
use comet_identity::Key;
use parking_lot::RwLock;
use sha2::{Digest, Sha256};
use sqlx::{Row, SqlitePool};

use crate::trouble::Trouble;
pub(crate) use online::{Online, Watched};
pub(crate) use room::{DemoRoom, ROOM};

/// Names that may exist: each costs a row and about 200 bytes.
const MAX_NAMES: usize = 10_000;

/// Longest name in characters.
const MAX_NAME: usize = 32;

/// Names and keys of the people who have been here.
#[derive(Debug)]
pub(crate) struct Demo {
    pool: SqlitePool,
    secret: [u8; 32],
    names: RwLock<HashMap<Box<str>, Box<str>>>,
    online: std::sync::Arc<Online>,
}

/// What a name gets.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(crate) address: String,
    pub(crate) token: String,
    /// When the token is no longer taken, Unix milliseconds.
    pub(crate) expires: u64,
}

/// Why a name is not signed in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSignIn {
    #[error("a name has 1 to 32 letters")]
    Name,
    #[error("there are too many names")]
    Full,
    #[error("the name cannot be kept: {0}")]
    Database(#[from] sqlx::Error),
}

impl Demo {
    /// Remembers who has been here.
    pub(crate) async fn open(pool: SqlitePool, secret: [u8; 32]) -> Result<Self, Trouble> {
        let names = remembered(&pool)
            .await
            .map_err(|source| Trouble::Database { path: "accounts.db".into(), source })?;
        Ok(Self { pool, secret, names: RwLock::new(names), online: std::sync::Arc::default() })
    }

    /// Signs a name in, for the first time or again.
    pub(crate) async fn sign_in(&self, name: &str) -> Result<SignedIn, NoSignIn> {
        let name = name.trim();
        let length = name.chars().count();
        if length == 0 || length > MAX_NAME || name.chars().any(char::is_control) {
            return Err(NoSignIn::Name);
        }
        let key = self.key(name);
        let address = key.address().to_string();
        self.remember(&address, name).await?;
        let now = unix_ms();
        let token = key.token(i64::try_from(now).unwrap_or(i64::MAX), "dtalk");
        Ok(SignedIn { address, token, expires: now + comet_identity::token::MAX_AGE_MS })
    }

    /// The name behind an address.
    pub(crate) fn knows(&self, address: &str) -> bool {
        self.names.read().contains_key(address)
    }

    /// Everybody who has been here, as address and name.
    pub(crate) fn known(&self) -> Vec<(String, String)> {
        let names = self.names.read();
        names.iter().map(|(address, name)| (address.to_string(), name.to_string())).collect()
    }

    /// Who is here now.
    pub(crate) fn online(&self) -> std::sync::Arc<Online> {
        std::sync::Arc::clone(&self.online)
    }

    async fn remember(&self, address: &str, name: &str) -> Result<(), NoSignIn> {
        if self.knows(address) {
            return Ok(());
        }
        if self.names.read().len() >= MAX_NAMES {
            return Err(NoSignIn::Full);
        }
        sqlx::query("INSERT OR IGNORE INTO demo_name (address, name) VALUES (?, ?)")
            .bind(address)
            .bind(name)
            .execute(&self.pool)
            .await?;
        self.names.write().insert(address.into(), name.into());
        Ok(())
    }

    fn key(&self, name: &str) -> Key {
        let mut seed: [u8; 32] =
            Sha256::new().chain_update(self.secret).chain_update(name).finalize().into();
        loop {
            // Nearly every number is a key; after one that is not, its hash is tried.
            match Key::from_bytes(&seed) {
                Ok(key) => return key,
                Err(_) => seed = Sha256::digest(seed).into(),
            }
        }
    }
}

async fn remembered(pool: &SqlitePool) -> Result<HashMap<Box<str>, Box<str>>, sqlx::Error> {
    let table =
        "CREATE TABLE IF NOT EXISTS demo_name (address TEXT PRIMARY KEY, name TEXT NOT NULL)";
    sqlx::query(table).execute(pool).await?;
    let rows = sqlx::query("SELECT address, name FROM demo_name").fetch_all(pool).await?;
    rows.iter()
        .map(|row| {
            let (address, name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            Ok((address.into(), name.into()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn demo(path: &std::path::Path) -> Demo {
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(path.join("accounts.db"))
            .create_if_missing(true);
        let pool = SqlitePool::connect_with(options).await.unwrap();
        Demo::open(pool, [7; 32]).await.unwrap()
    }

    #[tokio::test]
    async fn a_name_is_the_same_user_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let first = demo(dir.path()).await.sign_in("alice").await.unwrap();
        let again = demo(dir.path()).await;
        assert!(again.knows(&first.address));
        assert_eq!(again.sign_in(" alice ").await.unwrap().address, first.address);
        assert_ne!(again.sign_in("bob").await.unwrap().address, first.address);
        let known = again.known();
        assert!(known.contains(&(first.address, "alice".to_owned())) && known.len() == 2);
    }

    #[tokio::test]
    async fn its_tokens_are_real_ones() {
        let dir = tempfile::tempdir().unwrap();
        let signed = demo(dir.path()).await.sign_in("alice").await.unwrap();
        let verified = comet_identity::verify(&signed.token, unix_ms()).unwrap();
        assert_eq!(verified.to_string(), signed.address);
    }

    #[tokio::test]
    async fn names_that_nobody_could_read_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let demo = demo(dir.path()).await;
        for name in ["", "   ", "a\nb", &"x".repeat(33)] {
            assert!(matches!(demo.sign_in(name).await, Err(NoSignIn::Name)), "{name:?}");
        }
    }
}
