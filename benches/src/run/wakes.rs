//! Threads that learn at once what the readers of another thread have: a publisher whose window
//! has room would otherwise sleep until its poll's next tick.

use std::io;
use std::sync::Arc;

use mio::Waker;

use super::deal::Deal;
use crate::driver::Driver;
use crate::plan::Layout;

/// Who is to be woken by one of the threads.
#[derive(Clone, Debug, Default)]
pub(super) struct Wakes {
    /// By thread.
    wakers: Arc<[Waker]>,
    /// The thread of each stream's publisher.
    owners: Arc<[usize]>,
    /// The threads that are to be woken next; each is woken once, however much there is to tell.
    noted: Vec<bool>,
}

impl Wakes {
    /// For the drivers of all threads.
    ///
    /// # Errors
    ///
    /// When the system has no more means to wake somebody.
    pub(super) fn new(layout: &Layout, deal: &Deal, drivers: &[Driver]) -> io::Result<Self> {
        let wakers = drivers.iter().map(Driver::waker).collect::<io::Result<_>>()?;
        let mut owners = vec![0; layout.streams() as usize];
        for source in layout.traffic.iter().flat_map(|traffic| &traffic.sources) {
            owners[source.stream as usize] = deal.seat(source.session).0;
        }
        Ok(Self { wakers, owners: owners.into(), noted: vec![false; drivers.len()] })
    }

    /// There is news for the publisher of a stream.
    pub(super) fn note(&mut self, stream: u32) {
        if let Some(owner) = self.owners.get(stream as usize) {
            self.noted[*owner] = true;
        }
    }

    /// Wakes those for whom there is news.
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
    use crate::dialect::To;
    use crate::driver::Tuning;
    use crate::plan::{Pick, Source, Traffic};

    #[test]
    fn a_thread_is_woken_when_another_has_news_for_its_publisher() {
        let source = |session, stream| Source { session, stream, to: To::Rooms };
        let sources = vec![source(3, 0), source(2, 1)];
        let traffic = Traffic { share: 1.0, sources, pick: Pick::InTurn };
        let room = crate::plan::Room { first: 0, streams: 2, readers: 4 };
        let layout = Layout { rooms: vec![room], members: Vec::new(), traffic: vec![traffic] };
        let mut drivers = [0, 1].map(|_| Driver::new(Tuning::default()).unwrap());
        let mut wakes = Wakes::new(&layout, &Deal::new(4, 2, 0), &drivers).unwrap();
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
