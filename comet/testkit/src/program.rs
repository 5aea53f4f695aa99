//! Programs as child processes, always killed and reaped.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

use crate::clock;

/// Lines of output that are kept until somebody asks for them.
const LINES: usize = 1_000;

/// A running program. Killed on drop, and its log is shown if the test fails.
#[derive(Debug)]
pub struct Program {
    child: Child,
    /// Locked, so that threads of a test can share the program.
    lines: Mutex<Receiver<String>>,
    log: Option<PathBuf>,
}

/// A file that cargo has built beside the test that runs, such as a program of the workspace.
pub fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a path of the test");
    test.ancestors().nth(2).expect("tests lie in a folder beside programs").join(name)
}

impl Program {
    /// Starts a program without input.
    pub fn start(command: &mut Command) -> Self {
        Self::spawn(command.stdin(Stdio::null()))
    }

    /// Starts a program without input, whose standard error is appended to a file.
    pub fn start_with_log(command: &mut Command, log: &Path) -> Self {
        let errors = File::options().create(true).append(true).open(log).expect("a log");
        let mut program = Self::start(command.stderr(errors));
        program.log = Some(log.to_owned());
        program
    }

    /// Starts a program; its input ends when that is dropped.
    pub fn start_with_input(command: &mut Command) -> (Self, ChildStdin) {
        let mut program = Self::spawn(command.stdin(Stdio::piped()));
        let input = program.child.stdin.take().expect("a pipe");
        (program, input)
    }

    fn spawn(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("start {command:?}: {error}"));
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = sync_channel(LINES);
        // Ends with the program's output.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // Lines that do not fit, or come after the test, are discarded.
                let _ = sender.try_send(line);
            }
        });
        Self { child, lines: Mutex::new(lines), log: None }
    }

    /// The first result of `pick` over the lines of output; `None` if the output ends before, or
    /// in time.
    pub fn line<T>(&self, pick: impl Fn(&str) -> Option<T>) -> Option<T> {
        let deadline = clock::deadline();
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        while let Ok(line) = lines.recv_timeout(clock::left(deadline)) {
            if let Some(found) = pick(&line) {
                return Some(found);
            }
        }
        None
    }

    /// Waits for this line of output.
    pub fn says(&self, line: &str) {
        let said = self.line(|said| (said == line).then_some(()));
        assert!(said.is_some(), "the program never said {line:?}: {}", self.errors());
    }

    /// Waits for the line that says where it listens.
    pub fn listening(&self) -> Listening {
        let line = self.line(|line| line.starts_with("listening ").then(|| line.to_owned()));
        Listening(line.unwrap_or_else(|| panic!("it did not listen: {}", self.errors())))
    }

    /// Waits until somebody listens at an address; `false` if the program ends before.
    pub fn listens_at(&mut self, address: SocketAddr) -> bool {
        clock::until("the program listens or has ended", || {
            let listens = TcpStream::connect(address).is_ok();
            (listens || self.has_ended()).then_some(listens)
        })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the program runs");
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        clock::until("the program ends", || self.child.try_wait().expect("a child"))
    }

    /// Its standard error so far, if that goes to a file.
    pub fn errors(&self) -> String {
        let log = self.log.as_ref().map(std::fs::read_to_string);
        log.map_or_else(String::new, |log| log.expect("a log"))
    }

    /// SIGKILL: nothing is flushed, no client is told.
    pub fn kill(&mut self) {
        // Fails only if it has ended, and then the wait is short as well.
        let _ = self.child.kill();
        self.child.wait().expect("a child");
    }
}

#[expect(clippy::print_stderr, reason = "shown with the test that failed")]
impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() && self.log.is_some() {
            eprintln!("--- errors of the program:\n{}---", self.errors());
        }
    }
}

/// The line with which programs of the workspace say where they listen: `listening NAME=ADDRESS`,
/// for each of their ports.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listening(pub String);

impl Listening {
    /// The address of this name.
    pub fn at(&self, name: &str) -> SocketAddr {
        let mut words = self.0.split(' ');
        let address = words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        address.and_then(|address| address.parse().ok()).expect("an address of this name")
    }
}
