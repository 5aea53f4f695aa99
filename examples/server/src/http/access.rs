//! The access log: one line per request, written when the head of its response is ready.
//!
//! Lines have the target `access` and the level `info`; `log = "info,access=off"` disables them.
//! *Not here: queries, bodies and tokens, which are never logged.*

use std::time::Instant;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use comet::Client;
use comet_dtalk::code::Code;
use comet_dtalk::http::CallerNote;

/// Paths whose rest is a credential: the ids of streams.
const STREAMS: &str = "/comet/sse/";

/// The path as it is logged.
fn masked(path: &str) -> String {
    if path.starts_with(STREAMS) { format!("{STREAMS}..") } else { path.to_owned() }
}

/// Middleware that logs a request: the client's real address, the user of its token, method, path,
/// status, the envelope's result, and the time in milliseconds.
pub(super) async fn log(mut request: Request, next: Next) -> Response {
    if !tracing::enabled!(target: "access", tracing::Level::INFO) {
        return next.run(request).await;
    }
    let began = Instant::now();
    let (method, path) = (request.method().clone(), masked(request.uri().path()));
    let remote = request.extensions().get::<Client>().and_then(|client| client.address());
    let caller = CallerNote::default();
    request.extensions_mut().insert(caller.clone());
    let response = next.run(request).await;
    tracing::info!(
        target: "access",
        %method,
        path,
        code = response.status().as_u16(),
        result = response.extensions().get::<Code>().map(|code| code.0),
        ms = began.elapsed().as_millis(),
        remote = remote.map(display),
        user = caller.user(),
    );
    response
}
