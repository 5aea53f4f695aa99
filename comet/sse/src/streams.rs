//! All streams, by their ids.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::SseConfig;
use crate::id::StreamId;
use crate::stream::Stream;

/// The streams of a router.
#[derive(Clone, Debug)]
pub(crate) struct Streams(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    table: Mutex<HashMap<StreamId, Arc<Stream>>>,
    places: Arc<Semaphore>,
    unread_places: Arc<Semaphore>,
}

impl Streams {
    pub(crate) fn new(config: &SseConfig) -> Self {
        Self(Arc::new(Inner {
            table: Mutex::default(),
            places: Arc::new(Semaphore::new(config.streams)),
            unread_places: Arc::new(Semaphore::new(config.unread_streams)),
        }))
    }

    /// A place for one more stream, and one among those that are not read; `None` if there is none.
    pub(crate) fn place(&self) -> Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)> {
        let unread = Arc::clone(&self.0.unread_places).try_acquire_owned().ok()?;
        let place = Arc::clone(&self.0.places).try_acquire_owned().ok()?;
        Some((place, unread))
    }

    pub(crate) fn insert(&self, id: StreamId, stream: Arc<Stream>) {
        self.0.table.lock().insert(id, stream);
    }

    pub(crate) fn find(&self, id: StreamId) -> Option<Arc<Stream>> {
        self.0.table.lock().get(&id).cloned()
    }

    /// Ends a stream that is still not read.
    pub(crate) fn end_unread(&self, id: StreamId) {
        if self.find(id).is_some_and(|stream| stream.is_unread()) {
            self.end(id);
        }
    }

    /// Ends a stream; the connection of its session is lost.
    pub(crate) fn end(&self, id: StreamId) {
        if let Some(stream) = self.0.table.lock().remove(&id) {
            stream.end();
        }
    }

    /// A handle that does not keep the streams.
    pub(crate) fn downgrade(&self) -> WeakStreams {
        WeakStreams(Arc::downgrade(&self.0))
    }
}

/// The streams, if their router is still there.
#[derive(Debug)]
pub(crate) struct WeakStreams(Weak<Inner>);

impl WeakStreams {
    pub(crate) fn upgrade(&self) -> Option<Streams> {
        self.0.upgrade().map(Streams)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::io::{AsyncReadExt, duplex};

    use super::*;

    #[tokio::test]
    async fn places_are_given_back_and_an_end_drops_the_pipe() {
        let config = SseConfig { streams: 3, unread_streams: 2, ..SseConfig::default() };
        let streams = Streams::new(&config);
        let one = streams.place().unwrap();
        let _two = streams.place().unwrap();
        assert!(streams.place().is_none(), "as many as may be unread");
        let id = StreamId::random().unwrap();
        let (ours, mut theirs) = duplex(16);
        let stream = Arc::new(Stream::new((ours, Bytes::new()), &config, one));
        streams.insert(id, stream);
        let down = streams.find(id).unwrap().take_down().unwrap();
        assert!(streams.find(id).unwrap().take_down().is_none(), "once");
        let _three = streams.place().unwrap();
        assert!(streams.place().is_none(), "as many as there may be");
        streams.end_unread(id);
        assert!(streams.find(id).is_some(), "it is read");
        streams.end(id);
        drop(down);
        assert!(streams.find(id).is_none());
        let mut byte = [0; 1];
        assert_eq!(theirs.read(&mut byte).await.unwrap(), 0, "the gateway sees the end");
    }
}
