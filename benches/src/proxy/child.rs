//! A proxy process, seen by its parent.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::{Options, ProxyCounts};
use crate::host::children;

/// A proxy that forwards; it ends with this value.
#[derive(Debug)]
pub struct ProxyProcess {
    child: Child,
    output: BufReader<ChildStdout>,
    addresses: Vec<SocketAddr>,
}

/// Errors of a proxy process.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// It could not be run, or be talked to.
    #[error("proxy: {0}")]
    Io(#[from] io::Error),
    /// An unexpected answer.
    #[error("proxy said {0:?}")]
    Answer(String),
}

impl ProxyProcess {
    /// Starts a proxy from this program, and waits until it listens.
    ///
    /// # Errors
    ///
    /// [`ProxyError`].
    pub fn start(program: &Path, options: &Options) -> Result<Self, ProxyError> {
        let to = options.to.iter().flat_map(|address| ["--to".to_owned(), address.to_string()]);
        let mut child = Command::new(program)
            .arg("proxy")
            .args(to)
            .args(["--every".to_owned(), options.every.as_secs_f64().to_string()])
            .args(["--lasting".to_owned(), options.lasting.as_secs_f64().to_string()])
            .args(["--seed".to_owned(), options.seed.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // An interrupt at the terminal is for the harness, which needs its proxies to the end.
            .process_group(0)
            .spawn()?;
        children::note(child.id());
        let Some(output) = child.stdout.take() else {
            return Err(ProxyError::Answer(String::new()));
        };
        let mut proxy = Self { child, output: BufReader::new(output), addresses: Vec::new() };
        let line = proxy.line()?;
        let addresses = line.split_whitespace().map(str::parse).collect::<Result<Vec<_>, _>>();
        match addresses {
            Ok(addresses) if addresses.len() == options.to.len() => proxy.addresses = addresses,
            _ => return Err(ProxyError::Answer(line)),
        }
        Ok(proxy)
    }

    /// Addresses it listens on, in the order of its targets.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Everything through it falls silent.
    ///
    /// # Errors
    ///
    /// When the process is gone.
    pub fn stop(&self) -> Result<(), ProxyError> {
        self.signal(Signal::STOP)
    }

    /// It goes on where it was stopped.
    ///
    /// # Errors
    ///
    /// When the process is gone.
    pub fn go_on(&self) -> Result<(), ProxyError> {
        self.signal(Signal::CONT)
    }

    /// Ends it, and returns its counts.
    ///
    /// # Errors
    ///
    /// [`ProxyError`].
    pub fn end(mut self) -> Result<ProxyCounts, ProxyError> {
        drop(self.child.stdin.take());
        let line = self.line()?;
        let numbers = line.split_whitespace().map(str::parse).collect::<Result<Vec<u64>, _>>();
        match numbers.as_deref() {
            Ok(&[accepted, resets, half_closes]) => {
                Ok(ProxyCounts { accepted, resets, half_closes })
            }
            _ => Err(ProxyError::Answer(line)),
        }
    }

    fn signal(&self, signal: Signal) -> Result<(), ProxyError> {
        kill_process(Pid::from_child(&self.child), signal).map_err(io::Error::from)?;
        Ok(())
    }

    fn line(&mut self) -> Result<String, ProxyError> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line)
    }
}

impl Drop for ProxyProcess {
    fn drop(&mut self) {
        children::forget(self.child.id());
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
