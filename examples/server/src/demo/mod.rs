//! The demo: sign-in by name alone, one common room, and presence.
//!
//! Each name has its own key pair, derived from a secret of the data directory, so that a name is
//! the same user after a restart. Enabled only while every address is a loopback address.

mod names;
mod presence;
mod room;

use std::time::{Duration, Instant};

use comet_dtalk::clock::unix_ms;
use comet_dtalk::rate::{Pace, Rate};
use comet_identity::Key;
use comet_sql::{Dialect, Error, MigrateError, Part, Pool, insert, sql};
use parking_lot::RwLock;
use sha2::{Digest, Sha256};

use crate::config;
use crate::data::DataError;
use names::{Names, normalize};
pub(crate) use presence::{Online, PresenceRouter};
pub(crate) use room::{DemoRoom, ROOM};

/// Divisor of the retention time of unused names: the granularity of the stored last use.
const USE_NOTED: u64 = 16;

/// Files from before there were parts have the table already.
const PART: Part = Part {
    name: "demo",
    steps: &["CREATE TABLE IF NOT EXISTS demo_name (
        address {key:255} NOT NULL PRIMARY KEY,
        name    {text} NOT NULL,
        used    {int} NOT NULL
    ) {table};"],
    user_version: false,
};

/// Names and keys of all users who have signed in.
#[derive(Debug)]
pub(crate) struct Demo {
    pool: Pool,
    secret: [u8; 32],
    names: RwLock<Names>,
    /// Limit on the number of names.
    most: usize,
    unused_ms: u64,
    rate: Rate,
    /// Pace of new names; held while a name is added.
    newcomers: tokio::sync::Mutex<Pace>,
    online: std::sync::Arc<Online>,
}

/// Result of a sign-in.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(crate) address: String,
    pub(crate) token: String,
    /// Expiry of the token, in Unix milliseconds.
    pub(crate) expires: u64,
}

/// Reason for a refused sign-in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInError {
    #[error("a name has 1 to 32 characters, all of which can be seen")]
    Name,
    #[error("somebody is called {0} already, which looks the same")]
    Taken(String),
    #[error("there are too many names")]
    Full,
    #[error("too many are new, try again in a minute")]
    TooManyNew,
    #[error("the name cannot be kept: {0}")]
    Database(#[from] Error),
}

impl Demo {
    /// Opens the demo with the names stored so far.
    pub(crate) async fn open(
        pool: Pool,
        secret: [u8; 32],
        limits: &config::Demo,
    ) -> Result<Self, DataError> {
        let names = remembered(&pool, unix_ms()).await?;
        Ok(Self {
            pool,
            secret,
            names: RwLock::new(names),
            most: limits.names,
            unused_ms: limits.unused_seconds.saturating_mul(1_000),
            rate: Rate::new(limits.new_names_per_minute, Duration::from_secs(60), 1),
            newcomers: tokio::sync::Mutex::default(),
            online: std::sync::Arc::default(),
        })
    }

    /// Signs a name in, for the first time or again.
    pub(crate) async fn sign_in(&self, name: &str) -> Result<SignedIn, SignInError> {
        let name = normalize(name).ok_or(SignInError::Name)?;
        let key = self.key(&name);
        let address = key.address().to_string();
        let now = unix_ms();
        self.remember(&address, &name, now).await?;
        let token = key.token(i64::try_from(now).unwrap_or(i64::MAX), "dtalk");
        Ok(SignedIn { address, token, expires: now + comet_identity::token::MAX_AGE_MS })
    }

    /// Whether the address belongs to a name.
    pub(crate) fn knows(&self, address: &str) -> bool {
        self.names.read().knows(address)
    }

    /// Number of names.
    pub(crate) fn len(&self) -> usize {
        self.names.read().len()
    }

    /// Addresses and names of all users known so far.
    pub(crate) fn known(&self) -> Vec<(String, String)> {
        let names = self.names.read();
        names.all().map(|(address, name)| (address.to_owned(), name.to_owned())).collect()
    }

    /// Users with a session.
    pub(crate) fn online(&self) -> std::sync::Arc<Online> {
        std::sync::Arc::clone(&self.online)
    }

    async fn remember(&self, address: &str, name: &str, now: u64) -> Result<(), SignInError> {
        let used = self.names.write().touch(address, now);
        if let Some(used) = used {
            if now.saturating_sub(used) > self.unused_ms / USE_NOTED {
                self.note_use(address, now).await?;
            }
            return Ok(());
        }
        // One at a time, so that the checks still hold when the name is added.
        let mut newcomers = self.newcomers.lock().await;
        self.forget_unused(now).await?;
        {
            let names = self.names.read();
            if names.knows(address) {
                return Ok(());
            }
            if let Some(alike) = names.like(name) {
                return Err(SignInError::Taken(alike.to_owned()));
            }
            if names.len() >= self.most {
                return Err(SignInError::Full);
            }
        }
        if !newcomers.admit(self.rate, Instant::now()) {
            return Err(SignInError::TooManyNew);
        }
        let mut db = self.pool.begin().await?;
        let row = [address.into(), name.into(), now.cast_signed().into()];
        let row = insert("demo_name", &["address", "name", "used"]).row(row);
        row.replace(&mut db, &["address"]).await?;
        db.commit().await?;
        self.names.write().add(address, name, now);
        Ok(())
    }

    /// Forgets unused names. A user with a session counts as using its name.
    async fn forget_unused(&self, now: u64) -> Result<(), Error> {
        let unused = self.names.read().unused_since(now.saturating_sub(self.unused_ms));
        for address in unused {
            if self.online.has(&address) {
                self.names.write().touch(&address, now);
                self.note_use(&address, now).await?;
                continue;
            }
            let mut db = self.pool.begin().await?;
            let gone = sql("DELETE FROM demo_name WHERE address = ?").bind(&*address);
            gone.execute(&mut db).await?;
            db.commit().await?;
            self.names.write().forget(&address);
        }
        Ok(())
    }

