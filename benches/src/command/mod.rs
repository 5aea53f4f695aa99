//! The command line.
//!
//! Exit codes: 0 when all promises and limits were kept, 1 when not, 2 when there is no result.

mod defaults;
mod output;
mod planned;
mod proxy;
mod show;
mod special;

use std::fmt::Display;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use planned::FromFile;
use proxy::Proxy;
use show::Show;
use special::Special;

use crate::compare::{self, Compare};
use crate::floor;
use crate::host::Interrupt;
use crate::plan::{Kind, Options, bundled};
use crate::scenario::{classes, cuts, roam};
use crate::suite;
use crate::terminal::Progress;

/// The command line.
#[derive(Debug, Parser)]
#[command(about = "Loads a server through real sockets, and checks every delivery")]
pub struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Sessions that do nothing: memory, and the cost of heartbeats
    Idle(Box<Options>),
    /// Sessions that open: handshakes a second, and the cost of one
    Connect(Box<Options>),
    /// Each session sends to itself
    Echo(Box<Options>),
    /// Rooms: every message goes to every member
    Fan(Box<Options>),
    /// Private messages, groups of many sizes, users that leave and return
    Chat(Box<Options>),
    /// Rooms in which most connections are lost at once, and come back
    Storm(Box<Options>),
    /// A share of the readers stops reading: the others and the memory notice nothing
    Tortoise(Box<Options>),
    /// Runs a scenario file, or one that `scenarios` lists; options override its own
    Run(Box<FromFile>),
    /// Lists the scenario files that come with this program
    Scenarios {
        /// Print this one
        name: Option<String>,
    },
    /// Cost of an acked delivery against one at best effort
    Classes(Special<classes::Plan>),
    /// Connections break all the time: nothing is lost, nothing comes twice
    Cuts(Special<cuts::Plan>),
    /// Sessions change their transport all the time: nothing is lost, nothing comes twice
    Roam(Special<roam::Plan>),
    /// Reports beside each other: the others are measured by the first
    Compare(Compare),
    /// A bare WebSocket server with rooms: the least that the work costs on this machine
    Floor(floor::Options),
    /// A report, or the results of a suite, that was kept: as a table, a page or images
    Show(Show),
    /// Several servers under the same loads, by turns: medians, their spread, and ratios
    Suite(suite::Options),
    /// Forwards connections, and breaks some; part of `cuts`
    #[command(hide = true)]
    Proxy(Proxy),
}

impl Command {
    /// Reads this program's arguments; ends the program, with help or a complaint, if they are to
    /// be read no further.
    #[must_use]
    pub fn of_program() -> Self {
        let matches = defaults::with_defaults(Self::command()).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Does it.
    #[must_use]
    pub fn run(self) -> ExitCode {
        match self.what {
            What::Idle(options) => planned::run(Kind::Idle, *options),
            What::Connect(options) => planned::run(Kind::Connect, *options),
            What::Echo(options) => planned::run(Kind::Echo, *options),
            What::Fan(options) => planned::run(Kind::Fan, *options),
            What::Chat(options) => planned::run(Kind::Chat, *options),
            What::Storm(options) => planned::run(Kind::Storm, *options),
            What::Tortoise(options) => planned::run(Kind::Tortoise, *options),
            What::Run(file) => file.run(),
            What::Scenarios { name } => list(name.as_deref()),
            What::Classes(special) => special.run(classes::run),
            What::Cuts(special) => special.run(cuts::run),
            What::Roam(special) => special.run(roam::run),
            What::Compare(options) => compare(&options),
            What::Floor(options) => match floor::serve(&options) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => fail(&error),
            },
            What::Show(options) => options.run(),
            What::Suite(options) => run_suite(&options),
            What::Proxy(proxy) => proxy.run(),
        }
    }
}

fn list(name: Option<&str>) -> ExitCode {
    let Some(name) = name else {
        for scenario in bundled() {
            print_line(format_args!("{:<20} {}", scenario.name, scenario.about()));
        }
        return ExitCode::SUCCESS;
    };
    match bundled().into_iter().find(|scenario| scenario.name == name) {
        Some(scenario) => print_line(scenario.text.trim_end()),
        None => return fail(&format_args!("there is no scenario {name:?}: see `scenarios`")),
    }
    ExitCode::SUCCESS
}

/// 1: a promise or a limit was not kept, or a run failed.
fn run_suite(options: &suite::Options) -> ExitCode {
    let mut progress = Progress::new(false);
    let outcome = suite::run(options, &Interrupt::by_signals(), &mut progress);
    drop(progress);
    match outcome {
        Ok(results) => {
            print_line(results.text());
            if results.passed() { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(error) => fail(&error),
    }
}

/// 1: something is worse than allowed.
fn compare(options: &Compare) -> ExitCode {
    match compare::run(options) {
        Ok(outcome) => {
            print_line(&outcome.text);
            if outcome.passed { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(error) => fail(&error),
    }
}

#[expect(clippy::print_stdout, reason = "a program talks to its user")]
fn print_line(what: impl Display) {
    println!("{what}");
}

fn fail(why: &dyn Display) -> ExitCode {
    #[expect(clippy::print_stderr, reason = "a program talks to its user")]
    {
        eprintln!("comet-bench: {why}");
    }
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_contradict_nobody() {
        Command::command().debug_assert();
        let words = "comet-bench fan --addr ws://127.0.0.1:3102/sub --sessions 1000 --rate 50 \
                     --duration 5s --json out.json";
        let command = Command::try_parse_from(words.split_whitespace()).expect("as documented");
        let What::Fan(options) = command.what else { panic!("{command:?}") };
        assert_eq!((options.load.sessions, options.scenario), (Some(1_000), None));
        assert!(Command::try_parse_from(["comet-bench", "fan", "--rate", "fast"]).is_err());
    }
}
