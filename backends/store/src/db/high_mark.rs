//! The mark: a file beside the database that says how far it went.
//!
//! SQLite does not miss a write-ahead log that somebody deleted, nor the end of one that was
//! damaged: it opens what is left. So each commit is followed by one write of the greatest id to
//! this file, of 16 bytes and without a sync, which takes a few microseconds for a whole batch. It
//! follows a commit that is durable, so it may lag behind the database after a crash or a power
//! cut, and is never ahead of it: if it is ahead at a start, messages are missing.
//!
//! Commits that give out no id, which are those of acks that nobody is told of, leave it as it is.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Makes a check of the mark out of it, so that half a mark is none.
const CHECK: i64 = 0x436f_6d65_744d_6b31;

/// The mark of an open database.
#[derive(Debug)]
pub(crate) struct HighMark {
    file: File,
    written: i64,
    failing: bool,
}

impl HighMark {
    /// Opens the mark of the database at this path, and makes one if there is none. What it says
    /// is 0 if it is new or cannot be understood.
    pub(crate) fn open(database: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(database.with_extension("mark"))?;
        let mut bytes = Vec::new();
        (&mut file).take(17).read_to_end(&mut bytes)?;
        Ok(Self { file, written: decode(&bytes).unwrap_or(0), failing: false })
    }

    /// The greatest id that was durable once.
    pub(crate) fn get(&self) -> i64 {
        self.written
    }

    /// Ids up to this one are durable. A disk that does not take the mark only makes it lag.
    pub(crate) fn advance(&mut self, id: i64) {
        if id > self.written {
            self.write(id);
        }
    }

    /// What is missing is given up: the mark goes back.
    pub(crate) fn reset(&mut self, id: i64) {
        self.write(id);
    }

    fn write(&mut self, id: i64) {
        match self.file.write_all_at(&encode(id), 0) {
            Ok(()) => (self.written, self.failing) = (id, false),
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(%error, "the mark of the database cannot be written");
                }
            }
        }
    }
}

fn encode(id: i64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&id.to_le_bytes());
    bytes[8..].copy_from_slice(&(id ^ CHECK).to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<i64> {
    let (id, check) = bytes.split_at_checked(8)?;
    let id = i64::from_le_bytes(id.try_into().ok()?);
    let check = i64::from_le_bytes(check.try_into().ok()?);
    (id ^ CHECK == check && id >= 0).then_some(id)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_mark_is_there_after_a_restart_and_never_goes_back_by_itself() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("messages.db");
        let mut mark = HighMark::open(&path).unwrap();
        assert_eq!(mark.get(), 0);
        mark.advance(70_000);
        mark.advance(5);
        assert_eq!(HighMark::open(&path).unwrap().get(), 70_000);
        mark.reset(5);
        assert_eq!(HighMark::open(&path).unwrap().get(), 5);
    }

    #[test]
    fn half_a_mark_and_a_foreign_file_are_no_mark() {
        let whole = encode(123_456_789);
        assert_eq!(decode(&whole), Some(123_456_789));
        for length in 0..16 {
            assert_eq!(decode(&whole[..length]), None);
        }
        for byte in 0..16 {
            let mut damaged = whole;
            damaged[byte] ^= 1;
            assert_eq!(decode(&damaged), None, "{byte}");
        }
        assert_eq!(decode(&[0; 16]), None);
        assert_eq!(decode(&[whole, whole].concat()), None);
    }
}
