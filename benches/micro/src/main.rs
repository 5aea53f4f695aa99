//! A program that measures the gateway's hot paths: see README.md beside it.

mod arguments;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, thread};

use arguments::{ArgumentError, Command};
use comet::Class;
use comet_micro::benchmarks::{self, Benchmark};
use comet_micro::callgrind::{self, Count, CountError};
use comet_micro::compression;
use comet_micro::fanout;
use comet_micro::footprint::{self, Population};
use comet_micro::meter::Meter;
use comet_micro::record::{Change, Record, RecordError};
use comet_micro::world::PeerDialect;

/// Reason for a failed run.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error("{0}")]
    Arguments(#[from] ArgumentError),
    #[error("{0}")]
    Count(#[from] CountError),
    #[error("{path}: {error}")]
    Record { path: PathBuf, error: RecordError },
    #[error("{path}: {error}")]
    File { path: PathBuf, error: io::Error },
}

fn main() -> ExitCode {
    let done = arguments::parse().map_err(CommandError::from).and_then(run);
    done.unwrap_or_else(|error| {
        #[expect(clippy::print_stderr, reason = "a program talks to its user")]
        {
            eprintln!("comet-micro: {error}");
        }
        ExitCode::from(2)
    })
}

#[expect(clippy::print_stdout, reason = "figures are for whoever asks for them")]
fn run(command: Command) -> Result<ExitCode, CommandError> {
    match command {
        Command::Help => print!("{}", arguments::HELP),
        Command::List => benchmarks::all().for_each(|benchmark| println!("{}", benchmark.name)),
        Command::Run(benchmark) => {
            let mut meter = Meter::default();
            benchmark.run(&mut meter);
            println!("{}", meter.operations());
        }
        Command::Count { record, update, share, names } => {
            return count(&record, update, share, &names);
        }
        Command::Fanout => show_fanout(),
        Command::Deflate => show_compression(),
        Command::Sessions(population) => show_footprint(population),
    }
    Ok(ExitCode::SUCCESS)
}

/// Counts, compares and prints. Fails when a count grew or is not in the record.
fn count(
    path: &Path,
    update: bool,
    share: f64,
    names: &[String],
) -> Result<ExitCode, CommandError> {
    let is_wanted = |it: &Benchmark| {
        names.is_empty() || names.iter().any(|name| it.name.starts_with(name.as_str()))
    };
    let wanted: Vec<Benchmark> = benchmarks::all().filter(is_wanted).collect();
    let file = |error| CommandError::File { path: path.to_owned(), error };
    let program = env::current_exe().map_err(file)?;
    let folder = program.with_extension("counts");
    fs::create_dir_all(&folder).map_err(file)?;
    let jobs = thread::available_parallelism().map_or(1, Into::into);
    let counts = callgrind::count(&program, &folder, &wanted, jobs)?;
    let record = match fs::read_to_string(path) {
        Ok(text) => {
            let bad = |error| CommandError::Record { path: path.to_owned(), error };
            Record::parse(&text).map_err(bad)?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Record::default(),
        Err(error) => return Err(file(error)),
    };
    let has_grown = compare(&record, &counts, share);
    if update {
        let new = record.updated(&counts, !names.is_empty());
        fs::write(path, new.to_text(benchmarks::all().map(|it| it.name))).map_err(file)?;
        return Ok(ExitCode::SUCCESS);
    }
    Ok(if has_grown && record.is_comparable() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Prints all counts and changes. Returns whether a count grew or is not in the record.
#[expect(clippy::print_stdout, reason = "figures are for whoever asks for them")]
fn compare(record: &Record, counts: &[Count], share: f64) -> bool {
    println!("{:<40} {:>10} {:>10}", "instructions for each operation", "record", "now");
    let (mut bad, mut shrank) = (false, false);
    for count in counts {
        let change = record.judge(count, share);
        bad |= matches!(change, Change::Grew | Change::New);
        shrank |= change == Change::Shrank;
        let before = record.counts.get(&count.name);
        let before_text = before.map_or(String::new(), |before| format!("{before:.1}"));
        let percent = before.map_or(0.0, |before| (count.instructions / before - 1.0) * 100.0);
        let note = match change {
            Change::None => String::new(),
            Change::Grew => format!("  GREW {percent:+.1} %"),
            Change::Shrank => format!("  shrank {percent:+.1} %"),
            Change::New => "  not in the record".to_owned(),
        };
        println!("{:<40} {before_text:>10} {:>10.1}{note}", count.name, count.instructions);
    }
    if !record.is_comparable() {
        println!("\nThe record was made with {}: nothing is compared.", record.made_with);
    } else if bad {
        println!("\nWhat grew by more than {:.0} % needs a reason, and", share * 100.0);
        println!("  scripts/instructions --update");
    } else if shrank {
        println!("\nBring the record down, so that it cannot grow back unseen:");
        println!("  scripts/instructions --update");
    }
    bad
}

#[expect(clippy::print_stdout, reason = "figures are for whoever asks for them")]
fn show_fanout() {
    println!(
        "CPU time of a publish for each member, kernel excluded: ns (least, most of nine tenths)"
    );
    let kinds = [
        ("raw", PeerDialect::Raw, Class::BestEffort),
        ("dtalk best effort", PeerDialect::Dtalk, Class::BestEffort),
        ("dtalk acked", PeerDialect::Dtalk, Class::Acked),
        ("comet acked", PeerDialect::Comet, Class::Acked),
    ];
    for (name, dialect, class) in kinds {
        for members in [1_000, 10_000, 18_000] {
            let cost = fanout::measure(dialect, class, members);
            println!(
                "{name:<20} {members:>6} members {:>7.1} ({:.1}, {:.1})",
                cost.median, cost.least, cost.most
            );
        }
    }
}

#[expect(clippy::print_stdout, reason = "figures are for whoever asks for them")]
fn show_compression() {
    println!(
        "A publish to dtalk members over WebSocket, acked, for each delivery, plain and deflated"
    );
    for members in [10, 1_000] {
        for body in [200, 2_048] {
            for level in [1, 3, 6] {
                let figures = compression::measure(body, members, level);
                let ([plain, deflated], [cpu, more]) = (figures.bytes, figures.cpu);
                println!(
                    "{members:>5} members {body:>5} bytes level {level} {plain:>6} {deflated:>6} \
                     bytes {:>8.1} {:>8.1} ns",
                    cpu.median, more.median
                );
            }
        }
    }
}

#[expect(clippy::print_stdout, reason = "figures are for whoever asks for them")]
fn show_footprint(population: Population) {
    let footprint = footprint::measure(population);
    println!("{population:?}");
    println!("{:>8.1} bytes of resident memory for each session, of which", footprint.resident);
    let mut rest = footprint.resident;
    for (name, size) in footprint.parts {
        println!("{size:>8} {name}");
        rest -= f64::from(u32::try_from(size).unwrap_or(u32::MAX));
    }
    println!("{rest:>8.1} names, room tables, lists of rooms, and what allocators keep");
}
