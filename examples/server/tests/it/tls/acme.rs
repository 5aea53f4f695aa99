//! Certificates from an authority by ACME: pebble, of Let's Encrypt, with its DNS server. The Go
//! toolchain builds both, once; where there is none these tests are skipped, and say so.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use comet_server_testkit::client::{Client, Transport};
use comet_server_testkit::person::Person;
use comet_server_testkit::server::{Server, Setup};
use comet_testkit::clock;
use comet_testkit::ports::free;
use comet_testkit::program::Program;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::certificate::{Folder, Made};
use super::line::Asked;

const PROGRAMS: [&str; 2] = ["pebble", "pebble-challtestsrv"];
const VERSION: &str = "v2.10.3";

/// The folder with the programs, built if need be.
fn programs() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let build = || {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pebble");
        for name in PROGRAMS.iter().filter(|name| !folder.join(name).exists()) {
            let module = format!("github.com/letsencrypt/pebble/v2/cmd/{name}@{VERSION}");
            let mut go = Command::new("timeout");
            go.args(["240", "go", "install", &module]).env("GOBIN", &folder);
            let _built = go.output();
        }
        PROGRAMS.iter().all(|name| folder.join(name).exists()).then_some(folder)
    };
    let folder = FOLDER.get_or_init(build).as_deref();
    if folder.is_none() {
        // Past the test harness, which hides the output of tests that pass.
        let said = "skipped: no ACME server, which the Go toolchain builds\n";
        std::io::stderr().write_all(said.as_bytes()).expect("stderr takes it");
    }
    folder
}

/// An authority, which verifies names at this port.
struct Authority {
    _authority: Program,
    _names: Program,
    directory: SocketAddr,
    management: SocketAddr,
    /// Of the DNS server.
    names: SocketAddr,
    folder: Folder,
    port: SocketAddr,
}

