//! The process: killed, stopped, and with a full disk.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use comet_server_testkit::client::{Client, Next, Transport};
use comet_server_testkit::message::{Delivered, to_user};
use comet_server_testkit::person::phone;
use comet_server_testkit::server::{Server, Setup};
use comet_testkit::frame::{DELIVER, SEND_REPLY};
use comet_testkit::program::Signal;
use comet_testkit::websocket;

use crate::arena::{Arena, Port, person};
use crate::attack::Attack;
use crate::line::{Line, pass, until};
use crate::login;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("kill-in-the-middle", "SIGKILL three times while messages flow", killed),
    Attack::new(
        "stop-with-half-open",
        "SIGTERM with 50 silent connections to each port",
        half_open,
    )
    .with(&["drain_seconds=2"])
    .quick(),
    Attack::new("stop-with-stalled", "SIGTERM with 50 sessions that do not read", stalled)
        .with(&["drain_seconds=2"]),
    Attack::new("drain-and-come", "newcomers while the server drains", draining)
        .with(&["drain_seconds=5"]),
    Attack::new("hangup", "SIGHUP five times while messages flow", hangups),
    Attack::new("disk-full", "no room on the disk while a device signs in", disk_full),
];

/// Answered messages survive the kill.
fn killed(arena: &mut Arena) {
    arena.without_witnesses();
    let [from, to] = ["writes", "reads later"].map(person);
    let mut answered: HashSet<String> = HashSet::new();
    for round in 0..3 {
        let mut client = Client::signed_in(Transport::Tcp, &arena.at(), &from, None);
        let mut ids = Vec::new();
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(700) {
            let msg_id = format!("m-{round}-{}", ids.len());
            let seq = client.post(&to_user(&to.uid, &msg_id, "kept?"));
            ids.push((seq, msg_id));
            while let Next::Frame(frame) = client.next(Instant::now() + Duration::from_millis(1)) {
                if frame.op == SEND_REPLY {
                    let id = ids.iter().find(|(seq, _)| *seq == frame.ack);
                    answered.extend(id.map(|(_, id)| id.clone()));
                } else if frame.op == DELIVER {
                    client.ack(frame.seq);
                }
            }
        }
        arena.server.kill();
        arena.server.restart();
    }
    let request = r#"{"count":1000}"#;
    let data = arena.server.post("/app/record/sync-record", Some(&to), request).data();
    let records = data["records"].as_array().map(Vec::as_slice).unwrap_or_default();
    let kept: Vec<String> =
        records.iter().map(|record| id_in(record.as_str().unwrap_or(""))).collect();
    let unique: HashSet<&String> = kept.iter().collect();
    arena.at_least("messages answered", answered.len(), 50);
    arena.is("lost", answered.iter().filter(|id| !unique.contains(id)).count(), 0);
    arena.is("doubled", kept.len() - unique.len(), 0);
}

fn id_in(record: &str) -> String {
    use base64::Engine as _;
    let body = base64::engine::general_purpose::STANDARD.decode(record).expect("base64");
    Delivered::read(&body).message().msg_id
}

fn stops(arena: &mut Arena, within: Duration) {
    arena.without_witnesses();
    arena.server.process.signal(Signal::TERM);
    let began = Instant::now();
    let status = arena.server.process.ended();
    arena.within("ended", Some(began.elapsed()), within);
    arena.is("exit code", status.code().unwrap_or(-1), 0);
}

fn half_open(arena: &mut Arena) {
    let ports = [Port::Tcp, Port::Ws, Port::Http, Port::Admin];
    let mut lines: Vec<Line> =
        ports.iter().flat_map(|port| (0..50).map(|_| *port)).map(|port| arena.line(port)).collect();
    for line in &mut lines {
        line.say("\0\0");
    }
    stops(arena, Duration::from_secs(8));
    drop(lines);
}

