//! Attacks on the bundled server, each with its bound and the measured value.
//!
//! ```text
//! cargo test --release -p comet-server --test attacks -- --all
//! ```
//!
//! Each attack has its own server process, two healthy users that talk meanwhile, and others that
//! sign in all the time: effects on them are judged beside the attack's own checks. Without
//! `--all`, only attacks that take a second or two run, as part of the ordinary tests.

#![expect(clippy::print_stdout, reason = "a program talks to its user")]
#![expect(clippy::cast_possible_truncation, reason = "numbers in attacks are small")]

mod arena;
mod attack;
mod line;
mod login;
mod report;
mod witness;

// The attacks, by target.
mod auth;
mod deflate;
mod demo;
mod devices;
mod floods;
mod flow;
mod frames;
mod http2;
mod lifecycle;
mod memory;
mod quic;
mod resume;
mod secured;
mod slow;
mod slow_http;
mod upgrade;
mod web;
mod websocket;

use std::process::ExitCode;

use attack::{Attack, AttackResult};
use clap::Parser;

/// All of them.
fn all() -> Vec<Attack> {
    [
        slow::ATTACKS,
        slow_http::ATTACKS,
        floods::ATTACKS,
        upgrade::ATTACKS,
        frames::ATTACKS,
        websocket::ATTACKS,
        deflate::ATTACKS,
        auth::ATTACKS,
        devices::ATTACKS,
        flow::ATTACKS,
        memory::ATTACKS,
        quic::ATTACKS,
        resume::ATTACKS,
        secured::ATTACKS,
        web::ATTACKS,
        http2::ATTACKS,
        demo::ATTACKS,
        lifecycle::ATTACKS,
    ]
    .concat()
}

/// Factor on time limits in the ordinary tests.
const BUSY: u32 = 10;

/// Command-line arguments.
#[derive(Debug, Parser)]
#[command(about = "Attacks the bundled server, and judges what it cost")]
struct Arguments {
    /// All attacks, not only those of the ordinary tests
    #[arg(long)]
    all: bool,
    /// Only attacks whose name contains this, of all; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Names and descriptions, and nothing else
    #[arg(long)]
    list: bool,
    /// Results as JSON on standard output
    #[arg(long)]
    json: bool,
    /// Results as a table in Markdown into this file
    #[arg(long, value_name = "FILE")]
    markdown: Option<std::path::PathBuf>,
    /// Of those that would run, only the ones whose name contains this, as other tests take it
    filter: Vec<String>,
    /// Taken because other tests take it: everything is shown anyway
    #[arg(long, hide = true)]
    nocapture: bool,
    /// Taken because other tests take it: attacks run one after the other
    #[arg(long, hide = true)]
    test_threads: Option<usize>,
}

impl Arguments {
    fn wants(&self, attack: &Attack) -> bool {
        let named = |names: &[String]| names.iter().any(|name| attack.name.contains(&**name));
        if !self.only.is_empty() {
            return named(&self.only);
        }
        (self.all || attack.quick) && (self.filter.is_empty() || named(&self.filter))
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let attacks: Vec<Attack> =
        all().into_iter().filter(|attack| arguments.list || arguments.wants(attack)).collect();
    if arguments.list {
        report::list(&attacks);
        return ExitCode::SUCCESS;
    }
    // Ordinary tests share the machine, and must not fail on a busy one.
    let slack = if arguments.all || !arguments.only.is_empty() { 1 } else { BUSY };
    // A failure in an attack is reported in its row.
    std::panic::set_hook(Box::new(|_| {}));
    let mut results: Vec<AttackResult> = Vec::new();
    for attack in &attacks {
        let result = attack.carry_out(slack);
        if !arguments.json {
            println!("{}", report::line(&result));
        }
        results.push(result);
    }
    if arguments.json {
        println!("{}", report::json(&results));
    } else {
        println!("{}", report::sum(&results));
    }
    if let Some(path) = &arguments.markdown
        && let Err(error) = std::fs::write(path, report::markdown(&results))
    {
        println!("cannot write {}: {error}", path.display());
        return ExitCode::from(2);
    }
    if results.iter().all(AttackResult::holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