    async fn note_use(&self, address: &str, now: u64) -> Result<(), Error> {
        let mut db = self.pool.begin().await?;
        sql("UPDATE demo_name SET used = ? WHERE address = ?")
            .bind(now.cast_signed())
            .bind(address)
            .execute(&mut db)
            .await?;
        db.commit().await
    }

    fn key(&self, name: &str) -> Key {
        let mut seed: [u8; 32] =
            Sha256::new().chain_update(self.secret).chain_update(name).finalize().into();
        loop {
            // Nearly every number is a valid key; an invalid one is replaced by its hash.
            match Key::from_bytes(&seed) {
                Ok(key) => return key,
                Err(_) => seed = Sha256::digest(seed).into(),
            }
        }
    }
}

async fn remembered(pool: &Pool, now: u64) -> Result<Names, MigrateError> {
    PART.migrate(pool).await?;
    let mut db = pool.begin().await?;
    if pool.dialect() == Dialect::Sqlite {
        let column = "SELECT count(*) FROM pragma_table_info('demo_name') WHERE name = 'used'";
        if sql(column).one::<i64>(&mut db).await? == 0 {
            db.run("ALTER TABLE demo_name ADD COLUMN used INTEGER NOT NULL DEFAULT 0").await?;
        }
    }
    // Names older than this column have no known last use: their time starts now.
    let unknown = sql("UPDATE demo_name SET used = ? WHERE used = 0").bind(now.cast_signed());
    unknown.execute(&mut db).await?;
    let found = sql("SELECT address, name, used FROM demo_name ORDER BY used, address");
    let found: Vec<(String, String, i64)> = found.all(&mut db).await?;
    db.commit().await?;
    let mut names = Names::default();
    for (address, name, used) in found {
        names.add(&address, &name, used.cast_unsigned());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use comet_sql::{Location, Settings};

    use super::*;

    fn accounts(path: &std::path::Path) -> Pool {
        Pool::new(Location::file(path.join("accounts.db")), Settings::default())
    }

    async fn demo(path: &std::path::Path) -> Demo {
        limited(path, 100, 0, 3_600).await
    }

    async fn limited(path: &std::path::Path, names: usize, rate: u32, unused: u64) -> Demo {
        let pool = accounts(path);
        let limits = config::Demo::of(names, rate, unused);
        Demo::open(pool, [7; 32], &limits).await.unwrap()
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
    async fn a_name_has_one_user_however_it_is_written_and_its_look_alikes_none() {
        let dir = tempfile::tempdir().unwrap();
        let demo = demo(dir.path()).await;
        let address = demo.sign_in("J\u{fc}rgen").await.unwrap().address;
        assert_eq!(demo.sign_in(" Ju\u{308}rgen ").await.unwrap().address, address);
        for name in ["", "a\nb", "al\u{202e}ice", "x\u{200b}"] {
            assert!(matches!(demo.sign_in(name).await, Err(SignInError::Name)), "{name:?}");
        }
        let alike = demo.sign_in("J\u{fc}rg\u{435}n").await;
        assert!(matches!(alike, Err(SignInError::Taken(name)) if name == "J\u{fc}rgen"));
        assert_eq!(demo.len(), 1);
    }

    #[tokio::test]
    async fn new_names_come_at_a_rate_and_old_ones_at_any() {
        let dir = tempfile::tempdir().unwrap();
        let demo = limited(dir.path(), 1_000, 5, 3_600).await;
        let mut refused = 0;
        for number in 0..20 {
            match demo.sign_in(&format!("guest {number}x")).await {
                Ok(_) => {}
                Err(SignInError::TooManyNew) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert!((14..=15).contains(&refused), "{refused}");
        for _ in 0..20 {
            demo.sign_in("guest 0x").await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_full_demo_has_room_again_once_names_are_unused_for_long_enough() {
        let dir = tempfile::tempdir().unwrap();
        let demo = limited(dir.path(), 2, 0, 3_600).await;
        let first = demo.sign_in("anna").await.unwrap().address;
        demo.sign_in("ben").await.unwrap();
        assert!(matches!(demo.sign_in("cleo").await, Err(SignInError::Full)));

        let now = unix_ms();
        // Anna was online half an hour ago, Ben was not.
        demo.remember(&first, "anna", now + 1_800_000).await.unwrap();
        demo.remember("the address of Cleo", "cleo", now + 3_700_000).await.unwrap();
        let mut names: Vec<_> = demo.known().into_iter().map(|(_, name)| name).collect();
        names.sort_unstable();
        assert_eq!(names, ["anna", "cleo"]);
        // The same holds after a restart.
        let again = limited(dir.path(), 2, 0, 3_600).await;
        assert_eq!(again.len(), 2);
        assert!(matches!(again.sign_in("ben").await, Err(SignInError::Full)));
        // A forgotten name that is taken again is the same user.
        again.names.write().forget(&first);
        assert_eq!(again.sign_in("anna").await.unwrap().address, first);
    }

    #[tokio::test]
    async fn names_from_before_their_use_was_written_down_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let address = demo(dir.path()).await.sign_in("anna").await.unwrap().address;
        let mut db = accounts(dir.path()).lend().await.unwrap();
        db.run("ALTER TABLE demo_name DROP COLUMN used").await.unwrap();
        let demo = demo(dir.path()).await;
        demo.sign_in("ben").await.unwrap();
        assert!(demo.knows(&address) && demo.len() == 2);
    }
}
