//! An example program that runs during a test.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::client::{Client, Transport};
use super::{PATIENCE, clock};

/// A running program, killed on drop, also on a panic.
pub(crate) struct Program {
    child: Child,
    /// The line that announced readiness.
    pub(crate) line: String,
}

/// Every local address, port 0.
pub(crate) const ANYWHERE: &str = "127.0.0.1:0";

impl Program {
    /// Starts the relay on both transports.
    pub(crate) fn relay(flags: &[&str]) -> Self {
        let both = ["--tcp", ANYWHERE, "--ws", ANYWHERE];
        Self::start(Command::new(env!("CARGO_BIN_EXE_relay")).args(both).args(flags))
    }

    /// Starts a program and waits until it announces readiness.
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("start");
        let mut program = Self { child, line: String::new() };
        let stdout = program.child.stdout.take().expect("standard output");
        let (said, hear) = sync_channel(1);
        std::thread::spawn(move || {
            let mut line = String::new();
            if BufReader::new(stdout).read_line(&mut line).is_ok() {
                // The receiver may have given up.
                let _ = said.send(line);
            }
        });
        program.line = hear.recv_timeout(PATIENCE).expect("a line when it is ready");
        program
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(pid, signal).expect("a signal");
    }

    /// Waits for its end.
    pub(crate) fn ended(mut self) -> ExitStatus {
        let deadline = clock::deadline();
        loop {
            if let Some(status) = self.child.try_wait().expect("wait") {
                return status;
            }
            assert!(!clock::left(deadline).is_zero(), "it never ended");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// The address of a transport.
    pub(crate) fn address(&self, transport: Transport) -> SocketAddr {
        let name = match transport {
            Transport::Tcp => "tcp=",
            Transport::WebSocket => "ws=",
        };
        let word = self.line.split_whitespace().find_map(|word| word.strip_prefix(name));
        word.expect("an address for this transport").parse().expect("an address")
    }

    pub(crate) fn connect(&self, transport: Transport) -> Client {
        Client::connect(transport, self.address(transport))
    }

    /// A client with a session in these rooms, separated by commas.
    pub(crate) fn client(&self, transport: Transport, user: &str, rooms: &str) -> Client {
        let mut client = self.connect(transport);
        client.sign_in(user, rooms);
        client
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
