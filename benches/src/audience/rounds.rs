//! Messages that every reader has: the condition for the next one of a publisher with a window.

use std::collections::VecDeque;

/// The newest messages of one stream.
#[derive(Clone, Debug, Default)]
struct Round {
    readers: u32,
    /// Readers that lack a message, for each that not all have.
    lacking: VecDeque<u32>,
    /// Messages that all have.
    complete: u64,
}

/// Readers that have each message, by stream.
#[derive(Clone, Debug, Default)]
pub struct Rounds {
    streams: Vec<Round>,
    /// Streams with newly complete messages.
    fresh: Vec<u32>,
}

impl Rounds {
    /// For streams with these numbers of readers.
    #[must_use]
    pub fn new(readers: impl IntoIterator<Item = u32>) -> Self {
        let round = |readers| Round { readers, ..Round::default() };
        Self { streams: readers.into_iter().map(round).collect(), fresh: Vec::new() }
    }

    /// Messages of a stream that every reader has.
    #[must_use]
    pub fn complete(&self, stream: u32) -> u64 {
        self.streams[stream as usize].complete
    }

    /// The readers of a stream.
    #[must_use]
    pub fn readers(&self, stream: u32) -> u32 {
        self.streams[stream as usize].readers
    }

    /// Streams of which more is complete than the last time, and how much; a stream may be told
    /// twice.
    pub fn take_fresh(&mut self) -> impl Iterator<Item = (u32, u64)> + '_ {
        let Self { streams, fresh } = self;
        fresh.drain(..).map(|stream| (stream, streams[stream as usize].complete))
    }

    /// A reader has a message.
    pub fn handle(&mut self, stream: u32, counter: u64) {
        let Some(round) = self.streams.get_mut(stream as usize) else { return };
        // A message that was given up may come after all.
        let Some(ahead) = counter.checked_sub(round.complete + 1) else { return };
        let at = usize::try_from(ahead).unwrap_or(usize::MAX);
        while round.lacking.len() <= at {
            round.lacking.push_back(round.readers);
        }
        round.lacking[at] = round.lacking[at].saturating_sub(1);
        let before = round.complete;
        while round.lacking.front() == Some(&0) {
            round.lacking.pop_front();
            round.complete += 1;
        }
        if round.complete > before {
            self.fresh.push(stream);
        }
    }

    /// Messages up to this one are not waited for any more.
    pub fn give_up(&mut self, stream: u32, sent: u64) {
        let round = &mut self.streams[stream as usize];
        (round.complete, round.lacking) = (round.complete.max(sent), VecDeque::new());
        self.fresh.push(stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_complete_when_all_readers_have_it_and_those_before() {
        let mut rounds = Rounds::new([1, 2]);
        [2, 2, 1].into_iter().for_each(|counter| rounds.handle(1, counter));
        assert_eq!((rounds.complete(1), rounds.take_fresh().count()), (0, 0));
        rounds.handle(1, 1);
        assert_eq!(rounds.complete(1), 2);
        rounds.handle(1, 3);
        rounds.handle(1, 3);
        rounds.handle(0, 1);
        assert_eq!((rounds.complete(1), rounds.complete(0)), (3, 1));
        assert_eq!(rounds.take_fresh().collect::<Vec<_>>(), [(1, 3), (1, 3), (0, 1)]);
    }

    #[test]
    fn what_is_given_up_is_not_waited_for_and_does_not_count_when_it_comes() {
        let mut rounds = Rounds::new([2]);
        rounds.handle(0, 2);
        rounds.give_up(0, 3);
        rounds.handle(0, 1);
        assert_eq!(rounds.complete(0), 3);
        rounds.handle(0, 4);
        rounds.handle(0, 4);
        assert_eq!(rounds.complete(0), 4);
    }
}
