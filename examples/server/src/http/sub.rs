//! `/sub` on the HTTP port: checks the upgrade by the rules of the gateway's listeners, reserves a
//! place, answers, and hands the connection over.

use std::fmt::Write;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use comet::deflate::{self, Window};
use comet::{AdoptError, Adoption, Client, Place};
use comet_protocol::ws::handshake::{
    self, HandshakeError, HandshakeLimits, Parse, accept_key, choose_subprotocol,
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;

use super::Public;
use super::serve::TimedStream;

/// Upgrades to a WebSocket (RFC 6455 section 4.2) that the gateway reads.
pub(super) async fn subscribe(State(public): State<Public>, request: Request) -> Response {
    match upgrade(&public, request) {
        Ok(response) => response,
        Err(error) => refusal(&error),
    }
}

fn upgrade(public: &Public, mut request: Request) -> Result<Response, HandshakeError> {
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
    let place = public.gateway.reserve(client).map_err(|error| match error {
        AdoptError::TooManyOfAddress => HandshakeError::TooManyRequests,
        _ => HandshakeError::Unavailable,
    })?;
    let offered: Vec<&str> = asked.subprotocols().collect();
    let subprotocol = choose_subprotocol(&gateway.websocket.subprotocols, &offered);
    let subprotocol = subprotocol.and_then(|name| HeaderValue::from_str(name).ok());
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => {
                let adoption = deflated.map_or_else(Adoption::websocket, Adoption::deflated);
                hand_over(place, upgraded, adoption);
            }
            Err(error) => tracing::debug!(%error, "upgrade did not come about"),
        }
    });
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("Upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
    ];
    let mut response = (StatusCode::SWITCHING_PROTOCOLS, headers).into_response();
    if let Some(name) = subprotocol {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, name);
    }
    let deflated = deflated.and_then(|agreed| HeaderValue::try_from(agreed.to_string()).ok());
    if let Some(agreed) = deflated {
        response.headers_mut().insert(header::SEC_WEBSOCKET_EXTENSIONS, agreed);
    }
    Ok(response)
}

/// The head as received, except for the case of names, so that the gateway's parser applies.
fn head(request: &Request) -> Vec<u8> {
    let mut line = String::new();
    // Writing to a string cannot fail.
    let _ = write!(line, "{} {} {:?}\r\n", request.method(), request.uri(), request.version());
    let mut head = line.into_bytes();
    for (name, value) in request.headers() {
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

fn hand_over(place: Place, upgraded: Upgraded, adoption: Adoption) {
    let Ok(parts) = upgraded.downcast::<TokioIo<TimedStream>>() else {
        return tracing::error!("an upgraded connection is not plain TCP");
    };
    let stream = parts.io.into_inner().into_inner();
    let adopted = match stream.into_socket() {
        Ok((socket, unread)) => {
            let leftover: Bytes = match unread.is_empty() {
                true => parts.read_buf,
                false => [parts.read_buf, unread].concat().into(),
            };
            let socket = socket.into_std().map_err(Into::into);
            socket.and_then(|socket| place.adopt_socket(socket, adoption.leftover(leftover)))
        }
        // TLS, which the gateway has begun on a port of its own.
        Err(stream) => place.adopt(stream, adoption.leftover(parts.read_buf)),
    };
    if let Err(error) = adopted {
        tracing::warn!(%error, "connection not handed over");
    }
}
