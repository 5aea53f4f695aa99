//! The `proxy` command: forwards connections, and breaks some.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::fail;
use crate::proxy::{self, Options};

#[derive(Args, Debug)]
pub(super) struct Proxy {
    #[arg(long)]
    to: Vec<SocketAddr>,
    #[arg(long)]
    every: f64,
    #[arg(long)]
    lasting: f64,
    #[arg(long)]
    seed: u64,
}

impl Proxy {
    pub(super) fn run(self) -> ExitCode {
        let options = Options {
            to: self.to,
            every: Duration::from_secs_f64(self.every.max(0.0)),
            lasting: Duration::from_secs_f64(self.lasting.max(0.0)),
            seed: self.seed,
        };
        match proxy::run(options) {
            // The parent is gone.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => fail(&error),
            _ => ExitCode::SUCCESS,
        }
    }
}
