//! Unsupported requests: methods that are not allowed, and paths of services hosted elsewhere.

use axum::Json;
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use comet_dtalk::code::Code;
use comet_dtalk::http::ApiError;
use hyper::ext::Protocol;
use serde::Serialize;

/// Paths that deployed clients call on the same host. They show the text of an envelope to users
/// and treat any other response as a broken connection.
const PREFIXES: [&str; 11] = [
    "/app/",
    "/auth/",
    "/backend/",
    "/backup/",
    "/call/",
    "/disc/",
    "/group/",
    "/oss/",
    "/record/",
    "/store/",
    "/user/",
];

/// Paths of sessions.
const SESSIONS: [&str; 2] = ["/sub", "/sub/"];

/// Refuses CONNECT and TRACE: this server is no proxy and echoes nothing. The CONNECT of HTTP/2
/// that names a protocol (RFC 8441) is for the paths of sessions.
pub(super) async fn methods(request: Request, next: Next) -> Response {
    let names_protocol = request.extensions().get::<Protocol>().is_some();
    let is_for_session = names_protocol && SESSIONS.contains(&request.uri().path());
    match *request.method() {
        Method::CONNECT if is_for_session => next.run(request).await,
        Method::CONNECT | Method::TRACE => not_allowed("GET, HEAD, POST, OPTIONS"),
        _ => next.run(request).await,
    }
}

/// 405 with the allowed methods.
pub(super) fn not_allowed(allowed: &'static str) -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, allowed)], "method not allowed\n")
        .into_response()
}

/// The response for an unknown path.
pub(super) fn path(path: &str) -> Response {
    if path.starts_with("/v1/") {
        return organisation(path);
    }
    if PREFIXES.iter().any(|prefix| path.starts_with(prefix)) {
        return ApiError::from(Code::UNSUPPORTED).into_response();
    }
    (StatusCode::NOT_FOUND, "not found\n").into_response()
}

#[derive(Serialize)]
struct Organisation {
    code: i32,
    msg: &'static str,
    data: Option<()>,
}

/// The organisation's services have their own envelope. The response says that the user is in no
/// enterprise: the desktop client opens its socket only after it.
fn organisation(path: &str) -> Response {
    let (code, msg) = match path {
        "/v1/staff/get-staff" => (13_001, "not in an enterprise"),
        "/v1/enterprise/info" => (13_012, "enterprise does not exist"),
        _ => (Code::UNSUPPORTED.0, Code::UNSUPPORTED.text()),
    };
    Json(Organisation { code, msg, data: None }).into_response()
}
