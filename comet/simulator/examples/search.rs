//! Searches seeds for the first violation, for tests of a gateway that has a defect.
//!
//! ```text
//! cargo run -p comet-simulator --example search -- worlds 10000
//! cargo run -p comet-simulator --example search -- letters 500 Letters
//! cargo run -p comet-simulator --example search -- lanes 10000
//! ```
//!
//! The second word is the number of seeds, the third the only rule of interest; without one any
//! violation counts. Prints the first that is found, or nothing.

use std::io::{self, Write};

use comet_simulator::{Run, run, run_lanes, run_letters, search};

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1);
    let (kind, seeds) = (args.next().unwrap_or_default(), args.next().unwrap_or_default());
    let seeds: u64 = seeds.parse().map_err(|_| usage())?;
    let run = match &*kind {
        "worlds" => run,
        "letters" => |seed| run_letters(seed, None),
        "lanes" => run_lanes,
        _ => return Err(usage()),
    };
    let rule = args.next();
    let found = search(seeds, |seed| match run(seed) {
        Ok(run) => first_violation(&run, rule.as_deref()).map(Ok),
        Err(error) => Some(Err(io::Error::other(error))),
    });
    found.map_or(Ok(()), |line| writeln!(io::stdout(), "{}", line?))
}

/// The first violation of a run, of that rule if one is given.
fn first_violation(run: &Run, rule: Option<&str>) -> Option<String> {
    let matches = |name: &str| rule.is_none_or(|rule| rule == name);
    let mut violations = run.violations.iter();
    let violation = violations.find(|violation| matches(&format!("{:?}", violation.rule)))?;
    Some(format!("seed {}: {violation}", run.seed))
}

fn usage() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "usage: search worlds|letters|lanes SEEDS [RULE]")
}
