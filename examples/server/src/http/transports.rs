//! `GET /comet/transports`: the ways to a session, the preferred first, for clients that choose.

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
    }
    ([(CACHE_CONTROL, "no-store")], Json(Transports { transports }))
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
        assert_eq!(host_of("[::1]"), "[::1]");
        assert_eq!(host_of("chat.example:80"), "chat.example");
    }
}
