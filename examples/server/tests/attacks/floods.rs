//! More connections than descriptors, or than the limit per address.

use std::time::Duration;

use comet_testkit::usage;
use comet_testkit::websocket;

use crate::arena::{Arena, Port};
use crate::attack::Attack;
use crate::line::{Line, open, pass, until};

/// Descriptors of a server with a low limit.
const FEW: u32 = 400;
/// Limit per address.
const SHARE: usize = 20;
const LIMITED: &[&str] = &["gateway.connections_per_address=20"];
const TRUSTING: &[&str] = &[
    "gateway.connections_per_address=20",
    "trusted_proxies=[{net=\"127.0.0.66/32\",header=\"x-forwarded-for\"}]",
];
const RATED: &[&str] = &["gateway.handshakes_per_address=10"];

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(
        "flood-http",
        "600 silent connections to the HTTP port, 400 descriptors",
        |arena| {
            others_are_served(arena, Port::Http);
        },
    )
    .descriptors(FEW)
    .quick(),
    Attack::new(
        "flood-admin",
        "600 silent connections to the admin port, 400 descriptors",
        |arena| {
            others_are_served(arena, Port::Admin);
        },
    )
    .descriptors(FEW),
    Attack::new("flood-tcp", "600 silent connections to the TCP port, 400 descriptors", |arena| {
        passes(arena, &[Port::Tcp]);
    })
    .descriptors(FEW)
    .with(&["gateway.handshake_seconds=2"]),
    Attack::new(
        "flood-ws",
        "600 silent connections to the WebSocket port, 400 descriptors",
        |arena| {
            passes(arena, &[Port::Ws]);
        },
    )
    .descriptors(FEW)
    .with(&["gateway.handshake_seconds=2"]),
    Attack::new(
        "flood-everywhere",
        "600 silent connections to each port, 400 descriptors",
        |arena| {
            passes(arena, &[Port::Tcp, Port::Ws, Port::Http, Port::Admin]);
        },
    )
    .descriptors(FEW)
    .with(&["gateway.handshake_seconds=2"]),
    Attack::new(
        "descriptors-exhausted",
        "100 silent connections to each port, no descriptor is left for 11 s",
        exhausted,
    )
    .with(&["gateway.handshake_seconds=60"]),
    Attack::new("flood-max-connections", "500 connections where 100 may be open", |arena| {
        let mut lines: Vec<Line> = (0..500).map(|_| arena.line(Port::Tcp)).collect();
        pass(Duration::from_millis(500));
        arena.at_most("open at once", open(&mut lines), 100);
        arena.without_newcomers();
    })
    .with(&["gateway.max_connections=100"]),
    Attack::new(
        "address-share-tcp",
        "200 connections from one address that may have 20",
        |arena| {
            let mut lines: Vec<Line> = (0..200).map(|_| arena.line(Port::Tcp)).collect();
            pass(Duration::from_millis(500));
            arena.at_most("open at once", open(&mut lines), SHARE);
        },
    )
    .with(LIMITED)
    .quick(),
    Attack::new("address-share-ws", "the same with upgrades on the WebSocket port", |arena| {
        at_most_a_share(arena, Port::Ws, |_| String::new());
    })
    .with(LIMITED),
    Attack::new("address-share-sub", "the same with upgrades on the HTTP port", |arena| {
        at_most_a_share(arena, Port::Http, |_| String::new());
    })
    .with(LIMITED),
    Attack::new("address-forwarded-ws", "and each names another X-Forwarded-For", |arena| {
        at_most_a_share(arena, Port::Ws, invented);
    })
    .with(LIMITED),
    Attack::new("address-forwarded-sub", "the same on the HTTP port", |arena| {
        at_most_a_share(arena, Port::Http, invented);
    })
    .with(LIMITED),
    Attack::new(
        "address-behind-proxy",
        "one client of a trusted proxy upgrades 200 times",
        |arena| {
            at_most_a_share(arena, Port::Http, |_| "X-Forwarded-For: 203.0.113.7\r\n".to_owned());
        },
    )
    .with(TRUSTING),
    Attack::new("address-behind-proxy-ws", "the same on the WebSocket port", |arena| {
        at_most_a_share(arena, Port::Ws, |_| "X-Forwarded-For: 203.0.113.7\r\n".to_owned());
    })
    .with(TRUSTING),
    Attack::new("address-invents-hops", "and invents hops before the proxy's own", |arena| {
        at_most_a_share(arena, Port::Http, |number| {
            format!("X-Forwarded-For: 10.1.2.{number}, 203.0.113.7\r\n")
        });
    })
    .with(TRUSTING),
    Attack::new("address-other-header", "and names others in X-Real-IP and Forwarded", |arena| {
        at_most_a_share(arena, Port::Http, |number| {
            format!(
                "X-Real-IP: 10.1.2.{number}\r\nForwarded: for=10.1.2.{number}\r\n\
                 X-Forwarded-For: 203.0.113.7\r\n"
            )
        });
    })
    .with(TRUSTING),
    Attack::new(
        "proxy-with-many-clients",
        "60 clients of a trusted proxy, one upgrade each",
        |arena| {
            let lines = upgrades(arena, Port::Http, 60, |number| {
                format!("X-Forwarded-For: 203.0.113.{number}\r\n")
            });
            arena.is("let in", lines.len(), 60);
        },
    )
    .with(TRUSTING),
    Attack::new(
        "address-rate-tcp",
        "300 connections at once from an address that may begin 10/s",
        |arena| {
            let mut lines: Vec<Line> = (0..300).map(|_| arena.line(Port::Tcp)).collect();
            pass(Duration::from_millis(300));
            // A burst of twice the rate, plus the time that a slow machine takes for 300
            // connections.
            arena.at_most("let in", open(&mut lines), 40);
        },
    )
    .with(RATED),
    Attack::new("address-rate-sub", "the same with upgrades on the HTTP port", |arena| {
        let lines = upgrades(arena, Port::Http, 200, |_| String::new());
        arena.at_most("let in", lines.len(), 60);
    })
    .with(RATED),
    Attack::new("connect-and-reset", "3,000 connections that are reset at once", resets),
];

