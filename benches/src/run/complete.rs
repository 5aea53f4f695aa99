//! Messages that all readers have, across threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Messages that the readers of each thread have of each stream, as one of the threads sees it.
#[derive(Clone, Debug)]
pub(super) struct Complete {
    /// By thread, then by stream. Threads without readers of a stream are not waited for.
    threads: Arc<[Box<[AtomicU64]>]>,
    own: usize,
}

/// Count of a thread without readers.
const EVERYTHING: u64 = u64::MAX;

impl Complete {
    /// For threads with these numbers of readers of each stream.
    pub(super) fn new(readers: &[Vec<u32>]) -> Vec<Self> {
        let number = |readers: &u32| AtomicU64::new(if *readers == 0 { EVERYTHING } else { 0 });
        let of = |readers: &Vec<u32>| readers.iter().map(number).collect();
        let threads: Arc<[_]> = readers.iter().map(of).collect();
        (0..readers.len()).map(|own| Self { threads: Arc::clone(&threads), own }).collect()
    }

    /// The number of streams.
    pub(super) fn streams(&self) -> usize {
        self.threads[self.own].len()
    }

    /// Whether other threads have readers of a stream.
    pub(super) fn is_spread(&self, stream: u32) -> bool {
        let others = self.threads.iter().enumerate().filter(|(at, _)| *at != self.own);
        others.into_iter().any(|(_, of)| of[stream as usize].load(Ordering::Relaxed) != EVERYTHING)
    }

    /// Sets the number of messages of a stream that this thread's readers have.
    pub(super) fn set(&self, stream: u32, complete: u64) {
        self.threads[self.own][stream as usize].store(complete, Ordering::Release);
    }

    /// The number of messages of a stream that all readers have.
    pub(super) fn get(&self, stream: u32) -> u64 {
        let all = self.threads.iter().map(|of| of[stream as usize].load(Ordering::Acquire)).min();
        // A stream without readers is complete as soon as it is sent.
        all.filter(|complete| *complete != EVERYTHING).unwrap_or(u64::MAX >> 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_complete_when_the_readers_of_all_threads_have_it() {
        let threads = Complete::new(&[vec![2, 1, 0], vec![3, 0, 0]]);
        let [one, other] = &threads[..] else { panic!("{threads:?}") };
        assert_eq!([0, 1].map(|stream| one.is_spread(stream)), [true, false]);
        assert_eq!([0, 1].map(|stream| other.is_spread(stream)), [true, true]);
        one.set(0, 5);
        assert_eq!((one.get(0), other.get(0)), (0, 0));
        other.set(0, 4);
        one.set(1, 7);
        assert_eq!((one.get(0), one.get(1), one.streams()), (4, 7, 3));
        assert!(one.get(2) > 1 << 60, "nobody is waited for");
    }
}
