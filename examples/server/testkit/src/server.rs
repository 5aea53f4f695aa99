//! A server of a test's own: all ports 0, a temporary directory.

use std::collections::BTreeMap;
use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use comet_dtalk::message::Login;
use comet_testkit::clock;
use comet_testkit::ports::ANYWHERE;
use comet_testkit::program::{self, Program, Signal};
use tempfile::TempDir;

use crate::client::{Client, Transport};
use crate::http::Answer;
use crate::nginx::Nginx;
use crate::person::Person;
use crate::{deployed, http};

/// Settings for starting a server.
#[derive(Clone, Debug)]
pub struct Setup {
    /// A program that starts the server.
    wrapper: Vec<String>,
    flags: BTreeMap<String, String>,
    switches: Vec<String>,
    variables: Vec<(String, String)>,
    descriptors: Option<u32>,
}

/// Addresses of a server.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// The socket protocol over TCP.
    pub tcp: SocketAddr,
    /// The same over WebSocket.
    pub ws: SocketAddr,
    /// The HTTP API and the page.
    pub http: SocketAddr,
    /// Health and metrics.
    pub admin: SocketAddr,
    /// Sessions over TLS.
    pub tls: SocketAddr,
    /// All of these but administration on one port, if configured.
    pub any: Option<SocketAddr>,
    /// The same over TLS, if configured.
    pub https: Option<SocketAddr>,
    /// QUIC and WebTransport, over UDP, unless it is off.
    pub quic: Option<SocketAddr>,
}

/// A running server; its data survives [`Server::kill`], [`Server::stop`] and
/// [`Server::restart`].
#[derive(Debug)]
pub struct Server {
    /// Its process.
    pub process: Program,
    /// Where it is reached.
    pub addresses: Addresses,
    setup: Setup,
    data: TempDir,
    /// The proxy in front of it, if any.
    proxy: Option<Nginx>,
}

impl Default for Setup {
    fn default() -> Self {
        let anywhere = ["tcp", "ws", "tls", "http", "admin", "quic"].map(|port| (port, ANYWHERE));
        let flags = anywhere.into_iter().chain([("log", "warn")]);
        let flags = flags.map(|(flag, value)| (flag.to_owned(), value.to_owned())).collect();
        let wrapper = Vec::new();
        // Tests of refusals would otherwise wait for seconds each.
        let variables = vec![("COMET_GATEWAY__HELD_REFUSALS".to_owned(), "0".to_owned())];
        Self { wrapper, flags, switches: Vec::new(), variables, descriptors: None }
    }
}

impl Setup {
    /// Sets a flag.
    pub fn flag(mut self, flag: &str, value: &dyn ToString) -> Self {
        self.flags.insert(flag.to_owned(), value.to_string());
        self
    }

    /// Sets a flag without a value.
    pub fn switch(mut self, flag: &str) -> Self {
        self.switches.push(format!("--{flag}"));
        self
    }

