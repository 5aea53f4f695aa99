//! The bundled server: comet with the dtalk backends, ready to run.
//!
//! ```text
//! cargo run --release
//! ```
//!
//! serves existing dtalk clients on 3101 and 3102, the HTTP API and a web chat page on 8888, and
//! metrics on 9100, all on loopback, with its data in `./data`. `--print-config` shows all
//! settings.

mod config;
mod data;
mod demo;
mod descriptors;
mod http;
mod limits;
mod metrics;
mod origins;
mod proxies;
mod server;
mod settings;
mod trouble;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use config::{Config, Flags, LogFormat};
use tracing_subscriber::EnvFilter;
use trouble::Trouble;

fn main() -> ExitCode {
    let flags = Flags::parse();
    if flags.print_config {
        say(config::DEFAULT.trim_end());
        return ExitCode::SUCCESS;
    }
    match run(&flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            complain(&trouble);
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags) -> Result<(), Trouble> {
    let (config, _) = Config::load(flags)?;
    if flags.check_config {
        say("the configuration is good");
        return Ok(());
    }
    start_logging(&config);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Trouble::Runtime)?;
    runtime.block_on(server::run(config))
}

fn start_logging(config: &Config) {
    let filter = EnvFilter::new(&config.log);
    let logger = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match config.log_format {
        LogFormat::Text => logger.init(),
        LogFormat::Json => logger.json().init(),
    }
}

/// Prints a line for the person or program that started the server.
#[expect(clippy::print_stdout, reason = "a program talks to its user")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

#[expect(clippy::print_stderr, reason = "a program talks to its user")]
fn complain(trouble: &Trouble) {
    eprintln!("comet-server: {trouble}");
    if let Some(advice) = trouble.advice() {
        eprintln!("  {advice}");
    }
}
