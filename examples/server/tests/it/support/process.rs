//! The server's program as a child process, always reaped.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

use rustix::process::{Pid, Signal, kill_process};

use super::clock;

/// Lines of output that are buffered; a server prints about ten.
const LINES: usize = 1_000;

/// A running program. Killed on drop, and its log is shown if the test fails.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    log: PathBuf,
}

impl Process {
    /// Starts the server with these arguments and variables; standard error goes to the file `log`.
    pub(crate) fn start(
        wrapper: &[String],
        arguments: &[String],
        variables: &[(String, String)],
        log: &Path,
    ) -> Self {
        let errors = File::options().create(true).append(true).open(log).expect("a log");
        let mut program = wrapper.iter().map(String::as_str).collect::<Vec<_>>();
        program.push(env!("CARGO_BIN_EXE_comet-server"));
        let mut command = Command::new(program[0]);
        command.args(&program[1..]);
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"COMET_") {
                command.env_remove(name);
            }
        }
        command.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().expect("the server starts");
        let output = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let (sender, lines) = sync_channel(LINES);
        // Ends with the program's output.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // Lines that do not fit, or come after the test, are discarded.
                let _ = sender.try_send(line);
            }
        });
        Self { child, lines, log: log.to_owned() }
    }

    /// The first result of `pick` over the lines of output; `None` if the output ends before.
    pub(crate) fn line<T>(&self, pick: impl Fn(&str) -> Option<T>) -> Option<T> {
        let deadline = clock::deadline();
        while let Ok(line) = self.lines.recv_timeout(clock::left(deadline)) {
            if let Some(found) = pick(&line) {
                return Some(found);
            }
        }
        None
    }

    /// Waits for this line of output.
    pub(crate) fn says(&self, line: &str) {
        let said = self.line(|said| (said == line).then_some(()));
        assert!(said.is_some(), "the server never said {line:?}: {}", self.errors());
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the program runs");
    }

    /// Waits for the program's end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        clock::until("the server ends", || self.child.try_wait().expect("a child"))
    }

    /// Resident memory in bytes, as reported by the system.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("the program runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.expect("a number of KiB") * 1024
    }

    /// Its standard error so far.
    pub(crate) fn errors(&self) -> String {
        std::fs::read_to_string(&self.log).expect("a log")
    }

    /// SIGKILL: nothing is flushed, no client is told.
    pub(crate) fn kill(&mut self) {
        // Fails only if it has ended, and then the wait is short as well.
        let _ = self.child.kill();
        self.child.wait().expect("a child");
    }
}

#[expect(clippy::print_stderr, reason = "shown with the test that failed")]
impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- errors of the server:\n{}---", self.errors());
        }
    }
}