    /// Starts the server through another program, which executes it.
    pub fn through(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|&part| part.to_owned()).collect();
        self
    }

    /// Removes a flag.
    pub fn no_flag(mut self, flag: &str) -> Self {
        self.flags.remove(flag);
        self
    }

    /// Sets a setting, written as in the file: `gateway.window=4`.
    pub fn set(mut self, setting: &str) -> Self {
        self.switches.push(format!("--set={setting}"));
        self
    }

    /// Sets an environment variable.
    pub fn variable(mut self, name: &str, value: &dyn ToString) -> Self {
        self.variables.push((name.to_owned(), value.to_string()));
        self
    }

    /// Sets the soft and hard limit on the process's descriptors.
    pub fn descriptors(mut self, most: u32) -> Self {
        self.descriptors = Some(most);
        self
    }

    /// Starts a server, which must succeed.
    pub fn start(self) -> Server {
        let data = tempfile::tempdir().expect("a directory");
        let process = self.spawn(&data);
        let mut addresses = listening(&process);
        let proxy = deployed::in_front(&mut addresses);
        Server { process, addresses, setup: self, data, proxy }
    }

    /// Starts a server, which must fail; returns its exit status and its error output.
    pub fn fails(self) -> (ExitStatus, String) {
        let data = tempfile::tempdir().expect("a directory");
        let mut process = self.spawn(&data);
        let status = process.ended();
        (status, process.errors())
    }

    fn spawn(&self, data: &TempDir) -> Program {
        let mut flags = self.flags.clone();
        let inside = || data.path().join("data").to_str().expect("a path in UTF-8").to_owned();
        flags.entry("data-dir".to_owned()).or_insert_with(inside);
        let arguments = flags.into_iter().map(|(flag, value)| format!("--{flag}={value}"));
        let arguments = arguments.chain(self.switches.iter().cloned()).collect::<Vec<_>>();
        let log = data.path().join("stderr.log");
        let limit = self.descriptors.map(|most| format!("ulimit -n {most} && exec \"$0\" \"$@\""));
        let limit = limit.into_iter().flat_map(|script| ["sh".to_owned(), "-c".to_owned(), script]);
        let wrapper = limit.chain(self.wrapper.iter().cloned());
        let program = program::built("comet-server").to_str().expect("a path in UTF-8").to_owned();
        let words = wrapper.chain([program]).collect::<Vec<_>>();
        let mut command = Command::new(&words[0]);
        let ours = env::vars_os().map(|(name, _)| name);
        for name in ours.filter(|name| name.as_encoded_bytes().starts_with(b"COMET_")) {
            command.env_remove(name);
        }
        command.args(&words[1..]).args(arguments).envs(self.variables.iter().cloned());
        Program::start_with_log(&mut command, &log)
    }
}

impl Server {
    /// Starts one as it is by default.
    pub fn start() -> Self {
        Setup::default().start()
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.data.path().join("data")
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Sends SIGTERM, and waits for the end.
    pub fn stop(&mut self) -> ExitStatus {
        self.process.signal(Signal::TERM);
        self.process.ended()
    }

    /// Starts again on the same data after a kill or stop.
    pub fn restart(&mut self) {
        self.restart_as(self.setup.clone());
    }

    /// Starts again on the same data, which must fail; returns its exit status and its error
    /// output.
    pub fn restart_fails(&mut self) -> (ExitStatus, String) {
        self.process = self.setup.spawn(&self.data);
        (self.process.ended(), self.process.errors())
    }

    /// Starts again on the same data, with another setup.
    pub fn restart_as(&mut self, setup: Setup) {
        self.setup = setup;
        self.process = self.setup.spawn(&self.data);
        self.addresses = listening(&self.process);
        self.proxy = deployed::in_front(&mut self.addresses);
    }

    /// A client with a session.
    pub fn client(&self, transport: Transport, person: &Person, device: Option<&Login>) -> Client {
        Client::signed_in(transport, &self.addresses, person, device)
    }

    /// Sends a request to the public API.
    pub fn post(&self, path: &str, person: Option<&Person>, json: &str) -> Answer {
        http::post(self.addresses.http, path, person, json)
    }

    /// Sends a GET request to the public port.
    pub fn get(&self, path: &str) -> Answer {
        http::get(self.addresses.http, path)
    }

    /// A number on the metrics page, without its fraction.
    pub fn metric(&self, name: &str) -> u64 {
        let page = http::get(self.addresses.admin, "/metrics");
        assert_eq!(page.status, 200);
        let value = page.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("no {name} in {}", page.text()));
        value.parse::<f64>().expect("a number") as u64
    }

    /// Waits for a value on the metrics page.
    pub fn awaits_metric(&self, name: &str, value: u64) {
        clock::eventually(&format!("{name} is {value}"), || self.metric(name) == value);
    }
}

fn listening(process: &Program) -> Addresses {
    let line = process.listening();
    let [tcp, ws, tls, http, admin] =
        ["tcp", "ws", "tls", "http", "admin"].map(|name| line.at(name));
    let [any, https, quic] = ["any", "https", "quic"]
        .map(|name| line.0.contains(&format!(" {name}=")).then(|| line.at(name)));
    Addresses { tcp, ws, tls, http, admin, any, https, quic }
}