fn stalled(arena: &mut Arena) {
    let who = person("does not read");
    let tcp = arena.address(Port::Tcp);
    let open = (0..50).filter_map(|_| {
        let line = Line::between(crate::line::STRANGER, tcp, Some(4 * 1024));
        login::over(line, &who, None)
    });
    let lines: Vec<Line> = open.collect();
    arena.is("signed in", lines.len(), 50);
    let mut client = Client::signed_in(Transport::Tcp, &arena.at(), &person("writes"), None);
    for number in 0..100 {
        client.post(&to_user(&who.uid, &format!("m-{number}"), vec![7; 15_000]));
    }
    stops(arena, Duration::from_secs(8));
    drop(lines);
}

/// A draining server says so on every port, and is alive.
fn draining(arena: &mut Arena) {
    // A reader that accepts nothing prolongs the drain.
    let who = person("does not read");
    let line = Line::between(crate::line::STRANGER, arena.address(Port::Tcp), Some(4 * 1024));
    let line = login::over(line, &who, None).expect("a session");
    let mut client = Client::signed_in(Transport::Tcp, &arena.at(), &person("writes"), None);
    for number in 0..60 {
        client.post(&to_user(&who.uid, &format!("m-{number}"), vec![7; 15_000]));
    }
    for _ in 0..60 {
        client.receive();
    }
    arena.without_witnesses();
    arena.server.process.signal(Signal::TERM);
    arena.server.process.says("draining");
    for (path, status) in [("/health", 200), ("/ready", 503)] {
        let answer = arena.asks(Port::Admin, path).unwrap_or(0);
        arena.is(path, answer, status);
    }
    let mut newcomer = arena.line(Port::Http);
    newcomer.say(websocket::request("/sub", ""));
    let answer = newcomer.hears(Duration::from_secs(4), |bytes| bytes.ends_with(b"\r\n\r\n"));
    let text = String::from_utf8_lossy(answer).to_ascii_lowercase();
    arena.holds("/sub answers 503", text.starts_with("http/1.1 503"));
    arena.holds("with Retry-After", text.contains("retry-after:"));
    drop(line);
    let status = arena.server.process.ended();
    arena.is("exit code", status.code().unwrap_or(-1), 0);
}

fn hangups(arena: &mut Arena) {
    for _ in 0..5 {
        arena.server.process.signal(Signal::HUP);
        pass(Duration::from_millis(300));
    }
    // The two healthy users would have noticed an end.
    arena.holds("alive", arena.asks(Port::Admin, "/health") == Some(200));
}

/// A separate file system, unmounted on drop.
struct Small(tempfile::TempDir);

impl Small {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(folder.path());
        mount.stderr(std::process::Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(Self(folder))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // An error here can no longer be handled.
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

/// Fills the disk to the last byte; returns the file, to be removed afterwards.
fn fill(folder: &Path) -> std::path::PathBuf {
    use std::io::Write as _;
    let path = folder.join("everything-else");
    let mut file = fs::File::create(&path).expect("a file");
    while file.write_all(&[7; 4_096]).is_ok() {}
    path
}

fn disk_full(arena: &mut Arena) {
    let Some(small) = Small::mount() else {
        return arena.bound(
            "carried out",
            "-",
            "not: a file system can only be mounted by root",
            true,
        );
    };
    let data = small.0.path().join("data");
    let server = Setup::default().flag("data-dir", &data.display()).start();
    let signs_in = |server: &Server, uuid: &str| {
        let mut line = Line::to(server.addresses.tcp);
        line.say(login::frame_of(&person("has a device"), Some(&phone(uuid))));
        login::is_accepted(&mut line)
    };
    arena.holds("a device signs in before", signs_in(&server, "before"));
    let filler = fill(small.0.path());
    for number in 0..5 {
        signs_in(&server, &format!("during {number}"));
    }
    fs::remove_file(filler).expect("a file");
    let back = until(Duration::from_secs(5), || signs_in(&server, "after"));
    arena.holds("a device signs in when there is room again", back);
    drop(server);
    drop(small);
}
