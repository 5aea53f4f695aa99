//! A temporary directory for processes that are killed while they write into it.

use std::path::Path;
use std::time::Instant;

use tempfile::TempDir;

use crate::wait::DEADLINE;

/// Deleted when dropped, also if the last dying process adds a file meanwhile.
#[derive(Debug)]
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let end = Instant::now() + DEADLINE;
        while std::fs::remove_dir_all(self.path()).is_err() && Instant::now() < end {
            std::thread::yield_now();
        }
    }
}
