//! Plain requests are sent to TLS on the same port, where `http.redirect` says so.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::LOCATION;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Public;
use super::origin::Origin;

/// Middleware that redirects by 308, which keeps the method, and refuses upgrades so. A preflight
/// may not be redirected and is answered.
pub(super) async fn to_https(
    State(public): State<Public>,
    request: Request,
    next: Next,
) -> Response {
    if !public.config.http.redirect || request.method() == Method::OPTIONS {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let Ok(origin) = Origin::from_request_parts(&mut parts, &public).await;
    if origin.scheme == "https" {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let location = format!("https://{}{path}", origin.authority);
    (StatusCode::PERMANENT_REDIRECT, [(LOCATION, location)]).into_response()
}
