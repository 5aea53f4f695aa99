//! `GET /comet/transports`: the ways to a session, the preferred first, for clients that choose.

use std::net::SocketAddr;

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, Uri};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use comet::Client;
use serde::Serialize;

use super::Public;
use super::clients::origin;
use crate::config::Transport;

/// The answer.
#[derive(Serialize)]
struct Transports {
    transports: Vec<Transport>,
    /// Of the QUIC port, where browsers do not know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Certificate>,
}

/// A certificate by its SHA-256, in hex.
#[derive(Serialize)]
struct Certificate {
    sha256: String,
}

/// Configured transports, or else those of this server at the host that the client asked.
pub(super) async fn transports(
    State(public): State<Public>,
    client: Option<Extension<Client>>,
    uri: Uri,
    headers: HeaderMap,
) -> impl IntoResponse {
    let mut transports = public.config.announced.advertise.transports.clone();
    if transports.is_empty() {
        let is_direct = matches!(client, None | Some(Extension(Client::Direct(_))));
        let origin = origin(&public, client, &uri, &headers);
        let mut ports = public.gateway.addresses().into_iter();
        let tcp = ports.next().filter(|_| is_direct);
        transports = of_origin(&origin, tcp.map(|address| address.port()));
        if let Some(quic) = public.quic.as_ref().filter(|_| is_direct) {
            transports.splice(..0, over_quic(&origin, quic.address));
        }
    }
    let certificate = public.quic.map(|quic| Certificate { sha256: quic.sha256 });
    ([(CACHE_CONTROL, "no-store")], Json(Transports { transports, certificate }))
}

/// Transports of a server at an origin such as `http://chat.example:8888`: WebSocket and events
/// there, and TCP at its own port. Behind a proxy no other port may be reached.
fn of_origin(origin: &str, tcp: Option<u16>) -> Vec<Transport> {
    let (scheme, authority) = origin.split_once("://").unwrap_or(("http", origin));
    let websocket = if scheme == "https" { "wss" } else { "ws" };
    let transport = |kind: &str, url| Transport { kind: kind.to_owned(), url };
    let mut transports = vec![transport(websocket, format!("{websocket}://{authority}/sub"))];
    if let Some(port) = tcp {
        let host = host_of(authority);
        transports.push(transport("tcp", format!("tcp://{host}:{port}")));
    }
    transports.push(transport("sse", format!("{origin}/comet/sse")));
    transports
}

/// Transports of a QUIC port: WebTransport for browsers, and QUIC. One on a loopback address is
/// reached by that: browsers take `localhost` for `::1`.
fn over_quic(origin: &str, address: SocketAddr) -> [Transport; 2] {
    let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    let at = match address.ip().is_loopback() {
        true => address.to_string(),
        false => format!("{}:{}", host_of(authority), address.port()),
    };
    [("webtransport", format!("https://{at}/sub")), ("quic", format!("quic://{at}"))]
        .map(|(kind, url)| Transport { kind: kind.to_owned(), url })
}

/// A host without its port; an IPv6 address keeps its brackets.
fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transports_follow_from_the_origin() {
        let urls = |origin, tcp| {
            let transports = of_origin(origin, tcp).into_iter();
            transports.map(|it| format!("{} {}", it.kind, it.url)).collect::<Vec<_>>()
        };
        let expected =
            ["ws ws://[::1]:8888/sub", "tcp tcp://[::1]:3101", "sse http://[::1]:8888/comet/sse"];
        assert_eq!(urls("http://[::1]:8888", Some(3_101)), expected);
        let expected = ["wss wss://chat.example/sub", "sse https://chat.example/comet/sse"];
        assert_eq!(urls("https://chat.example", None), expected);
        let urls = |origin, address: &str| {
            over_quic(origin, address.parse().unwrap()).map(|it| format!("{} {}", it.kind, it.url))
        };
        let expected = ["webtransport https://127.0.0.1:3104/sub", "quic quic://127.0.0.1:3104"];
        assert_eq!(urls("http://localhost:8888", "127.0.0.1:3104"), expected);
        let expected = ["webtransport https://chat.example:7/sub", "quic quic://chat.example:7"];
        assert_eq!(urls("http://chat.example:8888", "0.0.0.0:7"), expected);
        assert_eq!(host_of("[::1]"), "[::1]");
        assert_eq!(host_of("chat.example:80"), "chat.example");
    }
}
