//! The files in `examples/operate` work with the programs that they are for.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use comet_server_testkit::client::{Client, Transport};
use comet_server_testkit::http;
use comet_server_testkit::nginx::Nginx;
use comet_server_testkit::person::Person;
use comet_server_testkit::server::{Addresses, Server, Setup};
use comet_testkit::ports::free;
use comet_testkit::program::Program;
use comet_testkit::websocket;
use tempfile::TempDir;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../operate").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A file with the ports of a test's server in place of the default ones.
fn for_server(text: &str, addresses: &Addresses) -> String {
    let text = text.replace("127.0.0.1:8888", &addresses.http.to_string());
    text.replace("127.0.0.1:3102", &addresses.ws.to_string())
}

/// A server that trusts a proxy on this machine, as the files tell operators to configure it.
fn behind_a_proxy() -> Server {
    let config = tempfile::NamedTempFile::new().expect("a file");
    let text = "[[trusted_proxies]]\nnet = \"127.0.0.1/32\"\nheader = \"x-forwarded-for\"\n";
    std::fs::write(config.path(), text).expect("written");
    Setup::default().flag("config", &config.path().display()).start()
}

/// Page, API and sessions work at this address, and the demo is unavailable there.
fn serves(proxy: SocketAddr) {
    let page = http::get(proxy, "/");
    assert!(page.status == 200 && page.text().contains("<title>"), "{}", page.text());
    assert_eq!(http::get(proxy, "/ping").status, 200);
    let person = Person::new("alice");
    let login = http::post(proxy, "/user/login", Some(&person), "{\"connType\":0}");
    assert_eq!(login.data()["address"], person.uid.as_str());
    for demo in ["/demo", "/demo/login", "/demo/online"] {
        assert_eq!(http::get(proxy, demo).status, 404, "{demo}");
    }
    for path in ["/sub", "/sub/"] {
        let socket = websocket::upgrade(proxy, path);
        let mut client = Client::over(Transport::WebSocket, socket);
        client.sign_in(&person, None);
        client.beat();
    }
}

#[test]
fn nginx_with_this_file_serves_everything_but_the_demo() {
    let server = behind_a_proxy();
    let text = for_server(&read("nginx.conf"), &server.addresses);
    let nginx = Nginx::serving(|address| {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("ssl_"));
        let lines: Vec<_> = lines.collect();
        let plain = lines.join("\n").replace("listen 443 ssl;", &format!("listen {address};"));
        assert!(plain.contains(&address.to_string()), "it listens where the test asks");
        plain + "\n"
    });
    serves(nginx.address);
}

/// A running Caddy; killed on drop.
struct Caddy {
    // Declared before its files, so that it is killed before they are removed.
    _process: Program,
    address: SocketAddr,
    _folder: TempDir,
}

impl Caddy {
    fn start(text: &str) -> Self {
        // Another process may take the port before Caddy does.
        let mut attempts = (0..5).filter_map(|_| Self::try_start(text));
        attempts.next().expect("Caddy starts")
    }

    fn try_start(text: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a directory");
        let address = free();
        // Under any host name, as the clients of these tests use it.
        let site = format!("http://:{}", address.port());
        let plain = text.replace("\nchat.example.org {", &format!("\n{site} {{"));
        assert!(plain.contains(&site), "it listens where the test asks");
        let config = folder.path().join("Caddyfile");
        let global = "{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}\n";
        std::fs::write(&config, format!("{global}{plain}")).expect("a configuration");
        let mut command = Command::new("caddy");
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&config);
        for home in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
            command.env(home, folder.path());
        }
        let log = folder.path().join("log");
        let mut process = Program::start_with_log(&mut command, &log);
        process.listens_at(address).then_some(Self { _process: process, address, _folder: folder })
    }
}

#[test]
fn caddy_with_this_file_serves_everything_but_the_demo() {
    let server = behind_a_proxy();
    let caddy = Caddy::start(&for_server(&read("Caddyfile"), &server.addresses));
    serves(caddy.address);
}

/// Runs a checker of the system, which must succeed.
fn passes(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{command:?}: {}", said.concat());
}

#[test]
fn the_unit_is_one_that_systemd_takes() {
    let folder = tempfile::tempdir().expect("a directory");
    let installed = env!("CARGO_BIN_EXE_comet-server");
    let unit = read("comet.service").replace("/usr/local/bin/comet-server", installed);
    let path = folder.path().join("comet.service");
    std::fs::write(&path, unit).expect("written");
    passes(Command::new("systemd-analyze").arg("verify").arg(path));
}

#[test]
fn rules_and_scrape_job_are_what_prometheus_takes() {
    passes(Command::new("promtool").args(["check", "rules"]).arg(file("alerts.yml")));
    passes(Command::new("promtool").args(["check", "config"]).arg(file("prometheus.yml")));
}

/// The names of our metrics in a text.
fn metrics(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("comet_") || word.starts_with("process_")).collect()
}

#[test]
fn every_metric_of_board_and_rules_exists() {
    let server = Server::start();
    // Requests are counted from the first one on.
    assert_eq!(server.get("/ping").status, 200);
    let page = http::get(server.addresses.admin, "/metrics");
    let exported: BTreeSet<&str> =
        page.text().lines().filter_map(|line| line.split(['{', ' ']).next()).collect();
    let (board, rules) = (read("grafana.json"), read("alerts.yml"));
    serde_json::from_str::<serde_json::Value>(&board).expect("JSON");
    let named = &metrics(&board) | &metrics(&rules);
    assert!(named.len() > 25, "{named:?}");
    let missing: Vec<_> = named.difference(&exported).collect();
    assert!(missing.is_empty(), "not exported: {missing:?}");
}

/// The supervisor's timeout before a kill exceeds the drain.
#[test]
fn the_stop_times_are_above_the_time_of_a_drain() {
    let output = Command::new(env!("CARGO_BIN_EXE_comet-server")).arg("--print-config").output();
    let config = String::from_utf8(output.expect("it runs").stdout).expect("text");
    let after = |text: &str, key: &str| {
        let rest = text.split_once(key).unwrap_or_else(|| panic!("no {key}")).1;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().expect("a number")
    };
    let drain = after(&config, "\ndrain_seconds = ");
    for (name, key) in [
        ("comet.service", "TimeoutStopSec="),
        ("supervisor.conf", "stopwaitsecs = "),
        ("compose.yaml", "stop_grace_period: "),
    ] {
        assert!(after(&read(name), key) >= drain + 5, "{name}");
    }
}
