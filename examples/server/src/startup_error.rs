//! Failures to start the server or to go on, with advice for the operator.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use comet_sql::LeaseError;

use crate::backup::CopyError;
use crate::certificates::CertificatesError;
use crate::data::{DATABASE_ADVICE, DataError};
use crate::push::PushError;
use crate::settings::Fault;
use crate::tokens::TokensError;

/// A failure to start the server, or to go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartupError {
    #[error("bad configuration: {0}")]
    Config(#[from] Fault),
    #[error("cannot open the log file {}: {source}", path.display())]
    Log { path: PathBuf, source: io::Error },
    #[error("cannot start the runtime: {0}")]
    Runtime(io::Error),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Certificates(#[from] CertificatesError),
    #[error(transparent)]
    Tokens(#[from] TokensError),
    #[error("cannot use the database: {0}")]
    Lease(#[from] LeaseError),
    #[error("the database was taken over by {0}")]
    LeaseLost(String),
    #[error("cannot use the database of messages: {0}")]
    Store(#[from] comet_store::OpenError),
    #[error("cannot use the database of messages for groups: {0}")]
    Groups(#[from] comet_group::OpenError),
    #[error("cannot push: {0}")]
    Push(#[from] PushError),
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error("cannot listen for QUIC: {0}")]
    Quic(comet_quic::BindError),
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

impl From<comet_quic::BindError> for StartupError {
    fn from(error: comet_quic::BindError) -> Self {
        match error {
            comet_quic::BindError::Address { address, source } => Self::Listen { address, source },
            other => Self::Quic(other),
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
                     another port: --tcp, --ws, --tls, --http, --https, --admin or --quic, instead \
                     of {address}."
                ))
            }
            Self::Listen { address, source }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                Some(format!("Port {} needs more rights; choose one above 1023.", address.port()))
            }
            Self::Data(error) => Some(error.advice()),
            Self::Copy(error) => error.advice(),
            Self::Store(comet_store::OpenError::Lost { .. }) => Some(
                "Put messages.db-wal back, or restore a backup. --accept-loss starts without the \
                 messages, and they stay lost."
                    .to_owned(),
            ),
            Self::Lease(LeaseError::Held { .. }) => Some(
                "Stop that server. One that has ended without a word is taken over from within \
                 15 s."
                    .to_owned(),
            ),
            Self::Lease(_) => {
                Some("See that the database runs, and what `database` says.".to_owned())
            }
            Self::LeaseLost(_) => Some(
                "This one did not answer for some time: it was suspended, or cut off from the \
                 database."
                    .to_owned(),
            ),
            Self::Store(_) | Self::Groups(_) => Some(DATABASE_ADVICE.to_owned()),
            Self::Push(error) => error.advice(),
            Self::Log { .. }
            | Self::Runtime(_)
            | Self::Certificates(_)
            | Self::Tokens(_)
            | Self::Listen { .. }
            | Self::Quic(_)
            | Self::Gateway(_) => None,
        }
    }
}
