//! The data directory: created on demand, locked against a second server.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use comet_identity::registry::RegistryError;
use comet_sql::MigrateError;

/// The database of messages, the system of record.
pub(crate) const MESSAGES: &str = "messages.db";
/// The database of devices and demo names.
pub(crate) const ACCOUNTS: &str = "accounts.db";
/// The secret from which the keys of demo names are derived.
const DEMO_SECRET: &str = "demo.secret";
/// The secret that seals resume tickets.
const TICKET_SECRET: &str = "ticket.secret";
/// All secrets.
pub(crate) const SECRETS: [&str; 2] = [DEMO_SECRET, TICKET_SECRET];
/// The development certificate, and its key.
const CERTIFICATE: [&str; 2] = ["development.cert.pem", "development.key.pem"];
/// The account with an ACME authority.
const ACME_ACCOUNT: &str = "acme.account.json";
/// Suffixes of the files that SQLite keeps beside a database.
pub(crate) const SIDE_FILES: [&str; 2] = ["-wal", "-shm"];
/// The high-water mark of the messages.
pub(crate) const MARK: &str = "messages.mark";
/// The marker of a restore in progress.
pub(crate) const RESTORING: &str = "restoring";

/// Advice about a database that cannot be used.
pub(crate) const DATABASE_ADVICE: &str = "If the file was damaged or made by something else, move \
                                          it away or choose another directory: --data-dir.";

