//! Wake-ups between threads: a publisher whose window has room because of readers on another thread
//! would otherwise sleep until its poll's next tick.

use std::io;
use std::sync::Arc;

use mio::Waker;

use crate::driver::Driver;

/// Wake-ups from one of the threads.
#[derive(Clone, Debug, Default)]
pub(super) struct Wakes {
    /// By thread.
    wakers: Arc<[Waker]>,
    /// The thread of each stream's publisher.
    owners: Arc<[usize]>,
    /// Threads to be woken next; each is woken once, however much news there is.
    noted: Vec<bool>,
}

impl Wakes {
    /// For the drivers of all threads; `owners` are the threads of each stream's publisher.
    ///
    /// # Errors
    ///
    /// When the system has no more wakers.
    pub(super) fn new(owners: Vec<usize>, drivers: &[Driver]) -> io::Result<Self> {
        let wakers = drivers.iter().map(Driver::waker).collect::<io::Result<_>>()?;
        Ok(Self { wakers, owners: owners.into(), noted: vec![false; drivers.len()] })
    }

    /// Notes news for the publisher of a stream.
    pub(super) fn note(&mut self, stream: u32) {
        if let Some(owner) = self.owners.get(stream as usize) {
            self.noted[*owner] = true;
        }
    }

    /// Wakes the noted threads.
    pub(super) fn wake(&mut self) {
        for (waker, noted) in self.wakers.iter().zip(&mut self.noted) {
            if std::mem::take(noted) {
                // A thread that cannot be woken looks by itself before long.
                let _ = waker.wake();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::audience::Audience;
    use crate::clock;
    use crate::driver::Tuning;

    #[test]
    fn a_thread_is_woken_when_another_has_news_for_its_publisher() {
        let mut drivers = [0, 1].map(|_| Driver::new(Tuning::default()).unwrap());
        let mut wakes = Wakes::new(vec![1, 0], &drivers).unwrap();
        wakes.note(0);
        wakes.wake();
        let (began, mut audience) = (Instant::now(), Audience::new());
        drivers[1].turn(clock::now() + Duration::from_secs(60), &mut audience).unwrap();
        assert!(began.elapsed() < Duration::from_secs(30), "it slept on");
        let until = clock::now() + Duration::from_millis(20);
        drivers[0].turn(until, &mut audience).unwrap();
        assert!(clock::now() >= until, "nobody had news for this one");
    }
}
