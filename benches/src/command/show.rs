//! The `show` command: a kept report, or the kept results of a suite.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::output::Output;
use super::{fail, print_line};
use crate::page::{images, page_of};
use crate::report::{FileError, Report};
use crate::suite::{Results, write_all};

/// File and formats.
#[derive(Args, Clone, Debug)]
pub(super) struct Show {
    /// A report that was written with --json, or the suite.json of a suite
    file: PathBuf,
    /// Write it as a page for a browser
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Folder for images for a document
    #[arg(long, value_name = "FOLDER")]
    svg: Option<PathBuf>,
}

/// Content of a kept file.
enum SavedFile {
    Report(Box<Report>),
    Suite(Box<Results>),
}

impl Show {
    /// 1: a promise or a limit was not kept.
    pub(super) fn run(&self) -> ExitCode {
        let kept = match self.read() {
            Ok(kept) => kept,
            Err(why) => return fail(&why),
        };
        let (page, images) = match &kept {
            SavedFile::Report(report) => (page_of(report), images(report)),
            SavedFile::Suite(results) => (results.page(), results.drawings()),
        };
        if let Some(path) = &self.html
            && let Err(error) = fs::write(path, page.html())
        {
            return fail(&format_args!("cannot write {}: {error}", path.display()));
        }
        if let Some(Err(error)) = self.svg.as_deref().map(|folder| write_all(folder, &images)) {
            return fail(&error);
        }
        match kept {
            SavedFile::Report(report) => Output::default().finish(Ok::<_, String>(*report)),
            SavedFile::Suite(results) => {
                print_line(results.text());
                if results.passed() { ExitCode::SUCCESS } else { ExitCode::from(1) }
            }
        }
    }

    /// Only suites have cells.
    fn read(&self) -> Result<SavedFile, FileError> {
        let path = || self.file.clone();
        let text = fs::read_to_string(&self.file);
        let text = text.map_err(|error| FileError::Io { path: path(), error })?;
        let value = serde_json::from_str::<serde_json::Value>(&text);
        let kept = value.and_then(|value| match value.get("cells") {
            Some(_) => Ok(SavedFile::Suite(serde_json::from_value(value)?)),
            None => Ok(SavedFile::Report(serde_json::from_value(value)?)),
        });
        kept.map_err(|error| FileError::Format { path: path(), error })
    }
}
