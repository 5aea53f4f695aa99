//! The data directory: permissions, backup and restore, and detection of losses.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use comet_server_testkit::client::{Client, Transport};
use comet_server_testkit::http;
use comet_server_testkit::message::to_user;
use comet_server_testkit::person::{Person, browser};
use comet_server_testkit::server::{Server, Setup};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

fn comet(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comet-server"));
    command.args(arguments).output().expect("the program runs")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

#[test]
fn data_are_for_their_owner_alone_also_those_of_an_earlier_version() {
    let mut server = Server::start();
    let data = server.data_dir();
    server.client(Transport::Tcp, &Person::new("alice"), Some(&browser("b")));
    let check = || {
        assert_eq!(mode(&data), 0o700);
        for file in fs::read_dir(&data).expect("a directory") {
            let path = file.expect("a file").path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    };
    check();
    for name in ["messages.db-wal", "accounts.db-shm", "messages.mark", "demo.secret"] {
        assert!(data.join(name).exists(), "{name}");
    }
    server.kill();
    for file in fs::read_dir(&data).expect("a directory") {
        let path = file.expect("a file").path();
        fs::set_permissions(path, Permissions::from_mode(0o644)).expect("a mode");
    }
    fs::set_permissions(&data, Permissions::from_mode(0o755)).expect("a mode");
    server.restart();
    check();
}

#[test]
fn a_damaged_secret_is_refused() {
    let mut server = Server::start();
    let secret = server.data_dir().join("demo.secret");
    assert!(server.stop().success());
    fs::write(&secret, "short").expect("a file");
    let (status, said) = server.restart_fails();
    assert_eq!(status.code(), Some(1));
    assert!(said.contains(text(&secret)) && said.contains("5 bytes instead of 32"), "{said}");
    assert_eq!(fs::read(&secret).expect("a file"), b"short");
}

#[test]
fn a_log_that_is_gone_or_damaged_is_noticed_at_the_start() {
    let damages: [fn(&Path); 3] = [
        |wal| fs::remove_file(wal).expect("a file"),
        |wal| fs::write(wal, "").expect("a file"),
        // The checksums of the last frames do not match any more.
        |wal| {
            let mut bytes = fs::read(wal).expect("a file");
            let end = bytes.len();
            bytes[end - 4_000..].fill(0x55);
            fs::write(wal, bytes).expect("a file");
        },
    ];
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    for (n, damage) in damages.into_iter().enumerate() {
        let mut server = Server::start();
        let mut sender = server.client(Transport::Tcp, &alice, None);
        let last =
            (0..20).map(|n| sender.ask_among(&to_user(&bob.uid, &format!("m-{n}"), "hi"))).last();
        let last = last.expect("an answer").log_id;
        server.kill();
        // As after any crash, nothing is missing.
        server.restart();
        server.kill();
        let wal = server.data_dir().join("messages.db-wal");
        damage(&wal);
        let before = fs::read(server.data_dir().join("messages.mark")).expect("a mark");
        let (status, said) = server.restart_fails();
        assert_eq!(status.code(), Some(1), "{n}");
        assert!(said.contains("messages that were stored are missing"), "{said}");
        assert!(said.contains(&last.to_string()) && said.contains("--accept-loss"), "{said}");
        let after = fs::read(server.data_dir().join("messages.mark")).expect("a mark");
        assert_eq!(before, after);

        server.restart_as(Setup::default().switch("accept-loss"));
        assert!(server.process.errors().contains("opened all the same"));
        let mut sender = server.client(Transport::Tcp, &alice, None);
        assert!(sender.ask_among(&to_user(&bob.uid, "new", "hi")).log_id > last);
        assert!(server.stop().success());
        // Once accepted, it does not have to be accepted again.
        server.restart_as(Setup::default());
    }
}

#[test]
fn a_backup_under_load_has_every_message_that_was_answered_before_it_began() {
    let server = Server::start();
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    let message = |n: usize| to_user(&bob.uid, &format!("m-{n}"), format!("text {n}"));
    let dir = tempfile::tempdir().expect("a directory");
    let backup = dir.path().join("backup");
    let stop = AtomicBool::new(false);
    let addresses = server.addresses;
    let (told, counts) = std::sync::mpsc::channel();
    let (answered, answers) = std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut sender = Client::signed_in(Transport::Tcp, &addresses, &alice, None);
            let mut all = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                all.push(sender.ask_among(&message(all.len())));
                told.send(all.len()).expect("somebody counts");
            }
            all
        });
        let before = counts.iter().find(|&count| count >= 200).expect("200 answers");
        let done = comet(&["--data-dir", text(&server.data_dir()), "backup", text(&backup)]);
        // The load went on meanwhile, and goes on.
        let more = counts.iter().nth(1);
        stop.store(true, Ordering::Relaxed);
        assert!(done.status.success() && more.is_some(), "{done:?}");
        (before, sender.join().expect("the sender"))
    });
    assert!(answers.len() > answered);
    assert_eq!(mode(&backup), 0o700);
    for name in ["messages.db", "accounts.db", "demo.secret", "ticket.secret"] {
        assert_eq!(mode(&backup.join(name)), 0o600, "{name}");
    }

    let restored = dir.path().join("restored");
    let done = comet(&["restore", text(&backup), "--data-dir", text(&restored)]);
    assert!(done.status.success(), "{done:?}");
    let secret = |at: &Path| fs::read(at.join("demo.secret")).expect("a secret");
    assert_eq!(secret(&restored), secret(&server.data_dir()));
    let setup = Setup::default().flag("data-dir", &restored.display());
    let second = setup.start();
    let mut again = second.client(Transport::Tcp, &alice, None);
    for (n, answer) in answers.iter().take(answered).enumerate() {
        assert_eq!(again.ask_among(&message(n)), *answer, "{n}");
    }
    assert_eq!(http::get(second.addresses.admin, "/ready").status, 200);
}

#[test]
fn backup_and_restore_overwrite_nothing_by_themselves() {
    let mut server = Server::start();
    let data = server.data_dir();
    let dir = tempfile::tempdir().expect("a directory");
    let (backup, other) = (dir.path().join("backup"), dir.path().join("other"));
    let fails = |arguments: &[&str], about: &str| {
        let done = comet(arguments);
        let said = String::from_utf8(done.stderr).expect("UTF-8");
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains(about), "{said}");
    };
    assert!(comet(&["backup", text(&backup), "--data-dir", text(&data)]).status.success());
    fails(&["backup", text(&backup), "--data-dir", text(&data)], "is not empty");
    fails(&["backup", text(&other), "--data-dir", text(&other)], "has no messages.db");
    fails(&["restore", text(&other), "--data-dir", text(&other)], "has no messages.db");
    fails(&["restore", text(&backup), "--data-dir", text(&data)], "there are data");
    let force = ["restore", text(&backup), "--force", "--data-dir", text(&data)];
    fails(&force, "used by another server");
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    server.client(Transport::Tcp, &alice, None).ask(&to_user(&bob.uid, "m-1", "hi"));
    server.kill();
    assert!(comet(&force).status.success());
    server.restart();
    let count = server.post("/app/record/sync-record", Some(&bob), r#"{"count":20}"#).data();
    assert_eq!(count["record_count"], 0);
    assert!(server.stop().success());

    let file = backup.join("messages.db");
    let mut bytes = fs::read(&file).expect("a file");
    bytes[4096..].fill(0x55);
    fs::write(&file, bytes).expect("a file");
    fails(&force, "is damaged");
    server.restart();
}
