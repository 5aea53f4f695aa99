//! Cross-origin requests: clients run in pages of other origins and send their tokens in headers.
//!
//! Not here: the demo, which signs in by name and is open to its own page only (`local`).

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Headers of every response. There is no `Access-Control-Allow-Credentials`: browsers refuse it
/// beside `*`, and nothing here trusts a cookie. `*` does not cover `Authorization`, and older web
/// views do not support it, so the headers that clients send are listed as well.
const OPEN: [(HeaderName, &str); 5] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        "Authorization, Content-Type, FZM-SIGNATURE, FZM-UUID, FZM-DEVICE, FZM-DEVICE-NAME, \
         FZM-VERSION, Fzm-Request-Source, *",
    ),
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, DELETE, OPTIONS"),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Date, ETag, Retry-After"),
    // The longest time for which any browser caches a preflight.
    (header::ACCESS_CONTROL_MAX_AGE, "86400"),
];

/// Answers every OPTIONS with 204, and lets pages of any origin read all responses except the
/// demo's.
pub(super) async fn permit(request: Request, next: Next) -> Response {
    let is_open = !request.uri().path().starts_with("/demo/");
    let mut response = match *request.method() {
        Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        _ => next.run(request).await,
    };
    if is_open {
        open(response.headers_mut());
    }
    response
}

fn open(headers: &mut HeaderMap) {
    for (name, value) in OPEN {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
