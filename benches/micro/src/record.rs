//! Recorded instruction counts, in a file of the repository, and their comparison with new ones.
//!
//! ```text
//! # Anything after this sign is for readers.
//! made with: rustc 1.95.0, glibc 2.36, x86_64
//!
//! codec/dtalk-read        21.0
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;

use crate::callgrind::Count;

/// The parsed file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// Versions of compiler and C library: counts of others are not comparable.
    pub made_with: String,
    /// Instructions per operation.
    pub counts: BTreeMap<String, f64>,
}

/// Reason for an invalid record.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {0} is neither a name with a number nor `made with`")]
pub struct RecordError(pub usize);

/// A count compared with the record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// Unchanged, within the tolerance.
    None,
    /// Above the record by more than the tolerance.
    Grew,
    /// Below the record by more than the tolerance.
    Shrank,
    /// Not in the record.
    New,
}

const HEADING: &str = "\
# How many instructions the operations of `comet-micro list` take, one each to a line.
# Written by `scripts/instructions --update`, and compared by `scripts/test`: a change that makes
# one grow says so here.
";

/// Relative changes up to this are not written on an update.
const MUCH: f64 = 0.01;

impl Record {
    /// A record of these counts, made with the current tools.
    #[must_use]
    pub fn of(counts: &[Count]) -> Self {
        let counts = counts.iter().map(|count| (count.name.clone(), count.instructions)).collect();
        Self { made_with: tools(), counts }
    }

    /// Parses the file.
    ///
    /// # Errors
    ///
    /// [`RecordError`] for an invalid line.
    pub fn parse(text: &str) -> Result<Self, RecordError> {
        let mut record = Self::default();
        for (line, number) in text.lines().zip(1..) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if let Some(tools) = line.strip_prefix("made with:") {
                record.made_with = tools.trim().to_owned();
            } else if let Some((name, count)) = line.split_once(char::is_whitespace) {
                let count = count.trim().parse().map_err(|_| RecordError(number))?;
                record.counts.insert(name.to_owned(), count);
            } else if !line.is_empty() {
                return Err(RecordError(number));
            }
        }
        Ok(record)
    }

    /// The updated record: counts with small changes are kept, so that the file changes only where
    /// the code did. Counts not measured now are kept if `is_partial`.
    #[must_use]
    pub fn updated(&self, counts: &[Count], is_partial: bool) -> Self {
        let mut new = Self::of(counts);
        if self.made_with != new.made_with {
            return new;
        }
        for count in counts.iter().filter(|count| self.judge(count, MUCH) == Change::None) {
            new.counts.extend(self.counts.get_key_value(&count.name).map(owned));
        }
        if is_partial {
            let old = self.counts.iter().filter(|(name, _)| !new.counts.contains_key(*name));
            let old: Vec<_> = old.map(owned).collect();
            new.counts.extend(old);
        }
        new
    }

    /// Whether the record was made with the current tools.
    #[must_use]
    pub fn is_comparable(&self) -> bool {
        self.made_with == tools()
    }

    /// Compares a count with this record; `share` is the relative tolerance.
    #[must_use]
    pub fn judge(&self, count: &Count, share: f64) -> Change {
        match self.counts.get(&count.name) {
            None => Change::New,
            Some(before) if count.instructions > before * (1.0 + share) => Change::Grew,
            Some(before) if count.instructions < before * (1.0 - share) => Change::Shrank,
            Some(_) => Change::None,
        }
    }

    /// The text of the file, with benchmarks in the order of `names`.
    pub fn to_text<'a>(&self, names: impl Iterator<Item = &'a str>) -> String {
        let mut text = format!("{HEADING}made with: {}\n", self.made_with);
        let mut subject = "";
        for name in names {
            let Some(count) = self.counts.get(name) else { continue };
            let its = name.split('/').next().unwrap_or_default();
            if its != subject {
                subject = its;
                text.push('\n');
            }
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:<40} {count:>10.1}");
        }
        text
    }
}

fn owned((name, count): (&String, &f64)) -> (String, f64) {
    (name.clone(), *count)
}

/// The tools that counts depend on.
fn tools() -> String {
    let libc = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let libc = libc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let libc = libc.unwrap_or_default();
    format!("rustc {}, {libc}, {}", env!("RUSTC_VERSION"), std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(name: &str, instructions: f64) -> Count {
        Count { name: name.to_owned(), instructions }
    }

    #[test]
    fn a_record_reads_as_it_was_written() {
        let record = Record::of(&[count("a/b", 12.5), count("a/c", 7.0), count("b/a", 1e6)]);
        let text = record.to_text(["a/c", "a/b", "b/a"].into_iter());
        assert!(text.contains("a/c                                             7.0\n"), "{text}");
        assert_eq!(Record::parse(&text), Ok(record));
    }

    #[test]
    fn what_is_no_count_is_refused_with_its_line() {
        assert_eq!(Record::parse("# fine\na/b 7\na/c seven\n"), Err(RecordError(3)));
        assert_eq!(Record::parse("a/b\n"), Err(RecordError(1)));
    }

    #[test]
    fn changes_within_the_share_are_none() {
        let record = Record::of(&[count("a", 100.0)]);
        let judge = |now: f64| record.judge(&count("a", now), 0.03);
        assert_eq!([judge(103.0), judge(97.0)], [Change::None; 2]);
        assert_eq!((judge(103.1), judge(96.9)), (Change::Grew, Change::Shrank));
        assert_eq!(record.judge(&count("b", 1.0), 0.03), Change::New);
    }

    #[test]
    fn an_update_leaves_alone_what_has_hardly_changed() {
        let before = Record::of(&[count("a", 100.0), count("b", 100.0), count("gone", 1.0)]);
        let now = [count("a", 100.9), count("b", 98.0), count("new", 7.0)];
        let all = Record::of(&[count("a", 100.0), count("b", 98.0), count("new", 7.0)]);
        assert_eq!(before.updated(&now, false), all);
        let mut part = all;
        part.counts.insert("gone".to_owned(), 1.0);
        assert_eq!(before.updated(&now, true), part);
        let foreign = Record { made_with: "rustc 1.0.0".to_owned(), ..before };
        assert_eq!(foreign.updated(&now, true), Record::of(&now));
    }

    #[test]
    fn counts_of_another_compiler_are_not_compared() {
        let record = Record::of(&[]);
        assert!(record.is_comparable());
        let other = Record { made_with: "rustc 1.0.0".to_owned(), ..record };
        assert!(!other.is_comparable());
    }
}
