//! Bodies of requests and responses that report their progress to the deadlines of their
//! connection. The body of a request of HTTP/2 has a deadline of its own, as others are under way
//! beside it.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::Body as AnyBody;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep_until};

use super::deadlines::Deadlines;
use super::slots::Slot;
use super::wait::Wait;

/// One request and its response, in the deadlines of their connection; over when it is dropped.
#[derive(Debug)]
pub(crate) struct Exchange {
    deadlines: Arc<Mutex<Deadlines>>,
    /// The number on HTTP/2.
    stream: Option<u64>,
    /// Wakes the connection, which has a deadline again when nothing is under way on HTTP/2.
    wake: Arc<Notify>,
}

impl Exchange {
    /// Of a request that has just arrived.
    pub(super) fn begin(
        deadlines: &Arc<Mutex<Deadlines>>,
        wake: &Arc<Notify>,
        is_http2: bool,
        has_body: bool,
    ) -> Arc<Self> {
        let stream = {
            let mut deadlines = deadlines.lock();
            let stream = is_http2.then(|| deadlines.stream());
            if !is_http2 {
                deadlines.request(has_body);
            }
            stream
        };
        let (deadlines, wake) = (Arc::clone(deadlines), Arc::clone(wake));
        Arc::new(Self { deadlines, stream, wake })
    }

    /// Whether it is a stream of HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        self.stream.is_some()
    }

    fn pace(&self) -> Pace {
        match self.stream {
            None => Pace::OfConnection(Arc::clone(&self.deadlines)),
            Some(_) => {
                let limit = self.deadlines.lock().times().body;
                Pace::Own(OwnPace { wait: Wait::default(), limit, timer: None })
            }
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let now = Instant::now();
        match self.stream {
            None => self.deadlines.lock().answered(now),
            Some(id) => {
                self.deadlines.lock().stream_ended(id, now);
                self.wake.notify_one();
            }
        }
    }
}

/// The body of a request.
#[derive(Debug)]
pub(super) struct RequestBody {
    body: Incoming,
    pace: Pace,
}

/// The time that a body may take.
#[derive(Debug)]
enum Pace {
    OfConnection(Arc<Mutex<Deadlines>>),
    Own(OwnPace),
}

#[derive(Debug)]
struct OwnPace {
    wait: Wait,
    limit: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl RequestBody {
    pub(super) fn new(body: Incoming, exchange: &Exchange) -> Self {
        Self { body, pace: exchange.pace() }
    }
}

impl Pace {
    /// More is waited for. Ready when that has taken too long.
    fn waits(&mut self, now: Instant, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::OfConnection(deadlines) => {
                deadlines.lock().body_waits(now);
                Poll::Pending
            }
            Self::Own(pace) => pace.waits(now, cx),
        }
    }

    fn came(&mut self, now: Instant, bytes: usize) {
        match self {
            Self::OfConnection(deadlines) => deadlines.lock().body_came(now, bytes),
            Self::Own(pace) => pace.wait.end(now, bytes),
        }
    }

    fn ended(&self) {
        if let Self::OfConnection(deadlines) = self {
            deadlines.lock().body_ended();
        }
    }
}

impl OwnPace {
    fn waits(&mut self, now: Instant, cx: &mut Context<'_>) -> Poll<()> {
        self.wait.begin(now);
        let Some(deadline) = self.wait.deadline(self.limit) else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let result = Pin::new(&mut self.body).poll_frame(cx);
        let now = Instant::now();
        match result {
            Poll::Pending => self.pace.waits(now, cx).map(|()| {
                let error = io::Error::new(ErrorKind::TimedOut, "the body comes too slowly");
                Some(Err(error.into()))
            }),
            Poll::Ready(Some(Ok(frame))) => {
                self.pace.came(now, frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(end) => {
                self.pace.ended();
                Poll::Ready(end.map(|frame| frame.map_err(Into::into)))
            }
        }
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
        self.pace.ended();
    }
}

/// The body of a response.
#[derive(Debug)]
pub(super) struct ResponseBody {
    body: AnyBody,
    exchange: Arc<Exchange>,
    /// The share that a proxied request takes besides its connection's slot.
    _slot: Option<Slot>,
}

impl ResponseBody {
    pub(super) fn new(body: AnyBody, exchange: Arc<Exchange>, slot: Option<Slot>) -> Self {
        Self { body, exchange, _slot: slot }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let result = Pin::new(&mut self.body).poll_frame(cx);
        if let Some(id) = self.exchange.stream {
            let bytes = match &result {
                Poll::Ready(Some(Ok(frame))) => Some(frame.data_ref().map_or(0, Bytes::len)),
                _ => None,
            };
            self.exchange.deadlines.lock().stream_produced(id, Instant::now(), bytes);
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
