//! Other servers that the machine has, each started privately; what is not installed is skipped,
//! and said to be.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use comet_bench::dialect::Dialect;
use comet_bench::driver::Route;
use comet_testkit::ports::free;
use comet_testkit::program::Program;

use crate::party::assert_fan_and_echo;

/// A server that ends with the test.
struct Peer {
    _process: Program,
    /// WebSocket, and plain TCP if it has any.
    ws: SocketAddr,
    tcp: SocketAddr,
}

/// Where programs are that users seldom start.
const FOLDERS: [&str; 2] = ["/usr/local/sbin", "/usr/sbin"];

impl Peer {
    /// Starts a program of the system with the configuration `peers/NAME.conf`; `None` if it, or
    /// a file that it needs, is not there.
    fn configured(name: &str, program: &str, needs: &[&str]) -> Option<Self> {
        let Some(found) = find(program) else { return skip(program) };
        if let Some(missing) = needs.iter().find(|needed| !Path::new(needed).exists()) {
            return skip(missing);
        }
        let folder = folder(name);
        let (ws, tcp) = (free(), free());
        let template = fs::read_to_string(given(&format!("{name}.conf")));
        let config = template
            .expect("a configuration")
            .replace("@WS@", &ws.port().to_string())
            .replace("@TCP@", &tcp.port().to_string())
            .replace("@FOLDER@", folder.to_str().expect("a path of text"));
        let file = folder.join(format!("{name}.conf"));
        fs::write(&file, config).expect("written");
        Some(Self::start(name, Command::new(found).arg("-c").arg(file), ws, tcp))
    }

    /// Runs a script of `peers`, if words of its language find what it needs.
    fn scripted(script: &str, program: &str, words: &[&str]) -> Option<Self> {
        let Some(found) = find(program) else { return skip(program) };
        let probe =
            Command::new(&found).args(words).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !probe.is_ok_and(|status| status.success()) {
            return skip(&format!("what {script} needs"));
        }
        let ws = free();
        let mut command = Command::new(found);
        command.arg(given(script)).arg(ws.port().to_string());
        Some(Self::start(script, &mut command, ws, ws))
    }

    fn start(name: &str, command: &mut Command, ws: SocketAddr, tcp: SocketAddr) -> Self {
        let log = folder(name).join("log");
        let mut process = Program::start_with_log(command, &log);
        assert!(process.listens_at(ws), "{name} does not listen on {ws}: {}", process.errors());
        Self { _process: process, ws, tcp }
    }
}

/// Where a program is.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Says so: the macros' words would be kept from whoever runs the tests.
fn skip(what: &str) -> Option<Peer> {
    writeln!(io::stderr(), "skipped: {what} is not installed").expect("said");
    None
}

/// What is given to users to run a server with.
fn given(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(file)
}

/// For what a server writes.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

#[test]
fn mosquitto_keeps_every_message() {
    let Some(peer) = Peer::configured("mosquitto", "mosquitto", &[]) else { return };
    assert_fan_and_echo(Dialect::Mqtt, &Route::websocket(peer.ws));
    assert_fan_and_echo(Dialect::Mqtt, &Route::tcp(peer.tcp));
}

#[test]
fn nats_keeps_every_message() {
    let Some(peer) = Peer::configured("nats", "nats-server", &[]) else { return };
    assert_fan_and_echo(Dialect::Nats, &Route::websocket(peer.ws));
    assert_fan_and_echo(Dialect::Nats, &Route::tcp(peer.tcp));
}

#[test]
fn nchan_keeps_every_message() {
    let module = "/usr/lib/nginx/modules/ngx_nchan_module.so";
    let Some(peer) = Peer::configured("nchan", "nginx", &[module]) else { return };
    assert_raw(&peer);
}

/// Plain WebSocket, in both of its kinds of message.
fn assert_raw(peer: &Peer) {
    assert_fan_and_echo(Dialect::Raw, &Route::websocket(peer.ws));
    assert_fan_and_echo(Dialect::RawText, &Route::websocket(peer.ws));
}

#[test]
fn node_keeps_every_message() {
    let probe = ["-e", "require.resolve('ws')"];
    let Some(peer) = Peer::scripted("ws.js", "node", &probe) else { return };
    assert_raw(&peer);
}

#[test]
fn uwebsockets_keeps_every_message() {
    let probe = ["-e", "require.resolve(process.env.UWS || 'uWebSockets.js')"];
    let Some(peer) = Peer::scripted("uws.js", "node", &probe) else { return };
    assert_raw(&peer);
}

#[test]
fn bun_keeps_every_message() {
    let Some(peer) = Peer::scripted("bun.js", "bun", &["--version"]) else { return };
    assert_raw(&peer);
}

#[test]
fn python_keeps_every_message() {
    let probe = ["-c", "import websockets.asyncio.server"];
    let Some(peer) = Peer::scripted("python.py", "python3", &probe) else { return };
    assert_raw(&peer);
}
