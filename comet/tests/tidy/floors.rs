//! Which part may know which other.

use crate::check;
use crate::source::{Source, all};

/// Modules of `comet` that are functions of their input and of the time they are told.
const PURE: [&str; 17] = [
    "bucket", "closed", "config", "delivery", "devices", "event", "home", "id", "identity",
    "pings", "proxies", "rate", "refusal", "session", "ticket", "time", "wheel",
];

/// What the pure floor has not heard of.
const IMPURE: [&str; 12] = [
    "mio::",
    "socket2",
    "tokio",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "std::thread",
    "Instant",
    "SystemTime",
    "std::fs",
    "crate::shard",
    "crate::gateway",
];

/// Public parts of `comet` that stand above the shards.
const ABOVE_SHARDS: [&str; 5] =
    ["crate::gateway", "crate::middleware", "crate::mux", "crate::tokio", "crate::simulation"];

fn is_in(source: &Source, modules: &[&str]) -> bool {
    let Some(path) = source.path.strip_prefix("comet/src/") else { return false };
    let module = path.split(['/', '.']).next().unwrap_or_default();
    modules.contains(&module) && source.is_shipped()
}

/// A dotted path also when it is imported through braces: `crate::{shard, ...}`.
fn mentions(source: &Source, what: &[&str]) -> Vec<String> {
    let mut found: Vec<String> = what.iter().flat_map(|what| source.places(what)).collect();
    let code = source.untested_code();
    for (at, _) in code.match_indices("crate::{") {
        let list = &code[at + 8..];
        let list = &list[..list.find('}').unwrap_or(list.len())];
        for name in list.split([',', ' ', '\n']).map(|name| name.split("::").next().unwrap_or("")) {
            if what.iter().any(|what| what.strip_prefix("crate::") == Some(name)) {
                found.push(format!("{}: crate::{{{name}}}", source.path));
            }
        }
    }
    found
}

#[test]
fn the_pure_floor_knows_no_sockets_no_threads_and_no_clock() {
    let broken = all().into_iter().filter(|source| is_in(source, &PURE)).flat_map(|source| {
        let mut found = mentions(&source, &IMPURE);
        // How many shards a machine deserves is asked once, for a default.
        found.retain(|place| !(place.contains("config/mod.rs") && place.contains("std::thread")));
        found
    });
    let reason = "Every property of delivery is tested on a virtual clock and without a socket; \
                  what it needs is handed in";
    check("the pure floor imports nothing that does IO or knows the time", reason, broken);
}

#[test]
fn config_asks_the_system_for_nothing_but_its_cores() {
    let config = all().into_iter().filter(|source| source.path == "comet/src/config/mod.rs");
    let broken = config.flat_map(|source| {
        let mut found = source.places("std::thread");
        found.retain(|place| {
            let line = place.split(':').nth(1).and_then(|line| line.parse::<usize>().ok());
            let line = line.and_then(|line| source.text.lines().nth(line - 1));
            !line.is_some_and(|line| line.contains("available_parallelism"))
        });
        found
    });
    check("config uses threads to count cores only", "It is on the pure floor", broken);
}

#[test]
fn shards_do_not_know_who_routes() {
    let shards = all().into_iter().filter(|source| is_in(source, &["shard"]));
    let broken = shards.flat_map(|source| mentions(&source, &ABOVE_SHARDS));
    let reason = "A shard hands events to a sink; imports go down only, from the public floor to \
                  the one that does IO to the pure one";
    check("a shard imports nothing of the public floor", reason, broken);
}

#[test]
fn polls_and_transports_alone_know_what_kind_of_socket_it_is() {
    let sources = all().into_iter().filter(|source| source.path.starts_with("comet/src/"));
    let floor = ["poller.rs", "waker.rs", "transport/"].map(|it| format!("comet/src/shard/{it}"));
    let is_above = |source: &Source| !floor.iter().any(|it| source.path.starts_with(it));
    let broken = sources
        .filter(|source| source.is_shipped() && is_above(source))
        .flat_map(|source| [source.places("mio::"), source.places("use mio")].concat());
    let reason = "A shard runs on virtual sockets as well, and its code must not be able to tell";
    check("only the poller, its waker and transports of shard/ use mio", reason, broken);
}

#[test]
fn chance_is_asked_in_one_place() {
    let sources = all().into_iter().filter(|source| source.path.starts_with("comet/src/"));
    let broken = sources
        .filter(|source| source.is_shipped() && source.path != "comet/src/keyed.rs")
        .flat_map(|source| source.places("RandomState"));
    let reason = "A run that a seed decides must be the same each time; take a key from `Keyed`";
    check("only keyed.rs makes keys by chance", reason, broken);
}

#[test]
fn one_file_reads_the_clock() {
    let sources = all().into_iter().filter(|source| source.path.starts_with("comet/src/"));
    let broken = sources
        .filter(|source| source.is_shipped() && source.path != "comet/src/shard/clock.rs")
        .flat_map(|source| [source.places("Instant::now"), source.places("SystemTime")].concat());
    let reason = "A turn of a shard has one `now`, which everything in it is told";
    check("only shard/clock.rs reads the clock", reason, broken);
}

#[test]
fn the_protocol_does_no_io() {
    let forbidden = [
        "std::net",
        "std::thread",
        "std::fs",
        "mio::",
        "tokio",
        "async fn",
        "Instant",
        "SystemTime",
    ];
    let protocol = all().into_iter().filter(|source| source.path.starts_with("protocol/src/"));
    let broken = protocol.flat_map(|source| mentions(&source, &forbidden));
    let reason = "Clients, fuzz targets and load generators use it, each with IO of its own";
    check("protocol is functions of bytes", reason, broken);
}