/// Each request claims another client address.
fn invented(number: usize) -> String {
    format!("X-Forwarded-For: 10.1.{}.{}\r\n", number / 250, number % 250)
}

/// Fills one port; users of other ports, and other clients of the same, are not affected.
fn others_are_served(arena: &mut Arena, port: Port) {
    let mut lines: Vec<Line> = (0..600).map(|_| arena.line(port)).collect();
    answered(arena, 20);
    arena.at_most("lines in the log", arena.server.process.errors().lines().count(), 50);
    lines.clear();
}

/// Fills ports with connections that never sign in: others may be refused until the handshake
/// timeout, but operators are still served, and then everything recovers.
fn passes(arena: &mut Arena, ports: &[Port]) {
    arena.without_newcomers();
    let lines: Vec<Line> = ports
        .iter()
        .flat_map(|port| (0..600).map(|_| *port))
        .map(|port| arena.line(port))
        .collect();
    answered(arena, 20);
    arena.at_most("lines in the log", arena.server.process.errors().lines().count(), 50);
    let came = until(Duration::from_secs(8), || {
        crate::login::tcp(arena, "comes after the flood").is_some()
    });
    arena.holds("a login succeeds within 8 s", came);
    drop(lines);
    let pid = arena.server.process.id();
    let back = until(Duration::from_secs(8), || usage::descriptors(pid) < 100);
    arena.holds("descriptors are given back", back);
}

/// Operators are served meanwhile. A full server reports that it is not ready.
fn answered(arena: &mut Arena, times: usize) {
    let ask = |path| arena.asks(Port::Admin, path) == Some(200);
    let ready = || matches!(arena.asks(Port::Admin, "/ready"), Some(200 | 503));
    // One failure is enough.
    let answers = (0..times).take_while(|_| ask("/health") && ready() && ask("/metrics")).count();
    arena.is("health, ready and metrics answered", answers, times);
}

