//! Command-line arguments.

use std::path::PathBuf;

use comet_micro::benchmarks::{self, Benchmark};
use comet_micro::footprint::Population;
use comet_micro::world::PeerDialect;
use lexopt::prelude::*;

pub(crate) const HELP: &str = "\
What the gateway's hot paths cost, without a kernel

  comet-micro list
      Names the benchmarks
  comet-micro count [--record FILE] [--share 0.03] [--update] [NAME...]
      Counts instructions under valgrind, those whose name begins so or all, and compares them
      with the record; fails when one grew by more than the share
  comet-micro run NAME
      Does what `count` counts, and says how many operations that were
  comet-micro fanout
      CPU time of a publish for each member
  comet-micro deflate
      Bytes saved and CPU time paid for each delivery by compression, at some levels
  comet-micro sessions [--count N] [--dialect raw|goim|dtalk|comet] [--rooms N] [--members N]
      Opens sessions, each in so many rooms of so many members, and says what memory they take
";

/// A command.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    List,
    Run(Benchmark),
    Count { record: PathBuf, update: bool, share: f64, names: Vec<String> },
    Fanout,
    Deflate,
    Sessions(Population),
}

/// A fault in the command line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ArgumentError {
    #[error("{0}")]
    Form(#[from] lexopt::Error),
    #[error("no command of this name: {0}")]
    NoCommand(String),
    #[error("no benchmark of this name: {0}")]
    NoBenchmark(String),
    #[error("no dialect of this name: {0}")]
    NoDialect(String),
}

pub(crate) fn parse() -> Result<Command, ArgumentError> {
    let mut parser = lexopt::Parser::from_env();
    match parser.next()? {
        None | Some(Short('h') | Long("help")) => Ok(Command::Help),
        Some(Value(command)) => match command.string()?.as_str() {
            "list" => Ok(Command::List),
            "run" => {
                let name = parser.value()?.string()?;
                benchmarks::find(&name).map(Command::Run).ok_or(ArgumentError::NoBenchmark(name))
            }
            "count" => count(parser),
            "fanout" => Ok(Command::Fanout),
            "deflate" => Ok(Command::Deflate),
            "sessions" => sessions(parser),
            other => Err(ArgumentError::NoCommand(other.to_owned())),
        },
        Some(other) => Err(other.unexpected().into()),
    }
}

fn count(mut parser: lexopt::Parser) -> Result<Command, ArgumentError> {
    let mut record = PathBuf::from("benches/micro/instructions.txt");
    let (mut update, mut share, mut names) = (false, 0.03, Vec::new());
    while let Some(argument) = parser.next()? {
        match argument {
            Long("record") => record = parser.value()?.into(),
            Long("share") => share = parser.value()?.parse()?,
            Long("update") => update = true,
            Value(name) => names.push(name.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Count { record, update, share, names })
}

fn sessions(mut parser: lexopt::Parser) -> Result<Command, ArgumentError> {
    let mut population =
        Population { sessions: 1_000_000, dialect: PeerDialect::Dtalk, rooms: 3, members: 100 };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("count") => population.sessions = parser.value()?.parse()?,
            Long("rooms") => population.rooms = parser.value()?.parse()?,
            Long("members") => population.members = parser.value()?.parse()?,
            Long("dialect") => population.dialect = dialect(parser.value()?.string()?)?,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Sessions(population))
}

fn dialect(name: String) -> Result<PeerDialect, ArgumentError> {
    match name.as_str() {
        "raw" => Ok(PeerDialect::Raw),
        "goim" => Ok(PeerDialect::Goim),
        "dtalk" => Ok(PeerDialect::Dtalk),
        "comet" => Ok(PeerDialect::Comet),
        _ => Err(ArgumentError::NoDialect(name)),
    }
}
