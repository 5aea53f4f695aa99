//! `/sub` on the HTTP port: answers the upgrade, and hands the connection to the gateway.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use comet::Gateway;
use comet_protocol::ws::handshake::accept_key;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;

use super::Public;
use super::serve::Paced;

/// Becomes a WebSocket (RFC 6455 section 4.2), whose frames the gateway reads.
pub(super) async fn subscribe(State(public): State<Public>, mut request: Request) -> Response {
    let Some(key) = websocket_key(request.version(), request.headers()) else {
        let version = [(header::SEC_WEBSOCKET_VERSION, "13"), (header::UPGRADE, "websocket")];
        return (StatusCode::UPGRADE_REQUIRED, version, "expects a WebSocket\n").into_response();
    };
    let Ok(accept) = HeaderValue::from_str(&accept_key(&key)) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
        return StatusCode::UPGRADE_REQUIRED.into_response();
    };
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => hand_over(&public.gateway, upgraded),
            Err(error) => tracing::debug!(%error, "upgrade did not come about"),
        }
    });
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("Upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

fn websocket_key(version: Version, headers: &HeaderMap) -> Option<String> {
    let has = |name, token: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
    };
    let asks = version == Version::HTTP_11
        && has(header::CONNECTION, "upgrade")
        && has(header::UPGRADE, "websocket")
        && has(header::SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?.to_str().ok()?.trim();
    // 16 bytes in base64.
    let valid = key.len() == 24 && key.ends_with("==") && asks;
    valid.then(|| key.to_owned())
}

fn hand_over(gateway: &Gateway, upgraded: Upgraded) {
    let Ok(parts) = upgraded.downcast::<TokioIo<Paced>>() else {
        return tracing::error!("an upgraded connection is not plain TCP");
    };
    let leftover: Bytes = parts.read_buf;
    let adopted = parts.io.into_inner().into_inner().into_std().map_err(Into::into);
    if let Err(error) = adopted.and_then(|stream| gateway.adopt(stream, leftover)) {
        tracing::warn!(%error, "connection not handed over");
    }
}
