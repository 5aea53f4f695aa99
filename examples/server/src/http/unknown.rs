//! What there is not: methods that nothing here takes, and paths of services that are elsewhere.

use axum::Json;
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use comet_dtalk::code::Code;
use comet_dtalk::http::Refused;
use serde::Serialize;

/// What deployed clients call on one host. They show the text of an envelope to their users, and
/// take every other answer for a broken connection.
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

/// Refuses CONNECT and TRACE on every path: this is no proxy, and echoes nothing.
pub(super) async fn methods(request: Request, next: Next) -> Response {
    match *request.method() {
        Method::CONNECT | Method::TRACE => not_allowed("GET, HEAD, POST, OPTIONS"),
        _ => next.run(request).await,
    }
}

/// 405, with what is allowed instead.
pub(super) fn not_allowed(allowed: &'static str) -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, allowed)], "method not allowed\n")
        .into_response()
}

/// The answer for a path that nothing here serves.
pub(super) fn path(path: &str) -> Response {
    if path.starts_with("/v1/") {
        return organisation(path);
    }
    if PREFIXES.iter().any(|prefix| path.starts_with(prefix)) {
        return Refused::from(Code::UNSUPPORTED).into_response();
    }
    (StatusCode::NOT_FOUND, "not found\n").into_response()
}

#[derive(Serialize)]
struct Organisation {
    code: i32,
    msg: &'static str,
    data: Option<()>,
}

/// The organisation's services have an envelope of their own. Without them nobody is in an
/// enterprise: the desktop opens its socket only once it was told so.
fn organisation(path: &str) -> Response {
    let (code, msg) = match path {
        "/v1/staff/get-staff" => (13_001, "not in an enterprise"),
        "/v1/enterprise/info" => (13_012, "enterprise does not exist"),
        _ => (Code::UNSUPPORTED.0, Code::UNSUPPORTED.text()),
    };
    Json(Organisation { code, msg, data: None }).into_response()
}
