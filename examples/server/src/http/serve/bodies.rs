//! Bodies of requests and responses that report their progress.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body as AnyBody;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::deadlines::Deadlines;
use super::slots::Slot;

/// The body of a request.
#[derive(Debug)]
pub(super) struct RequestBody {
    body: Incoming,
    deadlines: Arc<Mutex<Deadlines>>,
}

impl RequestBody {
    pub(super) fn new(body: Incoming, deadlines: Arc<Mutex<Deadlines>>) -> Self {
        Self { body, deadlines }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let result = Pin::new(&mut self.body).poll_frame(cx);
        let now = Instant::now();
        match &result {
            Poll::Pending => self.deadlines.lock().body_waits(now),
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                self.deadlines.lock().body_came(now, bytes);
            }
            Poll::Ready(Some(Err(_)) | None) => self.deadlines.lock().body_ended(),
        }
        result
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.deadlines.lock().body_ended();
    }
}

/// The body of a response.
#[derive(Debug)]
pub(super) struct ResponseBody {
    body: AnyBody,
    deadlines: Arc<Mutex<Deadlines>>,
    /// The share that a proxied request takes besides its connection's slot.
    _slot: Option<Slot>,
}

impl ResponseBody {
    pub(super) fn new(body: AnyBody, deadlines: Arc<Mutex<Deadlines>>, slot: Option<Slot>) -> Self {
        Self { body, deadlines, _slot: slot }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.deadlines.lock().answered(Instant::now());
    }
}
