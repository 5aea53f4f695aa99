//! The command line of `comet-bench`.
//!
//! ```text
//! cargo run --release -p comet-bench -- cuts --seconds 60
//! ```

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use comet_bench::compare::{self, Compare};
use comet_bench::floor;
use comet_bench::page::{Show, show};
use comet_bench::proxy::{self, Options};
use comet_bench::report::Report;
use comet_bench::scenario::{Setting, cuts, fan, storm, tortoise};
use comet_bench::server::beside;

#[derive(Parser)]
#[command(about = "Loads a gateway through real sockets, and checks every delivery")]
struct Command {
    /// The relay to run [default: the one beside this program]
    #[arg(long, global = true)]
    relay: Option<PathBuf>,
    /// Another flag for the relay, after those of the scenario: --relay-flag=--shards=1
    #[arg(long, global = true, allow_hyphen_values = true)]
    relay_flag: Vec<String>,
    /// Print the report as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// Connections break all the time: nothing is lost, nothing comes twice
    Cuts(cuts::Plan),
    /// Half of a room stops reading: the others and the memory notice nothing
    Tortoise(tortoise::Plan),
    /// Very many connections are lost at once, and come back
    Storm(storm::Plan),
    /// What an acked delivery costs beside one at best effort
    Fan(fan::Plan),
    /// Reports beside each other: the others are measured by the first
    Compare(Compare),
    /// A bare WebSocket server with rooms: the least that the work costs on this machine
    Floor(floor::Options),
    /// A report that was kept, as a table or as a page for a browser
    Show(Show),
    /// Forwards connections, and breaks some; part of `cuts`
    #[command(hide = true)]
    Proxy(Proxy),
}

#[derive(clap::Args)]
struct Proxy {
    #[arg(long)]
    to: Vec<SocketAddr>,
    #[arg(long)]
    every: f64,
    #[arg(long)]
    lasting: f64,
    #[arg(long)]
    seed: u64,
}

fn main() -> ExitCode {
    let command = Command::parse();
    let own = std::env::current_exe().unwrap_or_default();
    let relay = command.relay.unwrap_or_else(|| beside("relay"));
    let setting = Setting { relay, flags: command.relay_flag, program: own };
    let outcome = match command.scenario {
        Scenario::Cuts(plan) => cuts::run(&plan, &setting),
        Scenario::Tortoise(plan) => tortoise::run(&plan, &setting),
        Scenario::Storm(plan) => storm::run(&plan, &setting),
        Scenario::Fan(plan) => fan::run(&plan, &setting),
        Scenario::Floor(options) => {
            return match floor::serve(&options) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => fail(&error.to_string()),
            };
        }
        Scenario::Compare(options) => return compare(&options),
        Scenario::Show(options) => return finish(show(&options), command.json),
        Scenario::Proxy(proxy) => return forward(&proxy),
    };
    finish(outcome, command.json)
}

/// 0: as promised; 1: not so; 2: no result.
fn finish<E: Display>(outcome: Result<Report, E>, json: bool) -> ExitCode {
    match outcome {
        Ok(report) => {
            #[expect(clippy::print_stdout, reason = "a program talks to its user")]
            if json {
                println!("{}", report.pretty());
            } else {
                println!("{report}");
            }
            if report.passed() { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(error) => fail(&error.to_string()),
    }
}

/// 1: something is worse than allowed.
fn compare(options: &Compare) -> ExitCode {
    match compare::run(options) {
        Ok(outcome) => {
            #[expect(clippy::print_stdout, reason = "a program talks to its user")]
            {
                println!("{}", outcome.text);
            }
            if outcome.passed { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(error) => fail(&error.to_string()),
    }
}

fn forward(proxy: &Proxy) -> ExitCode {
    let options = Options {
        to: proxy.to.clone(),
        every: Duration::from_secs_f64(proxy.every.max(0.0)),
        lasting: Duration::from_secs_f64(proxy.lasting.max(0.0)),
        seed: proxy.seed,
    };
    match proxy::run(options) {
        // Whoever started it is gone: nobody is left to be told.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => fail(&error.to_string()),
        _ => ExitCode::SUCCESS,
    }
}

fn fail(why: &str) -> ExitCode {
    #[expect(clippy::print_stderr, reason = "a program talks to its user")]
    {
        eprintln!("comet-bench: {why}");
    }
    ExitCode::from(2)
}
