//! One stream: a pipe to the gateway, with its two directions.

use std::fmt;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::{DuplexStream, ReadHalf, WriteHalf, split};
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::config::SseConfig;
use crate::upload::{NotTaken, Upload};

/// What the GET of a stream reads.
#[derive(Debug)]
pub(crate) struct Down {
    /// Packets that were read together with the reply to the auth packet.
    pub(crate) first: Bytes,
    pub(crate) pipe: ReadHalf<DuplexStream>,
}

/// A stream with a session.
pub(crate) struct Stream {
    upload: Upload<WriteHalf<DuplexStream>>,
    /// Until the GET takes it, with the permit of a stream without one.
    down: Mutex<Option<(Down, OwnedSemaphorePermit)>>,
    /// Its end breaks off the POSTs that wait.
    has_ended: watch::Sender<bool>,
    _permit: OwnedSemaphorePermit,
}

impl Stream {
    /// Of this pipe, from which `first` was read already.
    pub(crate) fn new(
        (pipe, first): (DuplexStream, Bytes),
        config: &SseConfig,
        (permit, unread): (OwnedSemaphorePermit, OwnedSemaphorePermit),
    ) -> Self {
        let (read, write) = split(pipe);
        Self {
            upload: Upload::new(write, config.posts, config.post_timeout),
            down: Mutex::new(Some((Down { first, pipe: read }, unread))),
            has_ended: watch::Sender::new(false),
            _permit: permit,
        }
    }

    /// The direction down, once.
    pub(crate) fn take_down(&self) -> Option<Down> {
        self.down.lock().take().map(|(down, _)| down)
    }

    /// Whether the GET has not come.
    pub(crate) fn is_unread(&self) -> bool {
        self.down.lock().is_some()
    }

    /// A place for one more POST.
    pub(crate) fn place(&self) -> Result<impl Drop, NotTaken> {
        self.upload.place()
    }

    /// Applies the body of a POST, unless the stream ends before.
    pub(crate) async fn apply(&self, number: u64, body: Bytes) -> Result<(), NotTaken> {
        let mut ended = self.has_ended.subscribe();
        tokio::select! {
            biased;
            _ = ended.wait_for(|has_ended| *has_ended) => Err(NotTaken::Ended),
            applied = self.upload.apply(number, body) => applied,
        }
    }

    /// Ends the stream: its pipe is dropped with the last that holds it.
    pub(crate) fn end(&self) {
        self.down.lock().take();
        self.has_ended.send_replace(true);
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("is_unread", &self.is_unread()).finish_non_exhaustive()
    }
}
