//! Runs the gateway against a hostile network, once per seed, and checks every run.
//!
//! ```text
//! cargo run --release -p comet-examples --bin simulate -- --seeds 100000
//! cargo run --release -p comet-examples --bin simulate -- --seed 4711
//! cargo run --release -p comet-examples --bin simulate -- --letters --seeds 100000
//! cargo run --release -p comet-examples --bin simulate -- --lanes --seeds 100000
//! ```
//!
//! The first runs the given number of seeds on all cores, and prints those that break the delivery
//! contract with their histories; the second replays one seed and prints all events; in the third,
//! the router of every world, not of one in twelve, stores messages and repairs losses; in the
//! fourth, every world, not one in six, has lanes on streams of their own, and datagrams. The last
//! line is `N seeds, V violations`, and the exit code is non-zero if there was a violation.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use clap::Parser;
use comet_simulator::{Mistake, Run};
use indicatif::{ProgressBar, ProgressStyle};

/// Maximum number of violating seeds printed with their histories.
const HISTORIES: u64 = 10;

/// Runs the gateway, its clients and a hostile network from seeds.
#[derive(Parser)]
struct Args {
    /// Number of seeds to run.
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    /// The first seed. Without `--seeds` it is replayed alone, and its history printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Use letters in every world: the router stores messages, and pushes them again when a
    /// delivery is given up.
    #[arg(long)]
    letters: bool,
    /// Have lanes on streams of their own and datagrams in every world.
    #[arg(long, conflicts_with = "letters")]
    lanes: bool,
    /// Give the router of letters a defect: StalePass or Overtaking.
    #[arg(long, value_parser = mistake, requires = "letters")]
    mistake: Option<Mistake>,
    /// Print only the violations, without histories.
    #[arg(long)]
    brief: bool,
}

fn main() -> ExitCode {
    let is_replay = !std::env::args().any(|arg| arg.starts_with("--seeds"));
    let args = Args::parse();
    let outcome = match args.seed {
        Some(seed) if is_replay => replay(&args, seed),
        first => run_all(&args, first.unwrap_or(0)),
    };
    match outcome {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            let _unsaid = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// The router's defect of this name.
fn mistake(name: &str) -> Result<Mistake, &'static str> {
    let named = Mistake::ALL.into_iter().find(|mistake| format!("{mistake:?}") == name);
    named.ok_or("there is no such defect")
}

fn run(args: &Args, seed: u64) -> io::Result<Run> {
    let run = match (args.letters, args.lanes) {
        (true, _) => comet_simulator::run_letters(seed, args.mistake),
        (false, true) => comet_simulator::run_lanes(seed),
        (false, false) => comet_simulator::run(seed),
    };
    run.map_err(io::Error::other)
}

fn replay(args: &Args, seed: u64) -> io::Result<u64> {
    let run = run(args, seed)?;
    let mut out = io::stdout().lock();
    write!(out, "{}", run.history)?;
    print_run(&mut out, &run)?;
    let violations = run.violations.len() as u64;
    writeln!(out, "1 seeds, {violations} violations")?;
    Ok(violations)
}

/// Each core takes the next seed not yet taken.
fn run_all(args: &Args, first: u64) -> io::Result<u64> {
    let bar = progress(args.seeds);
    let (next, bad, violations) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let work = || -> io::Result<()> {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= args.seeds {
                return Ok(());
            }
            let seed = first.wrapping_add(at);
            let run = run(args, seed)?;
            bar.inc(1);
            if run.violations.is_empty() {
                continue;
            }
            violations.fetch_add(run.violations.len() as u64, Ordering::Relaxed);
            let is_whole = bad.fetch_add(1, Ordering::Relaxed) < HISTORIES && !args.brief;
            bar.suspend(|| {
                let mut out = io::stdout().lock();
                if is_whole {
                    write!(out, "\nseed {seed}:\n{}", run.history)?;
                }
                print_run(&mut out, &run)
            })?;
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().unwrap_or_else(|_| Err(io::Error::other("a run panicked")))
        })
    })?;
    bar.finish_and_clear();
    let violations = violations.into_inner();
    writeln!(io::stdout(), "{} seeds, {violations} violations", args.seeds)?;
    Ok(violations)
}

fn print_run(out: &mut impl Write, run: &Run) -> io::Result<()> {
    let seed = run.seed;
    run.violations.iter().try_for_each(|violation| writeln!(out, "seed {seed}: {violation}"))
}

/// Hidden unless standard error is a terminal.
fn progress(seeds: u64) -> ProgressBar {
    let bar = ProgressBar::new(seeds);
    let style = "{bar:40} {pos}/{len} seeds, {per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar
}
