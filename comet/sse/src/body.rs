//! The body of a GET: events, and comments when there are none for a while.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::events::Events;
use crate::id::StreamId;
use crate::stream::Down;
use crate::streams::Streams;

/// Bytes of packets read at once.
const READ: usize = 8 * 1024;

/// The events of one stream, which ends with them: when the gateway ends the connection, or when
/// the body is dropped because the client is gone.
pub(crate) struct EventBody {
    streams: Streams,
    id: StreamId,
    down: Down,
    events: Events,
    is_begun: bool,
    interval: Duration,
    next_comment: Pin<Box<Sleep>>,
}

impl EventBody {
    pub(crate) fn new(streams: Streams, id: StreamId, down: Down, interval: Duration) -> Self {
        Self {
            streams,
            id,
            down,
            events: Events::default(),
            is_begun: false,
            interval,
            next_comment: Box::pin(sleep(interval)),
        }
    }

    /// The first bytes: a comment, so that the client learns of the stream, and packets that came
    /// with the reply.
    fn begin(&mut self, out: &mut Vec<u8>) {
        self.is_begun = true;
        self.events.comment(out);
        let first = std::mem::take(&mut self.down.first);
        self.events.push(&first, out);
    }

    /// Reads what is there; whether the pipe has ended.
    fn poll_packets(&mut self, cx: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<bool> {
        let mut space = [0; READ];
        while out.is_empty() {
            let mut read = ReadBuf::new(&mut space);
            match Pin::new(&mut self.down.pipe).poll_read(cx, &mut read) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                    self.events.push(read.filled(), out);
                }
                Poll::Ready(_) => return Poll::Ready(true),
            }
        }
        Poll::Ready(false)
    }
}

impl Body for EventBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut out = Vec::new();
        if !self.is_begun {
            self.begin(&mut out);
        } else if let Poll::Ready(true) = self.poll_packets(cx, &mut out) {
            return Poll::Ready(None);
        }
        if out.is_empty() {
            if self.next_comment.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.events.comment(&mut out);
        }
        let at = Instant::now() + self.interval;
        self.next_comment.as_mut().reset(at);
        Poll::Ready(Some(Ok(Frame::data(out.into()))))
    }
}

impl Drop for EventBody {
    fn drop(&mut self) {
        self.streams.end(self.id);
    }
}
