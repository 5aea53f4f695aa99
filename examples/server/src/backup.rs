//! `backup` and `restore`: copies of all data to and from a separate directory.
//!
//! Backups are made while the server runs: SQLite takes a consistent snapshot of each database,
//! including the contents of its write-ahead log, which a plain copy of the file would miss.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use comet_sql::{Error, Location, snapshot, verify};

use crate::data::{
    self, ACCOUNTS, Data, DataError, MARK, MESSAGES, RESTORING, SECRETS, SIDE_FILES,
};

/// The databases. Messages are copied first: an account without its messages is worth less.
const DATABASES: [&str; 2] = [MESSAGES, ACCOUNTS];
/// Timeout for a locked database.
const BUSY: Duration = Duration::from_secs(30);

/// A failure to copy data.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    #[error("{} is not empty", .0.display())]
    NotEmpty(PathBuf),
    #[error("{} has no {name}", path.display())]
    Nothing { path: PathBuf, name: &'static str },
    #[error("there are data in {} already", .0.display())]
    DataThere(PathBuf),
    #[error("{}: {source}", path.display())]
    Damaged { path: PathBuf, source: Error },
    #[error("cannot copy {}: {source}", path.display())]
    Database { path: PathBuf, source: Error },
    #[error("the data are in {0}, of which only its own tools make copies")]
    OnServer(Location),
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Data(#[from] DataError),
}

impl CopyError {
    /// Advice for the person who started the copy.
    pub(crate) fn advice(&self) -> Option<String> {
        match self {
            Self::NotEmpty(_) => Some("Choose a directory that is not there yet.".to_owned()),
            Self::DataThere(_) => Some("Move them away, or replace them: --force.".to_owned()),
            Self::Data(error) => Some(error.advice()),
            Self::OnServer(_) => Some(
                "Use mariadb-dump --single-transaction, mysqldump or pg_dump, and copy the secrets \
                 of the data directory (*.secret)."
                    .to_owned(),
            ),
            Self::Nothing { .. }
            | Self::Damaged { .. }
            | Self::Database { .. }
            | Self::Write { .. } => None,
        }
    }
}

/// Copies the data of a server, running or not, into a directory that is created or must be empty.
/// The directory appears complete or not at all.
pub(crate) async fn backup(data: &Path, to: &Path) -> Result<(), CopyError> {
    let failed = |source| CopyError::Write { path: to.to_owned(), source };
    if fs::read_dir(to).is_ok_and(|mut files| files.next().is_some()) {
        return Err(CopyError::NotEmpty(to.to_owned()));
    }
    for name in DATABASES {
        has(data, name)?;
    }
    let mut half = to.as_os_str().to_owned();
    half.push(".half");
    let half = PathBuf::from(half);
    match fs::remove_dir_all(&half) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    DirBuilder::new().mode(0o700).create(&half).map_err(failed)?;
    for name in DATABASES {
        let (from, copy) = (data.join(name), half.join(name));
        private(&copy).map_err(failed)?;
        let copied = snapshot(&from, &copy, BUSY).await;
        copied.map_err(|source| CopyError::Database { path: from, source })?;
        File::open(&copy).and_then(|file| file.sync_all()).map_err(failed)?;
    }
    for name in SECRETS {
        match fs::read(data.join(name)) {
            Ok(secret) => data::write_atomically(&half.join(name), &secret).map_err(failed)?,
            // Secrets are created on first use, so a server may have none yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
    }
    data::sync_directory(&half).map_err(failed)?;
    fs::rename(&half, to).map_err(failed)?;
    to.parent().map_or(Ok(()), data::sync_directory).map_err(failed)?;
    Ok(())
}

/// Restores a backup into the data directory of a stopped server. Existing data is replaced only if
/// `force` is set.
pub(crate) async fn restore(from: &Path, data: &Path, force: bool) -> Result<(), CopyError> {
    for name in DATABASES {
        has(from, name)?;
        let path = from.join(name);
        verify(&path).await.map_err(|source| CopyError::Damaged { path, source })?;
    }
    let unfinished = data.join(RESTORING).exists();
    let there = DATABASES.iter().any(|name| has(data, name).is_ok());
    if there && !force && !unfinished {
        return Err(CopyError::DataThere(data.to_owned()));
    }
    let _lock = Data::take(data)?;
    let failed = |source| CopyError::Write { path: data.to_owned(), source };
    // The marker keeps a server from starting on a partial restore.
    data::write_atomically(&data.join(RESTORING), b"").map_err(failed)?;
    replace(from, data).map_err(failed)?;
    fs::remove_file(data.join(RESTORING)).map_err(failed)?;
    data::sync_directory(data).map_err(failed)?;
    Ok(())
}

fn replace(from: &Path, data: &Path) -> io::Result<()> {
    let names = DATABASES.into_iter().chain(SECRETS);
    let names = names.filter(|name| from.join(name).exists()).collect::<Vec<_>>();
    let new = |name: &str| data.join(format!("{name}.new"));
    for name in &names {
        let mut file = private(&new(name))?;
        io::copy(&mut File::open(from.join(name))?, &mut file)?;
        file.sync_all()?;
    }
    // These belong to the replaced databases.
    let beside = DATABASES.iter().flat_map(|name| SIDE_FILES.map(|end| format!("{name}{end}")));
    for name in beside.chain([MARK.to_owned()]) {
        match fs::remove_file(data.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    for name in &names {
        fs::rename(new(name), data.join(name))?;
    }
    data::sync_directory(data)
}

/// A new, empty file that only its owner can access.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Checks that a directory has this file and that it is not empty.
fn has(path: &Path, name: &'static str) -> Result<(), CopyError> {
    match fs::metadata(path.join(name)) {
        Ok(file) if file.len() > 0 => Ok(()),
        _ => Err(CopyError::Nothing { path: path.to_owned(), name }),
    }
}
