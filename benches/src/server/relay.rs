//! The bundled relay as a child process.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{Target, Usage};
use crate::host::children;

/// A relay that listens; it ends with this value.
#[derive(Debug)]
pub struct Relay {
    child: Child,
    target: Target,
    /// Names of all listeners, and where they listen.
    listeners: Vec<(String, SocketAddr)>,
}

/// Errors of starting a relay.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The program could not be run.
    #[error("cannot run {0}: {1}")]
    Run(PathBuf, io::Error),
    /// It did not print its addresses.
    #[error("the relay said {0:?} instead of where it listens")]
    Silent(String),
}

/// The program of this name in the folder of the one that runs, where cargo puts both.
#[must_use]
pub fn beside(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    own.parent().unwrap_or(Path::new(".")).join(name)
}

impl Relay {
    /// Starts a relay on free ports, and waits until it listens.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub fn start(
        program: &Path,
        flags: impl IntoIterator<Item = String>,
    ) -> Result<Self, StartError> {
        let cannot = |error| StartError::Run(program.to_owned(), error);
        let mut child = Command::new(program)
            .args(["--tcp", "127.0.0.1:0", "--ws", "127.0.0.1:0"])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // An interrupt at the terminal is for the harness, which needs the relay to the end.
            .process_group(0)
            .spawn()
            .map_err(cannot)?;
        children::note(child.id());
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line).map_err(cannot)?;
        }
        match addresses(&line) {
            Some(target) => {
                let listeners = listeners(&line).map(|(name, at)| (name.to_owned(), at)).collect();
                Ok(Self { child, target, listeners })
            }
            None => {
                end(&mut child);
                Err(StartError::Silent(line))
            }
        }
    }

    /// Addresses it listens on.
    #[must_use]
    pub const fn target(&self) -> Target {
        self.target
    }

    /// The address of a listener that its flags asked for, by its name.
    #[must_use]
    pub fn listener(&self, name: &str) -> Option<SocketAddr> {
        self.listeners.iter().find_map(|(known, at)| (known == name).then_some(*at))
    }

    /// Its CPU and memory.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage::of(self.child.id())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Nothing of a run stays behind.
fn end(child: &mut Child) {
    children::forget(child.id());
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// `listening tcp=127.0.0.1:3101 ws=127.0.0.1:3102`
fn addresses(line: &str) -> Option<Target> {
    let find = |wanted| listeners(line).find_map(|(name, at)| (name == wanted).then_some(at));
    Some(Target { tcp: find("tcp")?, ws: find("ws")? })
}

fn listeners(line: &str) -> impl Iterator<Item = (&str, SocketAddr)> {
    let words = line.split_whitespace().filter_map(|word| word.split_once('='));
    words.filter_map(|(name, at)| Some((name, at.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relay_says_where_it_listens() {
        let target = addresses("listening tcp=127.0.0.1:3101 ws=127.0.0.1:3102\n").unwrap();
        assert_eq!((target.tcp.port(), target.ws.port()), (3101, 3102));
        assert!(addresses("relay: address in use\n").is_none());
        assert!(addresses("").is_none());
    }
}
