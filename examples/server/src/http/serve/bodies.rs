//! Bodies of requests and responses that report their progress.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body as AnyBody;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::pace::Pace;
use super::places::Place;

/// The body of a request.
#[derive(Debug)]
pub(super) struct Asked {
    body: Incoming,
    pace: Arc<Mutex<Pace>>,
}

impl Asked {
    pub(super) fn new(body: Incoming, pace: Arc<Mutex<Pace>>) -> Self {
        Self { body, pace }
    }
}

impl Body for Asked {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let result = Pin::new(&mut self.body).poll_frame(cx);
        let now = Instant::now();
        match &result {
            Poll::Pending => self.pace.lock().body_waits(now),
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                self.pace.lock().body_came(now, bytes);
            }
            Poll::Ready(Some(Err(_)) | None) => self.pace.lock().body_ended(),
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

impl Drop for Asked {
    fn drop(&mut self) {
        self.pace.lock().body_ended();
    }
}

/// The body of a response.
#[derive(Debug)]
pub(super) struct Answer {
    body: AnyBody,
    pace: Arc<Mutex<Pace>>,
    /// The share that a proxied request takes besides its connection's place.
    _place: Option<Place>,
}

impl Answer {
    pub(super) fn new(body: AnyBody, pace: Arc<Mutex<Pace>>, place: Option<Place>) -> Self {
        Self { body, pace, _place: place }
    }
}

impl Body for Answer {
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

impl Drop for Answer {
    fn drop(&mut self) {
        self.pace.lock().answered(Instant::now());
    }
}
