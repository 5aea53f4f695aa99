//! The web chat page, and the demo, which exists on loopback only.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use comet_server_testkit::http;
use comet_server_testkit::person::Person;
use comet_server_testkit::server::{Server, Setup};

/// The directory of the page's files.
fn web() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../web")
}

/// Every file under a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn the_page_and_its_files_are_served_with_their_types() {
    let server = Server::start();
    let page = server.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html")));
    assert!(page.text().contains("<!doctype html>"), "{}", page.text());

    let files = files(&web());
    assert!(files.len() > 5, "{files:?}");
    for file in files {
        let path = file.strip_prefix(web()).expect("a file of the page");
        let kind = match path.extension().and_then(|extension| extension.to_str()) {
            Some("html") => "text/html",
            Some("css") => "text/css",
            Some("js" | "mjs") => "text/javascript",
            Some("svg") => "image/svg+xml",
            Some("webmanifest") => "application/manifest+json",
            _ => continue,
        };
        let answer = server.get(&format!("/{}", path.display()));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{path:?}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.body, fs::read(&file).expect("a file"), "{path:?}");
    }
}

#[test]
fn nothing_else_is_served() {
    let server = Server::start();
    for path in ["/../Cargo.toml", "/%2e%2e/Cargo.toml", "//etc/passwd", "/src", "/index"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

#[test]
fn the_demo_is_not_there_when_others_can_come() {
    let setup = Setup::default().flag("http", &"0.0.0.0:0");
    let mut server = setup.start();
    server.addresses.http.set_ip(Ipv4Addr::LOCALHOST.into());
    assert_eq!(server.post("/demo/login", None, r#"{"name":"anna"}"#).status, 404);
    assert_eq!(server.get("/demo/online").status, 404);
    // The rest is.
    assert_eq!(server.get("/").status, 200);
    let alice = Person::new("alice");
    assert_eq!(server.post("/user/login", Some(&alice), "").data()["address"], alice.uid);
}

#[test]
fn the_demo_can_be_switched_off() {
    let server = Setup::default().variable("COMET_DEMO__MODE", &"off").start();
    assert_eq!(server.post("/demo/login", None, r#"{"name":"anna"}"#).status, 404);
    let answer = http::request(server.addresses.http, "OPTIONS", "/demo/login", &[], b"");
    assert_eq!(answer.status, 204);
}
