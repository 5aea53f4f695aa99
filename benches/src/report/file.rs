//! A report as JSON.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::Report;

/// The version of the format. A reader takes its own and older ones; additions that change nothing
/// else do not count.
pub const VERSION: u32 = 1;

/// Errors of reading or writing a report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file cannot be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The file is no report, or its format is newer than this program.
    #[error("{}: {error}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The parser's error.
        error: serde_json::Error,
    },
}

impl Report {
    /// The report for programs; `null` only if memory is short.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The report as a file has it: one field a line, in the order of the type.
    #[must_use]
    pub fn pretty(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Reads a report.
    ///
    /// # Errors
    ///
    /// [`FileError`] when there is none.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let text = fs::read_to_string(path)
            .map_err(|error| FileError::Io { path: path.to_owned(), error })?;
        serde_json::from_str(&text)
            .map_err(|error| FileError::Format { path: path.to_owned(), error })
    }

    /// Writes the report as JSON.
    ///
    /// # Errors
    ///
    /// [`FileError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        fs::write(path, self.pretty() + "\n")
            .map_err(|error| FileError::Io { path: path.to_owned(), error })
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, to)
    }
}

impl<'de> Deserialize<'de> for Report {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let report = Self::deserialize(from)?;
        if report.version > VERSION {
            let what = format!("format {}, and this program knows {VERSION}", report.version);
            return Err(D::Error::custom(what));
        }
        Ok(report)
    }
}
