//! Instructions per operation: each benchmark runs in its own process under valgrind's callgrind,
//! which counts only while the measured part runs.
//!
//! The count is reproducible: the process has no threads, no clock, no randomness, an empty
//! environment, and addresses chosen by valgrind. Between machines it depends on the code that
//! libraries select by processor. The C library is told to select the baseline of every x86-64;
//! other libraries test for AVX2 at most, which every machine of the last ten years has.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::thread;

use crate::benchmarks::Benchmark;

/// Instructions per operation of one benchmark.
#[derive(Clone, Debug, PartialEq)]
pub struct Count {
    /// Name of the benchmark.
    pub name: String,
    /// Instructions, rounded to a tenth.
    pub instructions: f64,
}

/// Reason for a failed count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CountError {
    /// A program or a file is not available.
    #[error("{what}: {error}")]
    Io {
        /// The program or file.
        what: PathBuf,
        /// The underlying error.
        error: io::Error,
    },
    /// The benchmark failed.
    #[error("{name}: {said}")]
    Failed {
        /// Name of the benchmark.
        name: String,
        /// Its standard error output.
        said: String,
    },
    /// A number is missing or invalid.
    #[error("{0}: no number where one is expected")]
    Malformed(String),
}

/// The function whose instructions are collected; see [`meter`](crate::meter).
const COLLECTED: &str = "--toggle-collect=*comet_micro*meter*collected*";

/// Makes the C library select its simplest copy and compare functions.
const SIMPLE: &str = "glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-AVX512F,-AVX512VL,-ERMS,-FSRM,-BMI2,\
    -AVX_Fast_Unaligned_Load,-Prefer_ERMS,-RTM";

/// Counts benchmarks, `jobs` at a time. `program` is this program, `folder` receives valgrind's
/// output.
///
/// # Errors
///
/// The first [`CountError`] of any benchmark.
pub fn count(
    program: &Path,
    folder: &Path,
    benchmarks: &[Benchmark],
    jobs: usize,
) -> Result<Vec<Count>, CountError> {
    let left = Mutex::new(benchmarks.iter());
    let next = || left.lock().ok()?.next();
    let work = || {
        let counted = std::iter::from_fn(next);
        counted.map(|benchmark| count_one(program, folder, benchmark.name)).collect::<Vec<_>>()
    };
    let counts: Result<Vec<Count>, CountError> = thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    let mut counts = counts?;
    let place = |count: &Count| benchmarks.iter().position(|it| it.name == count.name);
    counts.sort_by_key(place);
    Ok(counts)
}

fn count_one(program: &Path, folder: &Path, name: &str) -> Result<Count, CountError> {
    let file = folder.join(format!("{}.callgrind", name.replace('/', "-")));
    let output = Command::new("valgrind")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GLIBC_TUNABLES", SIMPLE)
        .args(["--tool=callgrind", COLLECTED, "--quiet"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(program)
        .args(["run", name])
        .output()
        .map_err(|error| CountError::Io { what: "valgrind".into(), error })?;
    let operations = operations(name, &output)?;
    let text = std::fs::read_to_string(&file)
        .map_err(|error| CountError::Io { what: file.clone(), error })?;
    let total = total(&text).ok_or_else(|| CountError::Malformed(file.display().to_string()))?;
    let instructions = (total / operations * 10.0).round() / 10.0;
    Ok(Count { name: name.to_owned(), instructions })
}

fn operations(name: &str, output: &Output) -> Result<f64, CountError> {
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(CountError::Failed { name: name.to_owned(), said });
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let number = said.trim().parse().ok().filter(|number| *number > 0.0);
    number.ok_or_else(|| CountError::Malformed(format!("{name} says {said:?}")))
}

/// Instructions of the whole run, from callgrind's output.
fn total(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("summary: "));
    line?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_that_of_the_summary() {
        let text = "version: 1\nevents: Ir\nsummary: 12345\n\nfn=(1) main\n1 99\ntotals: 12345\n";
        assert_eq!(total(text), Some(12_345.0));
        assert_eq!(total("events: Ir\n"), None);
    }
}
