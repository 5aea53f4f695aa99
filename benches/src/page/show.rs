//! The command that shows a report that was kept.

use std::fs;
use std::path::PathBuf;

use clap::Args;

use super::page_of;
use crate::report::{FileError, Report};

/// Which report, and how.
#[derive(Args, Clone, Debug)]
pub struct Show {
    /// A report that was written with --json
    pub file: PathBuf,
    /// Write it as a page for a browser
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Reads the report, and writes the page that is wanted.
///
/// # Errors
///
/// [`FileError`] when a file cannot be read or written.
pub fn show(options: &Show) -> Result<Report, FileError> {
    let report = Report::read(&options.file)?;
    if let Some(path) = &options.html {
        let page = page_of(&report).html();
        fs::write(path, page).map_err(|error| FileError::Io { path: path.clone(), error })?;
    }
    Ok(report)
}
