//! The bundled server as a process, with its own ports and directory.

use std::fs::File;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::folder::Folder;
use crate::process::ProcessGroup;
use crate::wait;

/// Time limit of a drain.
const DRAIN: Duration = Duration::from_secs(3);

/// A running server; its data survives [`Server::kill`] and [`Server::restart`].
#[derive(Debug)]
pub(crate) struct Server {
    http: String,
    admin: String,
    modes: Modes,
    // Declared before its data, so that it is killed before they are removed.
    process: ProcessGroup,
    data: Folder,
}

/// What is switched on.
#[derive(Clone, Copy, Debug)]
struct Modes {
    demo: &'static str,
    /// The address of the QUIC port; empty for none.
    quic: &'static str,
}

impl Server {
    /// A server whose pages talk over WebSocket, where a [`Line`](crate::line::Line) can be put.
    pub(crate) async fn start() -> Self {
        Self::start_in(Modes { demo: "auto", quic: "" }).await
    }

    /// A server that offers WebTransport, too.
    pub(crate) async fn start_with_quic() -> Self {
        Self::start_in(Modes { demo: "auto", quic: "127.0.0.1:0" }).await
    }

    /// A server as if reachable by others: sign-in by name alone is disabled.
    pub(crate) async fn start_without_demo() -> Self {
        Self::start_in(Modes { demo: "off", quic: "" }).await
    }

    async fn start_in(modes: Modes) -> Self {
        let data = Folder::new();
        let (process, Listening { http, admin }) = spawn(&data, "127.0.0.1:0", modes).await;
        Self { http, admin, modes, process, data }
    }

    /// The page's URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.http)
    }

    /// The address of the HTTP port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.http.parse().expect("an address")
    }

    /// Waits until the metrics page contains this line.
    pub(crate) async fn wait_for_metric(&self, line: &str) {
        let shown = wait::poll(async || {
            let shown = self.metrics().await;
            if shown.lines().any(|shown| shown == line) { Ok(()) } else { Err(shown) }
        });
        if let Err(shown) = shown.await {
            panic!("expected {line}: {shown}");
        }
    }

    async fn metrics(&self) -> String {
        let mut stream = TcpStream::connect(&self.admin).await.expect("the admin port");
        let request = format!("GET /metrics HTTP/1.0\r\nHost: {}\r\n\r\n", self.admin);
        stream.write_all(request.as_bytes()).await.expect("the request goes out");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("the answer is text");
        answer
    }

    /// SIGKILL: nothing is flushed, clients are not told.
    pub(crate) async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// Stops as by an operator: sessions are told when to reconnect.
    pub(crate) async fn drain(&mut self) {
        self.process.terminate().await;
    }

    /// Stops every thread: connections stay open, without any response.
    pub(crate) fn freeze(&self) {
        self.process.signal(Signal::STOP);
    }

    /// Resumes after [`Server::freeze`].
    pub(crate) fn thaw(&self) {
        self.process.signal(Signal::CONT);
    }

    /// Starts again after [`Server::kill`] or [`Server::drain`], with the same data at the same
    /// address.
    pub(crate) async fn restart(&mut self) {
        let (process, Listening { http, admin }) = spawn(&self.data, &self.http, self.modes).await;
        assert_eq!(http, self.http, "the pages look for the server where it was");
        (self.process, self.admin) = (process, admin);
    }
}

async fn spawn(data: &Folder, http: &str, modes: Modes) -> (ProcessGroup, Listening) {
    let log = data.path().join("stderr.log");
    let mut command = Command::new(env!("CARGO_BIN_EXE_comet-server"));
    command
        .arg("--data-dir")
        .arg(data.path().join("data"))
        .args(["--http", http, "--tcp", "127.0.0.1:0", "--ws", "127.0.0.1:0"])
        .args(["--admin", "127.0.0.1:0", "--quic", modes.quic])
        .args(["--tls", "127.0.0.1:0"])
        .env("COMET_DEMO__MODE", modes.demo)
        .env("COMET_DRAIN_SECONDS", DRAIN.as_secs().to_string())
        .stderr(File::create(&log).expect("a file for the log"));
    let mut process = ProcessGroup::start(command).expect("the server starts");
    let listening = process.await_line(Listening::read).await;
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    let listening = listening.unwrap_or_else(|| panic!("the server did not listen: {}", said()));
    (process, listening)
}

/// The addresses announced by a server.
#[derive(Debug)]
struct Listening {
    http: String,
    admin: String,
}

impl Listening {
    fn read(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("listening ")?;
        let address = |key: &str| {
            let field = rest.split_whitespace().find_map(|field| field.strip_prefix(key));
            field.map(str::to_owned)
        };
        Some(Self { http: address("http=")?, admin: address("admin=")? })
    }
}
