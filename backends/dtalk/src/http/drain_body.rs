//! Requests answered before their body has been read.
//!
//! When a server closes a connection with unread input, TCP resets it, and the reset discards an
//! answer that the client has not read yet. Clients that write head and body separately then see a
//! broken connection instead of a refusal. Therefore the input left unread by a handler is read and
//! discarded before the answer is sent, up to a limit.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, EXPECT};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http_body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::timeout;

/// Limits of reading a discarded body. When either is reached, the answer is sent and the
/// connection closed after it.
#[derive(Clone, Copy, Debug)]
pub struct DrainBody {
    bytes: usize,
    time: Duration,
}

impl Default for DrainBody {
    /// 8 MiB, above the 5 MiB of an upload part, within 5 s.
    fn default() -> Self {
        Self { bytes: 8 * 1024 * 1024, time: Duration::from_secs(5) }
    }
}

impl DrainBody {
    /// At most this many bytes, within this time. None of them are kept.
    #[must_use]
    pub const fn new(bytes: usize, time: Duration) -> Self {
        Self { bytes, time }
    }

    /// Drains the bodies of every route of the router and of its fallback. Must be the outermost
    /// layer, as each layer may answer by itself.
    pub fn around(self, router: Router) -> Router {
        router.layer(from_fn_with_state(self, drain_body))
    }
}

async fn drain_body(State(limits): State<DrainBody>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    // Such a client sends the body only on request.
    let holds_back = parts.headers.contains_key(EXPECT);
    let unread_rest = UnreadRest::default();
    let tracked = TrackedBody { body, is_begun: false, unread_rest: Arc::clone(&unread_rest) };
    let mut response = next.run(Request::from_parts(parts, Body::new(tracked))).await;
    // A handler may still be reading after its answer: left to the handler.
    let unread = unread_rest.lock().take();
    let Some((mut body, is_begun)) = unread else { return response };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return response;
    }
    let was_sent = is_begun || !holds_back;
    if !(was_sent && drain_to_end(&mut body, limits).await) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn drain_to_end(body: &mut Body, limits: DrainBody) -> bool {
    let read = async {
        let mut bytes = 0;
        while bytes <= limits.bytes {
            match poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
                Some(Ok(frame)) => bytes += frame.data_ref().map_or(0, Bytes::len),
                // The client has disconnected and needs no answer.
                Some(Err(_)) => return false,
                None => return true,
            }
        }
        false
    };
    timeout(limits.time, read).await.unwrap_or(false)
}

/// Unread rest of a body; true if the handler began to read it.
type UnreadRest = Arc<Mutex<Option<(Body, bool)>>>;

/// Body that is returned when dropped.
struct TrackedBody {
    body: Body,
    is_begun: bool,
    unread_rest: UnreadRest,
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.is_begun = true;
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        if !self.body.is_end_stream() {
            let body = std::mem::take(&mut self.body);
            *self.unread_rest.lock() = Some((body, self.is_begun));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::routing::post;
    use tokio::time::Instant;
    use tower::ServiceExt;

    use super::*;

    /// Endless chunks of 1,000 bytes, one per second; counts the bytes taken.
    struct Drip {
        taken: Arc<AtomicUsize>,
        next: Pin<Box<tokio::time::Sleep>>,
    }

    impl HttpBody for Drip {
        type Data = Bytes;
        type Error = axum::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
            if self.next.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.next = Box::pin(tokio::time::sleep(Duration::from_secs(1)));
            self.taken.fetch_add(1_000, Ordering::Relaxed);
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[7; 1_000])))))
        }
    }

    /// Bytes read, the time taken, and true if the connection stays open.
    async fn refused(limits: DrainBody, expect: bool) -> (usize, Duration, bool) {
        let taken = Arc::new(AtomicUsize::new(0));
        let next = Box::pin(tokio::time::sleep(Duration::from_secs(1)));
        let body = Body::new(Drip { taken: Arc::clone(&taken), next });
        let mut request = Request::post("/").body(body).unwrap();
        if expect {
            request.headers_mut().insert(EXPECT, HeaderValue::from_static("100-continue"));
        }
        let app = limits.around(Router::new().route("/", post(async || "refused")));
        let began = Instant::now();
        let response = app.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let stays = !response.headers().contains_key(CONNECTION);
        (taken.load(Ordering::Relaxed), began.elapsed(), stays)
    }

    #[tokio::test(start_paused = true)]
    async fn an_endless_body_is_read_up_to_a_size_or_a_time() {
        let hour = Duration::from_secs(3_600);
        let (bytes, _, stays) = refused(DrainBody::new(10_000, hour), false).await;
        assert_eq!((bytes, stays), (11_000, false));
        let (bytes, time, stays) =
            refused(DrainBody::new(usize::MAX, Duration::from_millis(4_500)), false).await;
        assert_eq!((bytes, stays), (4_000, false));
        assert!(time < Duration::from_secs(5), "{time:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_waits_to_be_asked_is_not_asked() {
        let (bytes, time, stays) = refused(DrainBody::default(), true).await;
        assert_eq!((bytes, time, stays), (0, Duration::ZERO, false));
    }

    #[tokio::test]
    async fn a_body_with_an_end_is_read_and_the_connection_stays() {
        let app = Router::new().route("/", post(async || "refused"));
        let request = Request::post("/").body(Body::from(vec![7; 100_000])).unwrap();
        let response = DrainBody::default().around(app).oneshot(request).await.unwrap();
        assert!(!response.headers().contains_key(CONNECTION));
    }

    #[tokio::test]
    async fn a_handler_gets_the_body_as_it_was_sent() {
        let app = Router::new().route("/", post(async |body: Bytes| body));
        let request = Request::post("/").body(Body::from("all of it")).unwrap();
        let response = DrainBody::default().around(app).oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
        assert_eq!(&*body, b"all of it");
    }
}
