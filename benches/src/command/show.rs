//! What was kept, shown again: a run's report, or the results of a suite.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::output::Output;
use super::{fail, say};
use crate::page::{images, page_of};
use crate::report::Report;
use crate::suite::{Results, write_all};

/// Which file, and how.
#[derive(Args, Clone, Debug)]
pub(super) struct Show {
    /// A report that was written with --json, or the suite.json of a suite
    file: PathBuf,
    /// Write it as a page for a browser
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Where images for a document are written
    #[arg(long, value_name = "FOLDER")]
    svg: Option<PathBuf>,
}

/// What a file was.
enum Kept {
    Report(Box<Report>),
    Suite(Box<Results>),
}

impl Show {
    /// 1: a promise or a limit was not kept.
    pub(super) fn run(&self) -> ExitCode {
        let kept = match self.read() {
            Ok(kept) => kept,
            Err(why) => return fail(&format_args!("{}: {why}", self.file.display())),
        };
        let (page, images) = match &kept {
            Kept::Report(report) => (page_of(report), images(report)),
            Kept::Suite(results) => (results.page(), results.drawings()),
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
            Kept::Report(report) => Output::default().finish(Ok::<_, String>(*report)),
            Kept::Suite(results) => {
                say(results.text());
                if results.passed() { ExitCode::SUCCESS } else { ExitCode::from(1) }
            }
        }
    }

    /// Only suites have cells.
    fn read(&self) -> Result<Kept, Box<dyn std::error::Error>> {
        let text = fs::read_to_string(&self.file)?;
        let value: serde_json::Value = serde_json::from_str(&text)?;
        if value.get("cells").is_some() {
            return Ok(Kept::Suite(Box::new(serde_json::from_value(value)?)));
        }
        Ok(Kept::Report(Box::new(serde_json::from_value(value)?)))
    }
}