/// Lowers the limit of descriptors of the running server below its allocation, and uses up the
/// rest: nothing can be accepted on any port.
fn exhausted(arena: &mut Arena) {
    arena.without_newcomers();
    let pid = arena.server.process.id();
    let mut operator = arena.line(Port::Admin);
    arena.holds("an operator is connected", is_answered(&mut operator, "/ready", &[200]));
    let most = usage::descriptors(pid) + 60;
    usage::limit_descriptors(pid, Some(most)).expect("the limit can be set");
    let ports = [Port::Tcp, Port::Ws, Port::Http, Port::Admin];
    let lines: Vec<Line> = ports
        .iter()
        .flat_map(|port| (0..100).map(|_| *port))
        .map(|port| arena.line(port))
        .collect();
    let taken = until(Duration::from_secs(5), || usage::descriptors(pid) >= most);
    arena.holds("all descriptors are taken", taken);
    // Repeated warnings are logged once in ten seconds, with their count.
    pass(Duration::from_secs(11));
    for (path, statuses) in [("/health", &[200][..]), ("/ready", &[200, 503]), ("/metrics", &[200])]
    {
        arena.holds(&format!("{path} is answered"), is_answered(&mut operator, path, statuses));
    }
    let log = arena.server.process.errors();
    let said = |words: &str| log.lines().filter(|line| line.contains(words)).count();
    arena.at_least("warnings of the shards", said("trying again shortly"), 2);
    arena.at_most("and at most", said("trying again shortly"), 3);
    arena.at_least("warnings of the HTTP ports", said("trying on"), 2);
    arena.at_most("and at most", said("trying on"), 6);
    arena.at_least("of both with counts", said(" more in "), 2);
    arena.at_most("lines in the log", log.lines().count(), 50);
    usage::limit_descriptors(pid, None).expect("the limit can be set");
    drop(lines);
    let came = until(Duration::from_secs(8), || {
        crate::login::tcp(arena, "comes after the flood").is_some()
    });
    arena.holds("a login succeeds within 8 s", came);
}

/// Whether a request on a kept connection gets one of these statuses.
fn is_answered(line: &mut Line, path: &str, statuses: &[u16]) -> bool {
    line.unread.clear();
    line.say(format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
    let is_whole = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let head = head.to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            length.and_then(|length| length.parse().ok()) == Some(body.len())
        })
    };
    let answer = line.hears(Duration::from_secs(5), is_whole);
    is_whole(answer)
        && statuses
            .iter()
            .any(|status| answer.starts_with(format!("HTTP/1.1 {status} ").as_bytes()))
}

/// Upgrades from one address; returns those answered with 101.
fn upgrades(
    arena: &Arena,
    port: Port,
    count: usize,
    header: impl Fn(usize) -> String,
) -> Vec<Line> {
    let lines = (0..count).filter_map(|number| {
        let mut line = arena.line(port);
        line.say(websocket::request("/sub", &header(number)));
        let answer = line.hears(Duration::from_secs(5), |bytes| bytes.ends_with(b"\r\n\r\n"));
        answer.starts_with(b"HTTP/1.1 101 ").then_some(line)
    });
    lines.collect()
}

/// An address is limited, whatever its headers claim.
fn at_most_a_share(arena: &mut Arena, port: Port, header: impl Fn(usize) -> String) {
    let mut lines = upgrades(arena, port, 200, header);
    pass(Duration::from_millis(200));
    arena.at_most("open at once", open(&mut lines), SHARE);
    arena.at_least("let in at all", lines.len(), 1);
}

fn resets(arena: &mut Arena) {
    let pid = arena.server.process.id();
    let before = usage::descriptors(pid);
    for number in 0..3_000 {
        let port = [Port::Tcp, Port::Ws, Port::Http][number % 3];
        arena.line(port).reset();
    }
    let back = until(Duration::from_secs(8), || usage::descriptors(pid) <= before + 10);
    arena.holds("descriptors are given back", back);
}
