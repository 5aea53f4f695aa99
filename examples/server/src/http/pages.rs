//! The web chat page: plain files, compiled into the program.

use axum::extract::{Request, State};
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use include_dir::{Dir, include_dir};

use super::{Public, local, unknown};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../web");

/// Content security policy: the page may load from its own origin only; WebTransport, which has the
/// scheme `https`, and WebSocket are at other ports.
const POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss: https:; base-uri 'none'; \
                      form-action 'self'; frame-ancestors 'none'";

/// The file at the path; `/` is the page itself.
pub(super) async fn page(State(public): State<Public>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let path = match parts.uri.path().trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    let Some(file) = FILES.get_file(path) else {
        return unknown::path(parts.uri.path());
    };
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return unknown::not_allowed("GET, HEAD, OPTIONS");
    }
    let config = &public.config;
    if let Err(rejection) = local::check_page(&parts, &[&config.origins.hosts, &config.demo.hosts])
    {
        return (rejection.status(), format!("{rejection}\n")).into_response();
    }
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let headers = [
        (header::CONTENT_TYPE, kind.essence_str()),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, file.contents()).into_response()
}
