//! `GET /comet/transports`: the ways to a session, the preferred first, for clients that choose.

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use serde::Serialize;

use super::Public;
use super::origin::Origin;
use crate::config::Transport;
use crate::ports::Ports;

/// The answer.
#[derive(Serialize)]
struct Transports {
    transports: Vec<Transport>,
    /// Of all ports with TLS, where browsers do not know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Certificate>,
}

/// A certificate by its SHA-256, in hex.
#[derive(Serialize)]
struct Certificate {
    sha256: String,
}

/// Configured transports, or else those of this server at the host that the client asked.
pub(super) async fn transports(State(public): State<Public>, origin: Origin) -> impl IntoResponse {
    let sha256 = public.certificates.development();
    let mut transports = public.config.announced.advertise.transports.clone();
    if transports.is_empty() {
        transports = of_origin(&origin, &public.ports, sha256.is_none());
    }
    let certificate = sha256.map(|sha256| Certificate { sha256 });
    ([(CACHE_CONTROL, "no-store")], Json(Transports { transports, certificate }))
}

/// Transports of a server at an origin such as `http://chat.example:8888`: WebSocket and events
/// there, and others at the ports that its client reaches.
///
/// QUIC comes first, then TLS if clients can verify the certificate, then what is plain, and TLS
/// last if they have to know the certificate. Nothing plain is named to a client that asked by
/// `https`.
fn of_origin(origin: &Origin, ports: &Ports, is_verifiable: bool) -> Vec<Transport> {
    let Origin { scheme, authority, .. } = origin;
    let transport = |kind: &str, url: String| Transport { kind: kind.to_owned(), url };
    let at_port = |kind: &str, port, url: &dyn Fn(String) -> String| {
        let address = origin.reaches(port)?;
        Some(transport(kind, url(address)))
    };
    let is_secure = *scheme == "https";
    let quic = ports.quic.into_iter().flat_map(|quic| {
        [
            at_port("webtransport", quic, &|at| format!("https://{at}/sub")),
            at_port("quic", quic, &|at| format!("quic://{at}")),
        ]
    });
    // The port of HTTP has TLS too.
    let own = [ports.https, Some(ports.http)]
        .map(|port| at_port("wss", port.filter(|_| !is_secure)?, &|at| format!("wss://{at}/sub")));
    let [https, http] = own;
    let tls = [
        https,
        http,
        at_port("wss", ports.tls, &|at| format!("wss://{at}/sub")),
        at_port("tls", ports.tls, &|at| format!("tls://{at}")),
    ];
    let here = match is_secure {
        true => [Some(transport("wss", format!("wss://{authority}/sub"))), None],
        false => [
            Some(transport("ws", format!("ws://{authority}/sub"))),
            at_port("tcp", ports.tcp, &|at| format!("tcp://{at}")),
        ],
    };
    let events = [Some(transport("sse", format!("{origin}/comet/sse")))];
    let websocket: Vec<_> = match is_verifiable && !is_secure {
        true => tls.into_iter().chain(here).chain(events).collect(),
        false => here.into_iter().chain(events).chain(tls).collect(),
    };
    quic.chain(websocket).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(ip: &str) -> Ports {
        let at = |port| format!("{ip}:{port}").parse().unwrap();
        Ports {
            tcp: at(3_101),
            ws: at(3_102),
            tls: at(3_103),
            http: at(8_888),
            admin: at(9_100),
            any: None,
            https: Some(at(443)),
            quic: Some(at(3_104)),
        }
    }

    fn urls(origin: &Origin, ports: &Ports, is_verifiable: bool) -> Vec<String> {
        let transports = of_origin(origin, ports, is_verifiable).into_iter();
        transports.map(|it| format!("{} {}", it.kind, it.url)).collect()
    }

    #[test]
    fn a_client_that_comes_directly_is_told_all_ports_and_tls_first_if_it_can_verify_it() {
        let origin = Origin::direct("http", "chat.example:8888");
        let quic = ["webtransport https://chat.example:3104/sub", "quic quic://chat.example:3104"];
        let plain = [
            "ws ws://chat.example:8888/sub",
            "tcp tcp://chat.example:3101",
            "sse http://chat.example:8888/comet/sse",
        ];
        let tls = [
            "wss wss://chat.example:443/sub",
            "wss wss://chat.example:8888/sub",
            "wss wss://chat.example:3103/sub",
            "tls tls://chat.example:3103",
        ];
        let all = ports("0.0.0.0");
        assert_eq!(urls(&origin, &all, true), [&quic[..], &tls, &plain].concat());
        assert_eq!(urls(&origin, &all, false), [&quic[..], &plain, &tls].concat());
    }

    #[test]
    fn a_client_that_asks_securely_is_told_nothing_plain() {
        let origin = Origin::direct("https", "[2001:db8::1]");
        let expected = [
            "webtransport https://[2001:db8::1]:3104/sub",
            "quic quic://[2001:db8::1]:3104",
            "wss wss://[2001:db8::1]/sub",
            "sse https://[2001:db8::1]/comet/sse",
            "wss wss://[2001:db8::1]:3103/sub",
            "tls tls://[2001:db8::1]:3103",
        ];
        assert_eq!(urls(&origin, &ports("[::]"), true), expected);
    }

    #[test]
    fn a_client_of_a_proxy_is_told_what_is_at_the_origin() {
        let origin = Origin::proxied("https", "chat.example");
        let expected = ["wss wss://chat.example/sub", "sse https://chat.example/comet/sse"];
        assert_eq!(urls(&origin, &ports("0.0.0.0"), false), expected);
    }

    #[test]
    fn ports_of_loopback_are_told_by_their_addresses_and_only_there() {
        let expected = [
            "webtransport https://127.0.0.1:3104/sub",
            "quic quic://127.0.0.1:3104",
            "ws ws://localhost:8888/sub",
            "tcp tcp://127.0.0.1:3101",
        ];
        let told = urls(&Origin::direct("http", "localhost:8888"), &ports("127.0.0.1"), false);
        assert_eq!(told[..4], expected);
        let told = urls(&Origin::direct("http", "192.0.2.1:8888"), &ports("127.0.0.1"), false);
        let expected = ["ws ws://192.0.2.1:8888/sub", "sse http://192.0.2.1:8888/comet/sse"];
        assert_eq!(told, expected);
    }
}
