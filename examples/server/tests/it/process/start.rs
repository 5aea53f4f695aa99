//! Starting: settings from their four sources, and error messages.

use std::fs;
use std::process::Command;

use comet_server_testkit::client::{Client, Transport, auth};
use comet_server_testkit::http;
use comet_server_testkit::person::Person;
use comet_server_testkit::server::{Server, Setup};
use comet_testkit::frame::{AUTH_REPLY, auth_of, frame};
use comet_testkit::ports::free;

#[test]
fn the_printed_configuration_can_be_loaded() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comet-server"));
    let printed = command.arg("--print-config").output().expect("the program runs");
    assert!(printed.status.success() && printed.stderr.is_empty());
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("comet.toml");
    fs::write(&file, &printed.stdout).expect("a file");

    let server = Setup::default().flag("config", &file.display()).start();
    server.client(Transport::Tcp, &Person::new("alice"), None).beat();
}

#[test]
fn the_file_sets_what_the_flags_leave_open() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("comet.toml");
    let data = dir.path().join("elsewhere");
    let config = format!(
        "data_dir = {:?}\napps = [\"other\"]\n[listen]\ntcp = \"127.0.0.1:0\"\n",
        data.to_str().expect("a path in UTF-8")
    );
    fs::write(&file, config).expect("a file");
    let setup = Setup::default().flag("config", &file.display()).flag("data-dir", &data.display());
    let server = setup.no_flag("tcp").start();
    assert!(data.join("messages.db").exists());

    let mut client = Client::connect(Transport::Tcp, &server.addresses);
    let token = Person::new("alice").token();
    client.send(&auth_of("other", 1, &token, ""));
    assert_eq!(client.receive(), frame(AUTH_REPLY, 1, ""));
    let mut client = Client::connect(Transport::Tcp, &server.addresses);
    client.send(&auth(1, &token, None));
    client.ends();
}

#[test]
fn the_environment_wins_over_the_file_and_flags_over_both() {
    let (in_file, in_environment) = (free(), free());
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("comet.toml");
    fs::write(&file, format!("[listen]\nhttp = \"{in_file}\"\n")).expect("a file");
    let setup = Setup::default()
        .flag("config", &file.display())
        .variable("COMET_LISTEN__HTTP", &in_environment)
        .no_flag("http");
    let mut server = setup.start();
    assert_eq!(server.addresses.http, in_environment);
    assert_eq!(server.get("/ping").status, 200);
    assert!(server.stop().success());

    let setup = Setup::default().variable("COMET_LISTEN__HTTP", &in_environment);
    assert_ne!(setup.start().addresses.http, in_environment);
}

#[test]
fn a_setting_that_is_not_understood_is_named() {
    let complaints = [
        ("COMET_LISTEN__HTPP", "127.0.0.1:0", "htpp"),
        ("COMET_LISTEN__HTTP", "nowhere", "listen.http"),
        ("COMET_STORE__NODE", "16", "store.node"),
        ("COMET_LOG_FORMAT", "xml", "log_format"),
    ];
    for (name, value, named) in complaints {
        let (status, said) = Setup::default().no_flag("http").variable(name, &value).fails();
        assert_eq!(status.code(), Some(1), "{name}");
        assert!(said.contains("bad configuration"), "{said}");
        assert!(said.to_lowercase().contains(named), "{said}");
        assert!(said.contains("--print-config"), "what to do: {said}");
    }
}

#[test]
fn a_configuration_can_be_checked_without_a_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("comet.toml");
    let check = |text: &str| {
        fs::write(&file, text).expect("a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_comet-server"));
        command.args(["--check-config", "--data-dir"]).arg(dir.path().join("data"));
        let done = command.arg("--config").arg(&file).output().expect("the program runs");
        let [said, complained] = [done.stdout, done.stderr].map(String::from_utf8);
        (done.status.code(), said.expect("UTF-8"), complained.expect("UTF-8"))
    };
    let good = "[listen]\nhttp = \"localhost:8888\"\n";
    assert_eq!(check(good), (Some(0), "the configuration is good\n".to_owned(), String::new()));
    let (code, said, complained) = check("[listen]\n\nhttp = \"localhost\"\n");
    assert_eq!((code, &*said), (Some(1), ""));
    let expected = format!(
        "comet-server: bad configuration: {}:3: listen.http: \"localhost\" is no address with a \
         port, such as \"127.0.0.1:8888\"\n  \
         --print-config shows every setting with its default.\n",
        file.display()
    );
    assert_eq!(complained, expected);
    assert!(!dir.path().join("data").exists());
}

#[test]
fn a_listener_can_be_given_by_the_name_of_its_host() {
    let server = Setup::default().flag("http", &"localhost:0").start();
    assert!(server.addresses.http.ip().is_loopback());
    assert_eq!(server.get("/ping").status, 200);
}

#[test]
fn a_taken_port_is_named_with_the_flag_that_changes_it() {
    let server = Server::start();
    let taken = server.addresses;
    for (flag, address) in [
        ("tcp", taken.tcp),
        ("ws", taken.ws),
        ("tls", taken.tls),
        ("http", taken.http),
        ("admin", taken.admin),
    ] {
        let (status, said) = Setup::default().flag(flag, &address).fails();
        assert_eq!(status.code(), Some(1), "{flag}");
        assert!(said.contains(&format!("cannot listen on {address}")), "{said}");
        assert!(said.contains(&format!("--{flag}")), "what to do: {said}");
    }
    // The first one is not affected.
    for transport in Transport::ALL {
        server.client(transport, &Person::new("alice"), None).beat();
    }
}

#[test]
fn a_taken_directory_is_named_with_the_flag_that_changes_it() {
    let mut server = Server::start();
    let directory = server.data_dir();
    let (status, said) = Setup::default().flag("data-dir", &directory.display()).fails();
    assert_eq!(status.code(), Some(1));
    assert!(said.contains(directory.to_str().expect("a path in UTF-8")), "{said}");
    assert!(said.contains("used by another server") && said.contains("--data-dir"), "{said}");
    // A killed server leaves nothing behind that blocks the next.
    server.kill();
    server.restart();
    assert_eq!(server.get("/ping").status, 200);
}

#[test]
fn an_unusable_directory_or_database_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let in_the_way = dir.path().join("file");
    fs::write(&in_the_way, "not a directory").expect("a file");
    let damaged = dir.path().join("damaged");
    fs::create_dir(&damaged).expect("a directory");
    fs::write(damaged.join("messages.db"), "no database ".repeat(1_000)).expect("a file");
    for (path, about) in [
        (in_the_way.clone(), in_the_way.display().to_string()),
        (in_the_way.join("below"), in_the_way.display().to_string()),
        (damaged, "database of messages".to_owned()),
    ] {
        let (status, said) = Setup::default().flag("data-dir", &path.display()).fails();
        assert_eq!(status.code(), Some(1));
        assert!(said.contains(&about), "{said}");
        assert!(said.contains("--data-dir"), "what to do: {said}");
    }
}

#[test]
fn health_and_metrics_are_on_their_own_port_alone() {
    let server = Server::start();
    assert_eq!(http::get(server.addresses.admin, "/health").status, 200);
    assert_eq!(http::get(server.addresses.admin, "/ready").status, 200);
    assert_eq!(http::get(server.addresses.admin, "/metrics").status, 200);
    assert_eq!(server.get("/metrics").status, 404);
    assert_eq!(server.get("/health").status, 404);
    assert_eq!(server.get("/ready").status, 404);
}
