//! High mark: a file beside the database with the greatest durable id.
//!
//! SQLite does not detect a deleted write-ahead log, nor the lost end of a damaged one: it opens
//! the rest. Therefore each commit is followed by one write of the greatest id to this file, of 16
//! bytes and without a sync, which takes a few microseconds for a whole batch. It follows a durable
//! commit, so it may lag behind the database after a crash or a power failure, and is never ahead
//! of it: a mark ahead of the database at a start means that messages are missing.
//!
//! Commits without a new id, such as those of acks that are not announced, leave it unchanged.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// XORed into the check value of the mark, so that a torn mark is invalid.
const CHECK: i64 = 0x436f_6d65_744d_6b31;

/// High mark of an open database.
#[derive(Debug)]
pub(crate) struct HighMark {
    file: File,
    written: i64,
    failing: bool,
}

impl HighMark {
    /// Opens the mark of the database at this path, and creates one if there is none. Its value is
    /// 0 if it is new or invalid.
    pub(crate) fn open(database: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(database.with_extension("mark"))?;
        let mut bytes = Vec::new();
        (&mut file).take(17).read_to_end(&mut bytes)?;
        Ok(Self { file, written: decode(&bytes).unwrap_or(0), failing: false })
    }

    /// Greatest id that was durable.
    pub(crate) fn get(&self) -> i64 {
        self.written
    }

    /// Sets the mark: ids up to this one are durable. A failed write only makes it lag.
    pub(crate) fn advance(&mut self, id: i64) {
        if id > self.written {
            self.write(id);
        }
    }

    /// Sets the mark back, giving up the missing messages.
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
