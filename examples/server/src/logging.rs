//! The log: to standard error or to a file, with a filter that can be changed.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::config::{self, LogFormat};
use crate::startup_error::StartupError;

/// The log of this process.
pub(crate) struct Logging {
    set_filter: Box<dyn Fn(EnvFilter) -> bool + Send>,
    file: Option<LogFile>,
}

/// A log file, opened for appending. Clones share the file.
#[derive(Clone)]
struct LogFile {
    path: PathBuf,
    file: Arc<Mutex<File>>,
}

impl Logging {
    /// Starts logging as configured.
    pub(crate) fn start(config: &config::Logging) -> Result<Self, StartupError> {
        let file = match &*config.log_file {
            "" => None,
            path => Some(LogFile::open(Path::new(path))?),
        };
        let writer = match file.clone() {
            Some(file) => BoxMakeWriter::new(move || file.clone()),
            None => BoxMakeWriter::new(io::stderr),
        };
        let builder = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(&config.log))
            .with_writer(writer)
            .with_ansi(file.is_none() && io::stderr().is_terminal())
            // Reporting internal errors would panic once standard error is closed.
            .log_internal_errors(false);
        let set_filter: Box<dyn Fn(EnvFilter) -> bool + Send> = match config.log_format {
            LogFormat::Text => {
                let builder = builder.with_filter_reloading();
                let handle = builder.reload_handle();
                builder.init();
                Box::new(move |filter| handle.reload(filter).is_ok())
            }
            LogFormat::Json => {
                let builder = builder.json().with_filter_reloading();
                let handle = builder.reload_handle();
                builder.init();
                Box::new(move |filter| handle.reload(filter).is_ok())
            }
        };
        Ok(Self { set_filter, file })
    }

    /// Replaces the filter with one already validated.
    pub(crate) fn filter(&self, filter: &str) -> bool {
        (self.set_filter)(EnvFilter::new(filter))
    }

    /// Reopens the file after log rotation.
    pub(crate) fn reopen(&self) -> io::Result<()> {
        if let Some(log) = &self.file {
            *log.file.lock() = append(&log.path)?;
        }
        Ok(())
    }
}

impl LogFile {
    fn open(path: &Path) -> Result<Self, StartupError> {
        let file =
            append(path).map_err(|source| StartupError::Log { path: path.into(), source })?;
        Ok(Self { path: path.into(), file: Arc::new(Mutex::new(file)) })
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.lock().flush()
    }
}