/// A failure to use the data directory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataError {
    #[error("cannot use the data directory {}: {source}", path.display())]
    Directory { path: PathBuf, source: io::Error },
    #[error("the data directory {} is used by another server", .0.display())]
    Taken(PathBuf),
    #[error("a restore into the data directory {} did not finish", .0.display())]
    Restoring(PathBuf),
    #[error("the secret in {} is damaged: it has {length} bytes instead of 32", path.display())]
    Secret { path: PathBuf, length: usize },
    #[error("cannot use the database of devices: {0}")]
    Devices(#[from] RegistryError),
    #[error("cannot use the database of names: {0}")]
    Names(#[from] MigrateError),
}

/// The directory, locked by this server.
#[derive(Debug)]
pub(crate) struct Data {
    path: PathBuf,
    /// Locked until dropped; the lock is also released on SIGKILL.
    _lock: File,
}

impl DataError {
    /// Advice for the person who started the server.
    pub(crate) fn advice(&self) -> String {
        match self {
            Self::Directory { path, .. } => format!(
                "Make {} a directory that this user may write to, or choose another: --data-dir.",
                path.display()
            ),
            Self::Taken(_) => "Stop that server, or choose another directory: --data-dir.".into(),
            Self::Restoring(_) => "Run the restore again.".into(),
            Self::Secret { .. } => {
                "Put the file from a backup there. Without one, remove it and a \
                                    new one is made: with another demo.secret all names of the \
                                    demo are other users, with another ticket.secret sessions \
                                    cannot be resumed once."
                    .into()
            }
            Self::Devices(_) | Self::Names(_) => DATABASE_ADVICE.into(),
        }
    }
}

impl Data {
    /// Creates the directory if it does not exist, and locks it. Whether it is for the databases
    /// too, or only for secrets.
    pub(crate) fn open(path: &Path, has_databases: bool) -> Result<Self, DataError> {
        let data = Self::lock(path)?;
        data.restrict_permissions(has_databases).map_err(|source| data.failed(source))?;
        if path.join(RESTORING).exists() {
            return Err(DataError::Restoring(path.to_owned()));
        }
        Ok(data)
    }

    /// Like [`open`](Self::open) with databases, also for a directory with an unfinished restore.
    pub(crate) fn take(path: &Path) -> Result<Self, DataError> {
        let data = Self::lock(path)?;
        data.restrict_permissions(true).map_err(|source| data.failed(source))?;
        Ok(data)
    }

    fn lock(path: &Path) -> Result<Self, DataError> {
        let failed = |source| DataError::Directory { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let file = path.join("lock");
        let mut options = OpenOptions::new();
        let lock = options.write(true).create(true).truncate(false).mode(0o600).open(file);
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DataError::Taken(path.to_owned())),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    fn failed(&self, source: io::Error) -> DataError {
        DataError::Directory { path: self.path.clone(), source }
    }

    /// Removes all permissions of group and others: the databases hold private messages. SQLite
    /// gives the files beside a database the permissions of the database.
    fn restrict_permissions(&self, has_databases: bool) -> io::Result<()> {
        let databases = [MESSAGES, ACCOUNTS];
        // A directory without our databases may be shared, such as the one for temporary files.
        let is_ours = databases.iter().any(|name| self.path.join(name).exists());
        if is_ours {
            tighten(&self.path, 0o700)?;
        }
        for name in databases.iter().filter(|_| has_databases) {
            let mut options = OpenOptions::new();
            options.append(true).create(true).mode(0o600).open(self.path.join(name))?;
        }
        let beside = databases.iter().flat_map(|name| SIDE_FILES.map(|end| format!("{name}{end}")));
        let others = SECRETS.into_iter().chain(databases).chain(CERTIFICATE).chain([MARK, "lock"]);
        for name in beside.chain(others.map(str::to_owned)) {
            tighten(&self.path.join(name), 0o600)?;
        }
        Ok(())
    }

    /// The path of the database of messages, the system of record.
    pub(crate) fn messages(&self) -> PathBuf {
        self.path.join(MESSAGES)
    }

    /// The path of the database of devices and demo names.
    pub(crate) fn accounts(&self) -> PathBuf {
        self.path.join(ACCOUNTS)
    }

    /// The secret from which the keys of demo names are derived. It allows signing in under any
    /// name.
    pub(crate) fn demo_secret(&self) -> Result<[u8; 32], DataError> {
        self.secret(DEMO_SECRET)
    }

    /// The secret that seals resume tickets. It allows forging tickets.
    pub(crate) fn ticket_secret(&self) -> Result<[u8; 32], DataError> {
        self.secret(TICKET_SECRET)
    }

    /// Where the development certificate and its key are.
    pub(crate) fn certificate(&self) -> [PathBuf; 2] {
        CERTIFICATE.map(|name| self.path.join(name))
    }

    /// Where the account with an ACME authority is kept, its key included.
    pub(crate) fn acme_account(&self) -> PathBuf {
        self.path.join(ACME_ACCOUNT)
    }

    /// Where the certificate for a name from an ACME authority is kept, and its key.
    pub(crate) fn acme_certificate(&self, name: &str) -> PathBuf {
        self.path.join(format!("acme.{name}.pem"))
    }

    /// A secret of this directory, generated on first use, readable by its owner only. A damaged
    /// one is refused: a replacement would turn every name into another user.
    fn secret(&self, name: &str) -> Result<[u8; 32], DataError> {
        let path = self.path.join(name);
        let failed = |source| DataError::Directory { path: path.clone(), source };
        match fs::read(&path) {
            Ok(bytes) => <[u8; 32]>::try_from(bytes)
                .map_err(|bytes| DataError::Secret { path, length: bytes.len() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secret: [u8; 32] = rand::random();
                write_atomically(&path, &secret).map_err(failed)?;
                Ok(secret)
            }
            Err(error) => Err(failed(error)),
        }
    }
}

/// Writes a file atomically: complete or absent, also after a power cut.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let half = path.with_extension("half");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&half)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&half, path)?;
    path.parent().map_or(Ok(()), sync_directory)
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path)?.sync_all()
}

/// Removes the permissions of group and others from an existing file or directory.
fn tighten(path: &Path, mode: u32) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.permissions().mode() & 0o077 != 0 => {
            fs::set_permissions(path, Permissions::from_mode(mode))
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_serves_one_server_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = Data::open(dir.path(), true).unwrap();
        assert!(matches!(Data::open(dir.path(), true), Err(DataError::Taken(_))));
        let secrets = (first.demo_secret().unwrap(), first.ticket_secret().unwrap());
        assert_ne!(secrets.0, secrets.1);
        drop(first);
        let second = Data::open(dir.path(), true).unwrap();
        assert_eq!((second.demo_secret().unwrap(), second.ticket_secret().unwrap()), secrets);
    }

    #[test]
    fn a_damaged_secret_is_refused_and_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let data = Data::open(dir.path(), true).unwrap();
        for (name, length) in [("demo.secret", 31), ("ticket.secret", 0)] {
            let path = dir.path().join(name);
            fs::write(&path, vec![1; length]).unwrap();
            let error = match name {
                "demo.secret" => data.demo_secret().unwrap_err(),
                _ => data.ticket_secret().unwrap_err(),
            };
            let said = error.to_string();
            assert!(said.contains(name) && said.contains(&format!("{length} bytes")), "{said}");
            assert!(error.advice().contains("backup"));
            assert_eq!(fs::read(&path).unwrap().len(), length);
        }
    }

    #[test]
    fn a_file_in_the_way_is_told_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        fs::write(&path, "not a directory").unwrap();
        let error = Data::open(&path, true).unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert!(error.advice().contains("--data-dir"));
    }
}
