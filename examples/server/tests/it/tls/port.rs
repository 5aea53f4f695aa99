//! Pages, API and sessions over TLS: beside plain ones on the port of the API, and on the port for
//! everything. Seen by curl.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use comet_server_testkit::client::{Client, Transport};
use comet_server_testkit::http;
use comet_server_testkit::message::to_user;
use comet_server_testkit::person::Person;
use comet_server_testkit::server::{Server, Setup};
use comet_testkit::socket::{Arrived, Socket};
use comet_testkit::{clock, websocket};

use super::certificate::{Folder, Made, with_certificate};
use super::line::Asked;

/// A server with a certificate for `localhost`, and its file.
struct Scene {
    server: Server,
    made: Made,
    file: PathBuf,
    _folder: Folder,
}

impl Scene {
    fn new(change: impl FnOnce(Setup) -> Setup) -> Self {
        let (folder, made) = (Folder::new(), Made::new(&["localhost"]));
        let file = folder.put("cert.pem", &made);
        let setup = with_certificate(Setup::default(), &file).flag("https", &"127.0.0.1:0");
        Self { server: change(setup).start(), made, file, _folder: folder }
    }

    /// What curl says of a path on a port: the body, the HTTP version, the status, and where it is
    /// sent on to.
    fn curl(&self, port: SocketAddr, path: &str, more: &[&str]) -> (String, Vec<String>) {
        let port = port.port();
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--max-time", "60", "--cacert"])
            .arg(&self.file)
            .args(["--resolve", &format!("localhost:{port}:127.0.0.1")])
            .args(["--write-out", "\n%{http_version} %{response_code} %{redirect_url}"])
            .args(more)
            .arg(format!("https://localhost:{port}{path}"))
            .output()
            .expect("curl");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said} {}", String::from_utf8_lossy(&output.stderr));
        let (body, result) = said.rsplit_once('\n').expect("a result");
        (body.to_owned(), result.split(' ').map(str::to_owned).collect())
    }
}

fn web(scene: &Scene, address: SocketAddr, protocol: Option<&str>, name: &str) -> Client {
    let trusted = [scene.made.der.clone()];
    let asked = Asked { trusted: &trusted, name: "localhost", protocol };
    let (mut socket, _) = asked.connect(address);
    socket.write(websocket::request("/sub", ""));
    websocket::await_upgrade(&mut socket);
    let mut client = Client::over(Transport::HttpPort, socket);
    client.sign_in(&Person::new(name), None);
    client
}

#[test]
fn both_ports_serve_pages_api_and_sessions_over_tls_by_http_1_and_2() {
    let scene = Scene::new(|setup| setup);
    let at = scene.server.addresses;
    let https = at.https.expect("a port");
    for port in [at.http, https] {
        for (flag, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
            let (body, result) = scene.curl(port, "/ping", &[flag]);
            assert_eq!((&*body, &*result[0], &*result[1]), ("pong", version, "200"));
            let (page, _) = scene.curl(port, "/", &[flag]);
            assert!(page.contains("<title>"), "{page}");
            // A request with a body.
            let json = r#"{"versionCode": 1, "versionName": "1"}"#;
            let post = [flag, "--data", json, "--header", "content-type: application/json"];
            let (body, _) = scene.curl(port, "/app/version/check", &post);
            assert!(body.contains("\"versionCode\":1"), "{body}");
        }
        // What clients are told leads back to TLS.
        let (nodes, _) = scene.curl(port, "/disc/nodes", &["--http2"]);
        assert!(nodes.contains(&format!("https://localhost:{}", port.port())), "{nodes}");
        let (told, _) = scene.curl(port, "/comet/transports", &[]);
        assert!(told.contains(&format!("wss://localhost:{}/sub", port.port())), "{told}");
        assert!(told.contains(&format!("tls://{}", at.tls)), "{told}");
        for plain in ["\"ws\"", "\"tcp\"", "http://"] {
            assert!(!told.contains(plain), "{told}");
        }
    }
    // Sessions over all of them reach each other.
    let mut alice = web(&scene, at.http, Some("http/1.1"), "alice");
    let mut bob = web(&scene, https, None, "bob");
    let mut carol = scene.server.client(Transport::HttpPort, &Person::new("carol"), None);
    for (n, target) in ["bob", "carol"].into_iter().enumerate() {
        let target = Person::new(target);
        alice.ask_among(&to_user(&target.uid, &format!("m-{n}"), "hi"));
    }
    for client in [&mut bob, &mut carol] {
        assert_eq!(client.takes(1).message().msg, "hi");
    }
    assert_eq!(
        scene.server.metric("comet_gateway_accepted_by_listener_total{listener=\"https\"}"),
        9,
        "eight requests, and Bob"
    );
}

#[test]
fn raw_packets_have_a_session_on_the_port_for_everything() {
    let scene = Scene::new(|setup| setup);
    let trusted = [scene.made.der.clone()];
    let asked = Asked { trusted: &trusted, name: "localhost", protocol: Some("comet") };
    let (socket, _) = asked.connect(scene.server.addresses.https.expect("a port"));
    let mut client = Client::over(Transport::Tcp, socket);
    client.sign_in(&Person::new("alice"), None);
    client.beat();
    // HTTP/2 needs a server of HTTP, which the port of sessions has not.
    let asked = Asked { protocol: Some("h2"), ..asked };
    let refused = asked.try_connect(scene.server.addresses.tls).expect_err("no protocol");
    assert!(refused.to_string().contains("NoApplicationProtocol"), "{refused}");
}

#[test]
fn plain_requests_are_sent_to_tls_where_that_is_asked_for() {
    let scene = Scene::new(|setup| setup.set("http.redirect=true"));
    let http = scene.server.addresses.http;
    let answer = http::get(http, "/ping?x=1");
    assert_eq!(answer.status, 308);
    let location = answer.header("location").expect("a location");
    assert_eq!(location, format!("https://{http}/ping?x=1"));
    let mut socket = Socket::connect(http);
    socket.write(websocket::request("/sub", ""));
    assert_eq!(websocket::status(&websocket::response(&mut socket)), 308);
    let (body, _) = scene.curl(http, "/ping", &[]);
    assert_eq!(body, "pong");
    web(&scene, http, None, "alice").beat();
    // By default everything stays as it is.
    assert_eq!(http::get(Server::start().addresses.http, "/ping").status, 200);
}

#[test]
fn a_handshake_that_does_not_go_on_has_the_time_of_a_head() {
    let scene = Scene::new(|setup| setup.set("http.head_seconds=1"));
    // The beginning of a ClientHello, and half a PROXY header's worth of nothing.
    for first in [&b"\x16\x03\x01\x02\x00\x01"[..], b""] {
        let mut socket = Socket::connect(scene.server.addresses.http);
        socket.write(first);
        let began = clock::now();
        let end = socket.read_until(clock::deadline());
        assert!(matches!(end, Arrived::End | Arrived::Reset), "{end:?}");
        assert!(began.elapsed().as_millis() >= 900, "{:?}", began.elapsed());
    }
}
