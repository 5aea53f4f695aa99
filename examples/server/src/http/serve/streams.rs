//! Requests of an HTTP/2 connection, which are served side by side: how many there are, and for how
//! long their responses wait for the client. A state machine, like `deadlines`.
//!
//! Not here: their bodies, which time themselves (`bodies`).

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::wait::Wait;

/// The open requests, by numbers of their own.
#[derive(Debug, Default)]
pub(super) struct Streams {
    last: u64,
    open: usize,
    /// Responses of which a part has been produced and not been asked for again: the client's flow
    /// control holds them.
    unread: BTreeMap<u64, Wait>,
}

impl Streams {
    /// A request has arrived; its number.
    pub(super) fn begin(&mut self) -> u64 {
        self.last += 1;
        self.open += 1;
        self.last
    }

    /// A part of a response is on its way to the client.
    pub(super) fn produced(&mut self, id: u64, now: Instant, bytes: usize) {
        let wait = self.unread.entry(id).or_default();
        wait.end(now, bytes);
        wait.begin(now);
    }

    /// The client can take more of a response, which has none.
    pub(super) fn drained(&mut self, id: u64, now: Instant) {
        if let Some(wait) = self.unread.get_mut(&id) {
            wait.end(now, 0);
        }
    }

    /// A request is answered, or its stream was reset. Whether it was the last one.
    pub(super) fn end(&mut self, id: u64) -> bool {
        self.unread.remove(&id);
        self.open -= 1;
        self.open == 0
    }

    /// The time at which the first response has waited for too long.
    pub(super) fn deadline(&self, limit: Duration) -> Option<Instant> {
        self.unread.values().filter_map(|wait| wait.deadline(limit)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_response_that_is_not_taken_has_a_deadline_and_one_without_data_has_none() {
        let start = Instant::now();
        let mut streams = Streams::default();
        let (events, file) = (streams.begin(), streams.begin());
        streams.produced(events, start, 100);
        streams.drained(events, start + SECOND);
        assert_eq!(streams.deadline(LIMIT), None);
        streams.produced(file, start + SECOND, 16_384);
        assert_eq!(streams.deadline(LIMIT), Some(start + SECOND + LIMIT));
        assert!(!streams.end(file));
        assert_eq!(streams.deadline(LIMIT), None);
        assert!(streams.end(events), "the last one");
    }
}
