//! The bundled server: comet with the dtalk backends, ready to run.
//!
//! ```text
//! cargo run --release
//! ```
//!
//! serves existing dtalk clients on 3101 and 3102, QUIC and WebTransport on 3104, the HTTP API and
//! a web chat page on 8888, and metrics on 9100, all on loopback, with its data in `./data`.
//! `--print-config` shows all settings.

mod backup;
mod certificates;
mod config;
mod data;
mod database;
mod demo;
mod descriptors;
mod http;
mod logging;
mod metrics;
mod ports;
mod push;
mod quic;
mod ready;
mod reload;
mod server;
mod settings;
mod startup_error;
mod tokens;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use config::{Command, Config, Flags};
use logging::Logging;
use reload::Reload;
use startup_error::StartupError;

fn main() -> ExitCode {
    let flags = Flags::parse();
    if flags.print_config {
        print_line(config::DEFAULT.trim_end());
        return ExitCode::SUCCESS;
    }
    match run(&flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags) -> Result<(), StartupError> {
    let (config, settings) = Config::load(flags)?;
    if flags.check_config {
        print_line("the configuration is good");
        return Ok(());
    }
    if let Some(command) = &flags.command {
        return copy(command, &config);
    }
    let logging = Logging::start(&config.logging)?;
    let reload =
        Reload { flags: flags.clone(), logging, started: settings.clone(), current: settings };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(StartupError::Runtime)?;
    runtime.block_on(server::run(config, reload))
}

fn copy(command: &Command, config: &Config) -> Result<(), StartupError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(StartupError::Runtime)?;
    if let Some(location) = &config.database.0 {
        return Err(backup::CopyError::OnServer(location.clone()).into());
    }
    match command {
        Command::Backup { to } => {
            runtime.block_on(backup::backup(&config.data_dir, to))?;
            print_line(&format!("backed up to {}", to.display()));
        }
        Command::Restore { from, force } => {
            runtime.block_on(backup::restore(from, &config.data_dir, *force))?;
            print_line(&format!("restored to {}", config.data_dir.display()));
        }
    }
    Ok(())
}

/// Prints a line for the person or program that started the server. Errors of writing are ignored.
pub(crate) fn print_line(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn print_error(error: &StartupError) {
    let mut errors = std::io::stderr();
    let _ = writeln!(errors, "comet-server: {error}");
    if let Some(advice) = error.advice() {
        let _ = writeln!(errors, "  {advice}");
    }
}
