//! Failures to start the server, with advice for the operator.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::backup::CopyError;
use crate::settings::Fault;

/// A failure to start the server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartupError {
    #[error("bad configuration: {0}")]
    Config(#[from] Fault),
    #[error("cannot open the log file {}: {source}", path.display())]
    Log { path: PathBuf, source: io::Error },
    #[error("cannot start the runtime: {0}")]
    Runtime(io::Error),
    #[error("cannot use the data directory {}: {source}", path.display())]
    Data { path: PathBuf, source: io::Error },
    #[error("the data directory {} is used by another server", .0.display())]
    DataTaken(PathBuf),
    #[error("a restore into the data directory {} did not finish", .0.display())]
    Restoring(PathBuf),
    #[error("the secret in {} is damaged: it has {length} bytes instead of 32", path.display())]
    Secret { path: PathBuf, length: usize },
    #[error("cannot use the database of messages: {0}")]
    Store(#[from] comet_store::OpenError),
    #[error("cannot use the database {}: {source}", path.display())]
    Database { path: PathBuf, source: sqlx::Error },
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error("cannot start the gateway: {0}")]
    Gateway(comet::StartError),
}

impl From<comet::StartError> for StartupError {
    fn from(error: comet::StartError) -> Self {
        match error {
            comet::StartError::Listen { address, source } => Self::Listen { address, source },
            other => Self::Gateway(other),
        }
    }
}

impl StartupError {
    /// Advice for the person who started the server.
    pub(crate) fn advice(&self) -> Option<String> {
        match self {
            Self::Config(_) => {
                Some("--print-config shows every setting with its default.".to_owned())
            }
            Self::Listen { address, source } if source.kind() == io::ErrorKind::AddrInUse => {
                Some(format!(
                    "Another program, perhaps another server, listens there. Stop it, or choose \
                     another port: --tcp, --ws, --http or --admin, instead of {address}."
                ))
            }
            Self::Listen { address, source }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                Some(format!("Port {} needs more rights; choose one above 1023.", address.port()))
            }
            Self::Data { path, .. } => Some(format!(
                "Make {} a directory that this user may write to, or choose another: --data-dir.",
                path.display()
            )),
            Self::DataTaken(_) => {
                Some("Stop that server, or choose another directory: --data-dir.".to_owned())
            }
            Self::Copy(CopyError::NotEmpty(_)) => {
                Some("Choose a directory that is not there yet.".to_owned())
            }
            Self::Copy(CopyError::DataThere(_)) => {
                Some("Move them away, or replace them: --force.".to_owned())
            }
            Self::Copy(_) => None,
            Self::Restoring(_) => Some("Run the restore again.".to_owned()),
            Self::Secret { .. } => Some(
                "Put the file from a backup there. Without one, remove it and a new one is made: \
                 with another demo.secret all names of the demo are other users, with another \
                 ticket.secret sessions cannot be resumed once."
                    .to_owned(),
            ),
            Self::Store(comet_store::OpenError::Lost { .. }) => Some(
                "Put messages.db-wal back, or restore a backup. --accept-loss starts without the \
                 messages, and they stay lost."
                    .to_owned(),
            ),
            Self::Store(_) | Self::Database { .. } => Some(
                "If the file was damaged or made by something else, move it away or choose \
                 another directory: --data-dir."
                    .to_owned(),
            ),
            Self::Log { .. } | Self::Runtime(_) | Self::Listen { .. } | Self::Gateway(_) => None,
        }
    }
}
