//! The command that runs the floor as a process of its own.

use std::io::{self, Write};
use std::net::SocketAddr;

use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Floor, Mode};

/// Address and mode.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    pub ws: SocketAddr,
    /// Write each message by itself
    #[arg(long, conflicts_with = "batch")]
    pub write: bool,
    /// Write all messages of one wake-up at once [the default]
    #[arg(long)]
    pub batch: bool,
}

/// Serves until the process is ended; prints its address on standard output.
///
/// # Errors
///
/// When the address cannot be had, or the poll fails.
pub fn serve(options: &Options) -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    // With fewer descriptors it serves fewer peers.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    let mode = if options.write { Mode::Write } else { Mode::Batch };
    let mut floor = Floor::bind(options.ws, mode)?;
    let mut out = io::stdout();
    // Nobody may read it.
    let _ = writeln!(out, "listening ws={}", floor.address()).and_then(|()| out.flush());
    loop {
        floor.turn(None)?;
    }
}
