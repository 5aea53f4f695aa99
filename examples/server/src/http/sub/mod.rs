//! `/sub` on the HTTP port: checks the upgrade by the rules of the gateway's listeners, reserves a
//! place, answers, and hands the connection over; on HTTP/2, a stream of it.

mod stream;

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use comet::deflate::{self, Window};
use comet::{AdoptError, Adoption, Client, Place};
use comet_protocol::ws::handshake::{
    self, HandshakeError, HandshakeLimits, Parse, accept_key, choose_subprotocol,
};
use hyper::ext::Protocol;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;

use super::Public;
use super::serve::{Exchange, TimedStream};
use stream::SessionStream;

/// Key of requests on HTTP/2, which have none; the answer to it is not sent (RFC 8441, section 5).
const NO_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAA==";

/// Upgrades to a WebSocket (RFC 6455 section 4.2) that the gateway reads.
pub(super) async fn subscribe(State(public): State<Public>, request: Request) -> Response {
    let stream = request.extensions().get::<Arc<Exchange>>().cloned();
    match upgrade(&public, request, stream) {
        Ok(response) => response,
        Err(error) => refusal(&error),
    }
}

/// The same on a stream of HTTP/2 (RFC 8441).
pub(super) async fn connect(State(public): State<Public>, request: Request) -> Response {
    match request.extensions().get::<Protocol>() {
        Some(protocol) if protocol.as_str() == "websocket" => {
            subscribe(State(public), request).await
        }
        _ => StatusCode::NOT_IMPLEMENTED.into_response(),
    }
}

/// Answers an upgrade, and has the connection or the `stream` of one handed over.
fn upgrade(
    public: &Public,
    mut request: Request,
    stream: Option<Arc<Exchange>>,
) -> Result<Response, HandshakeError> {
    // HTTP/2 has no upgrades, and its CONNECT names the protocol.
    if stream.is_some() && request.extensions().get::<Protocol>().is_none() {
        return Err(HandshakeError::Malformed);
    }
    let gateway = &public.config.gateway;
    let limits = HandshakeLimits {
        max_head: gateway.handshake.max_upgrade,
        max_headers: gateway.handshake.max_upgrade_headers,
    };
    let asked = match handshake::parse(&head(&request), 0, &limits)? {
        Parse::Complete { request, .. } => request,
        Parse::Partial => return Err(HandshakeError::Malformed),
    };
    if !public.config.origins.sub.policy().permits(asked.origin(), asked.host()) {
        return Err(HandshakeError::Forbidden);
    }
    let deflated = match gateway.websocket.deflate {
        true => deflate::negotiate(&asked, Window::Bits15)?,
        false => None,
    };
    let accept = HeaderValue::from_str(&accept_key(asked.key()));
    let accept = accept.map_err(|_| HandshakeError::Key)?;
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let upgrade = upgrade.ok_or(HandshakeError::NotAnUpgrade)?;
    let client = request.extensions().get::<Client>().copied().unwrap_or(Client::Unnamed);
    let place = match stream {
        None => public.gateway.reserve(client),
        Some(_) => public.gateway.reserve_stream(client),
    };
    let place = place.map_err(|error| match error {
        AdoptError::TooManyOfAddress => HandshakeError::TooManyRequests,
        _ => HandshakeError::Unavailable,
    })?;
    let offered: Vec<&str> = asked.subprotocols().collect();
    let subprotocol = choose_subprotocol(&gateway.websocket.subprotocols, &offered);
    let subprotocol = subprotocol.and_then(|name| HeaderValue::from_str(name).ok());
    let is_http2 = stream.is_some();
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => {
                let adoption = deflated.map_or_else(Adoption::websocket, Adoption::deflated);
                hand_over(place, upgraded, adoption, stream);
            }
            Err(error) => tracing::debug!(%error, "upgrade did not come about"),
        }
    });
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("Upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
    ];
    let mut response = match is_http2 {
        false => (StatusCode::SWITCHING_PROTOCOLS, headers).into_response(),
        true => StatusCode::OK.into_response(),
    };
    if let Some(name) = subprotocol {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, name);
    }
    let deflated = deflated.and_then(|agreed| HeaderValue::try_from(agreed.to_string()).ok());
    if let Some(agreed) = deflated {
        response.headers_mut().insert(header::SEC_WEBSOCKET_EXTENSIONS, agreed);
    }
    Ok(response)
}

/// The head as received, except for the case of names, so that the gateway's parser applies. One of
/// HTTP/2 as it would be on HTTP/1.1.
fn head(request: &Request) -> Vec<u8> {
    let mut text = String::new();
    let is_connect = request.extensions().get::<Protocol>().is_some();
    // Writing to a string cannot fail.
    let _ = if is_connect {
        let uri = request.uri();
        let host = uri.authority().map_or("", |authority| authority.as_str());
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        write!(
            text,
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Key: {NO_KEY}\r\n"
        )
    } else {
        write!(text, "{} {} {:?}\r\n", request.method(), request.uri(), request.version())
    };
    let mut head = text.into_bytes();
    for (name, value) in request.headers() {
        if is_connect && (*name == header::HOST || *name == header::SEC_WEBSOCKET_KEY) {
            continue;
        }
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// The same response as that of the gateway's listeners.
fn refusal(error: &HandshakeError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = (status, format!("{error}\n")).into_response();
    for (name, value) in error.headers() {
        if let Ok(name) = HeaderName::try_from(*name) {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

/// Has the gateway take over what was upgraded.
fn hand_over(place: Place, upgraded: Upgraded, adoption: Adoption, stream: Option<Arc<Exchange>>) {
    let adopted = match stream {
        None => adopt(place, upgraded, adoption),
        Some(open) => {
            let stream = SessionStream::new(upgraded, open);
            place.adopt(stream, adoption.secure())
        }
    };
    if let Err(error) = adopted {
        tracing::warn!(%error, "connection not handed over");
    }
}

fn adopt(place: Place, upgraded: Upgraded, adoption: Adoption) -> Result<(), AdoptError> {
    let (stream, read) = match taken_apart(upgraded) {
        Ok(parts) => parts,
        Err(upgraded) => return place.adopt(TokioIo::new(upgraded), adoption),
    };
    match stream.into_inner().into_socket() {
        Ok((socket, unread)) => {
            let leftover: Bytes = match unread.is_empty() {
                true => read,
                false => [read, unread].concat().into(),
            };
            place.adopt_socket(socket.into_std()?, adoption.leftover(leftover))
        }
        // TLS, in the state that the handshake and the request have left.
        Err(stream) => place.adopt(stream, adoption.leftover(read).secure()),
    }
}

/// The stream below an upgraded connection of HTTP/1.1, and the bytes that were read from it.
fn taken_apart(upgraded: Upgraded) -> Result<(TimedStream, Bytes), Upgraded> {
    let upgraded = match upgraded.downcast::<TokioIo<TimedStream>>() {
        Ok(parts) => return Ok((parts.io.into_inner(), parts.read_buf)),
        Err(upgraded) => upgraded,
    };
    let parts = auto::upgrade::downcast::<TokioIo<TimedStream>>(upgraded)?;
    Ok((parts.io.into_inner(), parts.read_buf))
}
