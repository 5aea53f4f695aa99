//! Failures of changes and of reading.

use comet_dtalk::code::Code;
use comet_dtalk::id::Exhausted;
use comet_sql::{Error, MigrateError};

/// Reason for failing to open the groups of a database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The tables could not be created or brought to the latest version.
    #[error("cannot prepare the tables of groups: {0}")]
    Tables(#[from] MigrateError),
    /// The groups could not be read.
    #[error("cannot read the groups: {0}")]
    Database(#[from] Error),
}

/// Reason why a group was not changed, or not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// A rule forbids it; nothing was changed.
    #[error("{}", .0.text())]
    Refused(Code),
    /// The database failed; after [`Error::Lost`] the change may have been made all the same.
    #[error("the database of groups failed: {0}")]
    Database(#[from] Error),
    /// No id is left for a group or an application.
    #[error(transparent)]
    Ids(#[from] Exhausted),
    /// The system gave no random bytes for the key of a group.
    #[error("no random bytes: {0}")]
    Chance(#[from] getrandom::Error),
    /// The runtime ended before the change did.
    #[error("the server stops")]
    Stopping,
}

impl From<Code> for GroupError {
    fn from(code: Code) -> Self {
        Self::Refused(code)
    }
}
