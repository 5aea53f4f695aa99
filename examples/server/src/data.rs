//! The data directory: made if need be, and locked against a second server.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::trouble::Trouble;

/// The directory, for as long as it is this server's.
#[derive(Debug)]
pub(crate) struct Data {
    path: PathBuf,
    /// Locked until dropped, also by SIGKILL.
    _lock: File,
}

impl Data {
    /// Makes the directory if there is none, and takes it.
    pub(crate) fn open(path: &Path) -> Result<Self, Trouble> {
        let failed = |source| Trouble::Data { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(failed)?;
        let file = path.join("lock");
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(file);
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Trouble::DataTaken(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// The message of record.
    pub(crate) fn messages(&self) -> PathBuf {
        self.path.join("messages.db")
    }

    /// Devices and demo names: apart from the messages, so that logins and messages do not wait
    /// for each other's commits.
    pub(crate) async fn accounts(&self) -> Result<SqlitePool, Trouble> {
        let path = self.path.join("accounts.db");
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A login that a power cut forgets is a login again; it costs no message.
            .synchronous(SqliteSynchronous::Normal);
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await;
        pool.map_err(|source| Trouble::Database { path, source })
    }

    /// From which the keys of demo names are made. Whoever reads it can sign in as any of them.
    pub(crate) fn demo_secret(&self) -> Result<[u8; 32], Trouble> {
        self.secret("demo.secret")
    }

    /// Under which resume tickets are sealed. Whoever reads it can make up tickets.
    pub(crate) fn ticket_secret(&self) -> Result<[u8; 32], Trouble> {
        self.secret("ticket.secret")
    }

    /// A secret of this directory's own, made at the first call, for its owner's eyes alone.
    fn secret(&self, name: &str) -> Result<[u8; 32], Trouble> {
        let path = self.path.join(name);
        let failed = |source| Trouble::Data { path: path.clone(), source };
        if let Ok(Ok(secret)) = fs::read(&path).map(<[u8; 32]>::try_from) {
            return Ok(secret);
        }
        let secret: [u8; 32] = rand::random();
        let options =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).clone();
        options.open(&path).and_then(|mut file| file.write_all(&secret)).map_err(failed)?;
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_directory_serves_one_server_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = Data::open(dir.path()).unwrap();
        assert!(matches!(Data::open(dir.path()), Err(Trouble::DataTaken(_))));
        let secrets = (first.demo_secret().unwrap(), first.ticket_secret().unwrap());
        assert_ne!(secrets.0, secrets.1);
        drop(first);
        let second = Data::open(dir.path()).unwrap();
        assert_eq!((second.demo_secret().unwrap(), second.ticket_secret().unwrap()), secrets);
    }

    #[test]
    fn secrets_are_for_their_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let data = Data::open(dir.path()).unwrap();
        data.demo_secret().unwrap();
        data.ticket_secret().unwrap();
        for name in ["demo.secret", "ticket.secret"] {
            let mode = fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_file_in_the_way_is_told_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        fs::write(&path, "not a directory").unwrap();
        let trouble = Data::open(&path).unwrap_err();
        assert!(trouble.to_string().contains(path.to_str().unwrap()), "{trouble}");
        assert!(trouble.advice().unwrap().contains("--data-dir"));
    }
}
