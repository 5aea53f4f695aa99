//! The settings of the log, at the top of the file.

use serde::Deserialize;

/// Where the log goes, and what it holds.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub(crate) struct Logging {
    pub(crate) log: String,
    /// The file; empty for standard error.
    pub(crate) log_file: String,
    pub(crate) log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}
