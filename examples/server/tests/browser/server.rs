//! The bundled server as a process, on ports of its own and with a directory of its own.

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

/// How long a drain may take.
const DRAIN: Duration = Duration::from_secs(3);

/// A running server; its data survives [`Server::kill`] and [`Server::restart`].
#[derive(Debug)]
pub(crate) struct Server {
    http: String,
    admin: String,
    demo: &'static str,
    // Before its data, as it is to die before they go.
    process: ProcessGroup,
    data: Folder,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_in_mode("auto").await
    }

    /// A server as it is when others can reach it: nobody signs in by name alone.
    pub(crate) async fn start_without_demo() -> Self {
        Self::start_in_mode("off").await
    }

    async fn start_in_mode(demo: &'static str) -> Self {
        let data = Folder::new();
        let (process, Listening { http, admin }) = spawn(&data, "127.0.0.1:0", demo).await;
        Self { http, admin, demo, process, data }
    }

    /// Where the page is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.http)
    }

    /// Where the HTTP port is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.http.parse().expect("an address")
    }

    /// Waits until the metrics page has this line.
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

    /// SIGKILL: nothing is flushed, no client is told.
    pub(crate) async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// Ends as an operator would end it: sessions are told when to come back.
    pub(crate) async fn drain(&mut self) {
        self.process.terminate().await;
    }

    /// Halts every thread: connections stay open, and nothing is answered any more.
    pub(crate) fn freeze(&self) {
        self.process.signal(Signal::STOP);
    }

    /// Goes on after [`Server::freeze`].
    pub(crate) fn thaw(&self) {
        self.process.signal(Signal::CONT);
    }

    /// Starts again after [`Server::kill`] or [`Server::drain`], with the same data at the same
    /// address.
    pub(crate) async fn restart(&mut self) {
        let (process, Listening { http, admin }) = spawn(&self.data, &self.http, self.demo).await;
        assert_eq!(http, self.http, "the pages look for the server where it was");
        (self.process, self.admin) = (process, admin);
    }
}

async fn spawn(data: &Folder, http: &str, demo: &str) -> (ProcessGroup, Listening) {
    let log = data.path().join("stderr.log");
    let mut command = Command::new(env!("CARGO_BIN_EXE_comet-server"));
    command
        .arg("--data-dir")
        .arg(data.path().join("data"))
        .args(["--http", http, "--tcp", "127.0.0.1:0", "--ws", "127.0.0.1:0"])
        .args(["--admin", "127.0.0.1:0"])
        .env("COMET_DEMO__MODE", demo)
        .env("COMET_DRAIN_SECONDS", DRAIN.as_secs().to_string())
        .stderr(File::create(&log).expect("a file for the log"));
    let mut process = ProcessGroup::start(command).expect("the server starts");
    let listening = process.await_line(Listening::read).await;
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    let listening = listening.unwrap_or_else(|| panic!("the server did not listen: {}", said()));
    (process, listening)
}

/// Where a server said that it listens.
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