impl Authority {
    /// One whose certificates are valid for so many seconds.
    fn start(validity: u32) -> Option<Self> {
        let programs = programs()?;
        let folder = Folder::new();
        let [directory, management, names, dns, port] = [free(), free(), free(), free(), free()];
        let own = folder.put("own.pem", &Made::new(&["localhost", "127.0.0.1"]));
        let config = serde_json::json!({ "pebble": {
            "listenAddress": directory.to_string(),
            "managementListenAddress": management.to_string(),
            "certificate": &own,
            "privateKey": &own,
            "httpPort": 1,
            "tlsPort": port.port(),
            "domainBlocklist": ["blocked.test"],
            "retryAfter": { "authz": 0, "order": 0 },
            "profiles": { "default": { "description": "d", "validityPeriod": validity } },
        }});
        let file = folder.path("pebble.json");
        fs::write(&file, config.to_string()).expect("a file");
        let mut server = Command::new(programs.join("pebble-challtestsrv"));
        server.args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", ""]);
        server.args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""]);
        server.args(["-dnsserver", &dns.to_string(), "-management", &names.to_string()]);
        let mut names_server = Program::start_with_log(&mut server, &folder.path("names.log"));
        assert!(names_server.listens_at(names), "the DNS server");
        let mut server = Command::new(programs.join("pebble"));
        server.arg("-config").arg(&file).args(["-dnsserver", &dns.to_string()]);
        server.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_AUTHZREUSE", "0");
        let mut authority = Program::start_with_log(&mut server, &folder.path("pebble.log"));
        assert!(authority.listens_at(directory), "pebble");
        Some(Self {
            _authority: authority,
            _names: names_server,
            directory,
            management,
            names,
            folder,
            port,
        })
    }

    /// A server with certificates for these names.
    fn serve(&self, names: &[&str]) -> Setup {
        let setup = Setup::default().flag("https", &self.port).flag("log", &"info");
        let directory = format!("https://localhost:{}/dir", self.directory.port());
        let setup = setup.set(&format!("acme.directory={directory}"));
        let setup = setup.set(&format!("acme.root={}", self.folder.path("own.pem").display()));
        let setup = setup.set("acme.retry_seconds=1");
        names.iter().fold(setup, |setup, name| setup.switch(&format!("acme={name}")))
    }

    /// The root of its certificates.
    fn root(&self) -> CertificateDer<'static> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--max-time", "60", "--insecure"]);
        let output = curl.arg(format!("https://{}/roots/0", self.management)).output();
        let pem = output.expect("curl").stdout;
        CertificateDer::from_pem_slice(&pem).expect("a root")
    }

    /// Has a name lead to this address.
    fn lead(&self, name: &str, address: &str) {
        for (call, more) in [("clear-a", ""), ("add-a", &*format!(r#","addresses":["{address}"]"#))]
        {
            let mut curl = Command::new("curl");
            curl.args(["--silent", "--fail", "--max-time", "60", "--data"]);
            curl.arg(format!(r#"{{"host":"{name}"{more}}}"#));
            let status = curl.arg(format!("http://{}/{call}", self.names)).status();
            assert!(status.expect("curl").success(), "{call}");
        }
    }
}

#[test]
fn a_name_is_all_it_takes_and_its_certificate_is_renewed_in_time() {
    let Some(authority) = Authority::start(9) else { return };
    let mut server = authority.serve(&["one.test", "two.test"]).start();
    let trusted = [authority.root()];
    let shown = |server: &Server, name| {
        let asked = Asked { trusted: &trusted, name, protocol: None };
        asked.try_connect(server.addresses.https.expect("a port")).ok()
    };
    let (socket, first) = clock::until("issued", || shown(&server, "one.test"));
    let mut session = Client::over(Transport::Tcp, socket);
    session.sign_in(&Person::new("alice"), None);
    let (_, second) = clock::until("issued", || shown(&server, "two.test"));
    assert_ne!(first, second, "each name has its own");
    // The other ports have them too.
    let asked = Asked { trusted: &trusted, name: "two.test", protocol: None };
    asked.connect(server.addresses.http);
    for name in ["acme.account.json", "acme.one.test.pem", "acme.two.test.pem"] {
        let mode = fs::metadata(server.data_dir().join(name)).expect(name).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }

    clock::eventually("renewed", || {
        shown(&server, "one.test").is_some_and(|(_, shown)| shown != first)
    });
    session.beat();
    assert!(!server.process.errors().contains("no certificate"), "{}", server.process.errors());

    // What was issued is kept, and so is the account.
    let account = fs::read(server.data_dir().join("acme.account.json")).expect("an account");
    server.stop();
    server.restart();
    clock::eventually("shown again", || shown(&server, "one.test").is_some());
    let again = fs::read(server.data_dir().join("acme.account.json")).expect("an account");
    assert_eq!(account, again);
}

#[test]
fn a_refused_name_is_told_and_tried_again_and_costs_others_nothing() {
    let Some(authority) = Authority::start(600) else { return };
    authority.lead("elsewhere.test", "127.0.0.9");
    let names = ["elsewhere.test", "blocked.test", "good.test"];
    let server = authority.serve(&names).start();
    let trusted = [authority.root()];
    let has = |name| {
        let asked = Asked { trusted: &trusted, name, protocol: None };
        asked.try_connect(server.addresses.https.expect("a port")).is_ok()
    };
    clock::eventually("issued", || has("good.test"));
    // In the authority's words.
    let said = |words: &[&str]| {
        let errors = server.process.errors();
        let mut lines = errors.lines().filter(|line| line.contains("no certificate"));
        let count = lines.clone().filter(|line| words.iter().all(|it| line.contains(it))).count();
        (count, lines.next().map(str::to_owned))
    };
    let refusals = [
        &["name=\"elsewhere.test\"", "127.0.0.9", "again_after_seconds"][..],
        &["name=\"blocked.test\"", "rejectedIdentifier", "again_after_seconds"],
    ];
    for words in refusals {
        clock::eventually(&format!("{words:?} twice"), || said(words).0 >= 2);
    }
    assert!(!has("elsewhere.test") && !has("blocked.test"));
    authority.lead("elsewhere.test", "127.0.0.1");
    clock::eventually("issued at last", || has("elsewhere.test"));
}

#[test]
fn an_authority_that_cannot_be_reached_is_told_and_keeps_nobody_from_serving() {
    let nobody = free();
    let setup = Setup::default().flag("https", &"127.0.0.1:0").switch("acme=one.test");
    let setup = setup.set(&format!("acme.directory=https://{nobody}/dir"));
    let server = setup.start();
    assert_eq!(server.get("/ping").status, 200);
    clock::eventually("it is said", || {
        let errors = server.process.errors();
        errors.contains("no certificate") && errors.contains("one.test")
    });
}
