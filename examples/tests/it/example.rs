//! An example program that runs during a test.

use std::net::SocketAddr;
use std::process::{Command, ExitStatus};

use comet_testkit::client::{Client, Host, Transport};
use comet_testkit::ports::ANYWHERE;
use comet_testkit::program::{Listening, Program, Signal};
use comet_testkit::socket::Socket;

/// A running program.
pub(crate) struct Example {
    process: Program,
    /// The line that announced readiness.
    pub(crate) line: String,
}

impl Example {
    /// Starts the relay on both transports.
    pub(crate) fn relay(flags: &[&str]) -> Self {
        let both = ["--tcp", ANYWHERE, "--ws", ANYWHERE];
        Self::start(Command::new(env!("CARGO_BIN_EXE_relay")).args(both).args(flags))
    }

    /// Starts a program and waits until it announces readiness.
    pub(crate) fn start(command: &mut Command) -> Self {
        let process = Program::start(command);
        let line = process.line(|line| Some(line.to_owned())).expect("a line when it is ready");
        Self { process, line }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits for its end.
    pub(crate) fn ended(mut self) -> ExitStatus {
        self.process.ended()
    }

    /// The address of a transport.
    pub(crate) fn address(&self, transport: Transport) -> SocketAddr {
        Listening(self.line.clone()).at(match transport {
            Transport::Tcp => "tcp",
            Transport::WebSocket => "ws",
        })
    }

    pub(crate) fn connect(&self, transport: Transport) -> Client {
        Client::connect(self, transport)
    }

    /// A client with a session in these rooms, separated by commas.
    pub(crate) fn client(&self, transport: Transport, user: &str, rooms: &str) -> Client {
        let mut client = self.connect(transport);
        client.sign_in(user, rooms);
        client
    }
}

impl Host for Example {
    fn socket(&self, transport: Transport) -> Socket {
        self.address(transport).socket(transport)
    }
}
