//! Processes of a suite: in groups of their own, so that an interrupt reaches the suite alone, and
//! ended with it.

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::clock;
use crate::host::Interrupt;
use crate::host::children;

/// A process with all that it starts; ends with this value.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
}

/// Errors of starting a server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The program could not be run.
    #[error("cannot run {0}: {1}")]
    Run(String, io::Error),
    /// It ended before it listened.
    #[error("it ended ({status}) before it listened: {log}")]
    Ended {
        /// The exit status.
        status: ExitStatus,
        /// The end of its log.
        log: String,
    },
    /// It did not listen in time.
    #[error("nothing listens at {0}")]
    Silent(String),
    /// Its address is none.
    #[error("{0:?} is no address with a host and a port")]
    Address(String),
    /// The suite was interrupted.
    #[error("interrupted")]
    Interrupted,
}

/// Limit of the time for a process to end by itself.
const PATIENCE: Duration = Duration::from_secs(2);
/// Interval at which a process is polled.
const TICK: Duration = Duration::from_millis(20);
/// Limit of the time until a server listens.
const START: Duration = Duration::from_secs(20);

impl Process {
    /// Starts a program whose output goes to a file.
    pub(super) fn start(command: &mut Command, log: &Path) -> io::Result<Self> {
        let log = File::create(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()?;
        children::note(child.id());
        Ok(Self { child })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Exit status, once it has ended.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    pub(super) fn signal(&self, signal: Signal) {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(group) = group {
            // It may have ended by itself.
            let _ = kill_process_group(group, signal);
        }
    }

    /// Waits for it to end; an interrupt is passed on once, and then it must be quick.
    pub(super) fn wait(&mut self, interrupt: &Interrupt) -> io::Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = self.ended()? {
                return Ok(Some(status));
            }
            if interrupt.wait(TICK) {
                self.signal(Signal::INT);
                return self.wait_for(PATIENCE);
            }
        }
    }

    fn wait_for(&mut self, most: Duration) -> io::Result<Option<ExitStatus>> {
        let (deadline, pause) = (clock::now() + most, Interrupt::never());
        while clock::now() < deadline {
            if let Some(status) = self.ended()? {
                return Ok(Some(status));
            }
            let _never = pause.wait(TICK);
        }
        Ok(None)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
        if !matches!(self.wait_for(PATIENCE), Ok(Some(_))) {
            self.signal(Signal::KILL);
            let _ = self.child.wait();
        }
        children::forget(self.child.id());
    }
}

/// Ports that are free now.
pub(super) fn free_ports() -> io::Result<[u16; 2]> {
    let (one, two) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
    Ok([one.local_addr()?.port(), two.local_addr()?.port()])
}

/// Waits until something listens at the address of a URL.
pub(super) fn wait_until_ready(
    url: &str,
    mut process: Option<&mut Process>,
    log: &Path,
    interrupt: &Interrupt,
) -> Result<(), ServerError> {
    let address = address_of(url).ok_or_else(|| ServerError::Address(url.to_owned()))?;
    let deadline = clock::now() + START;
    while clock::now() < deadline {
        if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
            return Ok(());
        }
        if let Some(process) = &mut process
            && let Ok(Some(status)) = process.ended()
        {
            return Err(ServerError::Ended { status, log: tail(log) });
        }
        if interrupt.wait(TICK) {
            return Err(ServerError::Interrupted);
        }
    }
    Err(ServerError::Silent(url.to_owned()))
}

/// The host and port of `ws://host:port/path`.
fn address_of(url: &str) -> Option<SocketAddr> {
    let (_, rest) = url.split_once("://")?;
    rest.split('/').next()?.to_socket_addrs().ok()?.next()
}

/// The last lines that a process wrote.
pub(super) fn tail(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(2_000)..]).into_owned();
    let lines: Vec<&str> = text.lines().rev().take(4).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("; ")
}

/// Whether a program can be found.
pub(super) fn is_installed(program: &str) -> bool {
    if program.contains('/') {
        return Path::new(program).exists();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_url_is_its_host_and_port() {
        let expected = "127.0.0.1:9001".parse().ok();
        assert_eq!(address_of("ws://127.0.0.1:9001/room/{room}"), expected);
        assert_eq!(address_of("tcp://127.0.0.1:9001"), expected);
        assert_eq!(address_of("127.0.0.1:9001"), None);
        assert_eq!(address_of("ws://127.0.0.1/"), None);
    }

    #[test]
    fn a_process_is_ended_with_those_that_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "cat < /dev/zero > /dev/null & echo $!; wait"]);
        let process = Process::start(&mut command, &log).unwrap();
        let deadline = clock::now() + Duration::from_secs(10);
        while tail(&log).is_empty() && clock::now() < deadline {
            let _never = Interrupt::never().wait(TICK);
        }
        let other = format!("/proc/{}", tail(&log));
        assert!(Path::new(&other).exists(), "{other}");
        drop(process);
        let is_gone =
            || !fs::read_to_string(format!("{other}/stat")).is_ok_and(|it| !it.contains(") Z "));
        while !is_gone() && clock::now() < deadline {
            let _never = Interrupt::never().wait(TICK);
        }
        assert!(is_gone());
    }

    #[test]
    fn a_program_is_looked_for_in_the_path() {
        assert!(is_installed("sh") && is_installed("/bin/sh"));
        assert!(!is_installed("no-such-program") && !is_installed("/no/such/program"));
    }

    #[test]
    fn a_server_that_ends_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such option; exit 3"]);
        let mut process = Process::start(&mut command, &log).unwrap();
        let url = format!("ws://127.0.0.1:{}", free_ports().unwrap()[0]);
        let ready = wait_until_ready(&url, Some(&mut process), &log, &Interrupt::never());
        let told = ready.unwrap_err().to_string();
        assert!(told.contains("exit status: 3") && told.ends_with("no such option"), "{told}");
    }
}
