//! The direction up: POSTs in the order of their numbers, each applied once.

use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::time::timeout;

/// Why a POST was not applied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotTaken {
    /// Those before this number have not come.
    Hole { next: u64 },
    /// As many wait as may.
    TooMany,
    /// The stream has ended.
    Ended,
}

/// Order of the POSTs of one stream, in front of its pipe.
#[derive(Debug)]
pub(crate) struct Upload<W> {
    pipe: Mutex<Pipe<W>>,
    /// The number that is due.
    next: watch::Sender<u64>,
    places: Semaphore,
    most: u64,
    wait: Duration,
}

#[derive(Debug)]
struct Pipe<W> {
    write: W,
    /// The rest of the last body that was taken. It outlives its POST, which may be broken off in
    /// the middle of a packet.
    rest: Bytes,
}

impl<W: AsyncWrite + Unpin> Upload<W> {
    /// For `posts` at once, each of which waits this long for its turn.
    pub(crate) fn new(write: W, posts: usize, wait: Duration) -> Self {
        Self {
            pipe: Mutex::new(Pipe { write, rest: Bytes::new() }),
            next: watch::Sender::new(1),
            places: Semaphore::new(posts),
            most: posts as u64,
            wait,
        }
    }

    /// A place for one POST, for as long as it waits and is written.
    pub(crate) fn place(&self) -> Result<impl Drop, NotTaken> {
        self.places.try_acquire().map_err(|_| NotTaken::TooMany)
    }

    /// Applies a body when its turn comes, and returns when the pipe has taken all of it. A repeat
    /// returns when the first of its number is taken.
    ///
    /// May be dropped at any time: a body that was begun is finished by the next call.
    pub(crate) async fn apply(&self, number: u64, body: Bytes) -> Result<(), NotTaken> {
        let due = *self.next.borrow();
        if number > due.saturating_add(self.most) {
            return Err(NotTaken::Hole { next: due });
        }
        let mut next = self.next.subscribe();
        let turn = next.wait_for(|next| number <= *next);
        if timeout(self.wait, turn).await.is_err() {
            return Err(NotTaken::Hole { next: *self.next.borrow() });
        }
        let mut pipe = self.pipe.lock().await;
        let is_due = || number == *self.next.borrow();
        if is_due() {
            pipe.finish().await.map_err(|_| NotTaken::Ended)?;
            pipe.rest = body;
            self.next.send_modify(|next| *next += 1);
        }
        pipe.finish().await.map_err(|_| NotTaken::Ended)
    }
}

impl<W: AsyncWrite + Unpin> Pipe<W> {
    async fn finish(&mut self) -> io::Result<()> {
        while !self.rest.is_empty() {
            let written = self.write.write(&self.rest).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.rest.advance(written);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, DuplexStream, duplex};

    use super::*;

    const WAIT: Duration = Duration::from_secs(10);

    fn upload(space: usize) -> (Upload<DuplexStream>, DuplexStream) {
        let (ours, theirs) = duplex(space);
        (Upload::new(ours, 4, WAIT), theirs)
    }

    async fn read(pipe: &mut DuplexStream, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        pipe.read_exact(&mut bytes).await.unwrap();
        bytes
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_are_applied_once_and_in_order() {
        let (upload, mut pipe) = upload(64);
        let body = |text: &'static str| Bytes::from_static(text.as_bytes());
        let (third, second, first) = tokio::join!(
            upload.apply(3, body("three")),
            upload.apply(2, body("two")),
            upload.apply(1, body("one")),
        );
        assert_eq!((third, second, first), (Ok(()), Ok(()), Ok(())));
        for number in 1..=3 {
            assert_eq!(upload.apply(number, body("again")).await, Ok(()));
        }
        assert_eq!(upload.apply(4, body(".")).await, Ok(()));
        assert_eq!(read(&mut pipe, 12).await, b"onetwothree.");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hole_waits_for_a_time_and_not_when_it_is_wide() {
        let (upload, _pipe) = upload(64);
        let began = tokio::time::Instant::now();
        assert_eq!(upload.apply(6, Bytes::new()).await, Err(NotTaken::Hole { next: 1 }));
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert_eq!(upload.apply(2, Bytes::new()).await, Err(NotTaken::Hole { next: 1 }));
        assert_eq!(began.elapsed(), WAIT);
        let places: Vec<_> = (0..4).map(|_| upload.place().unwrap()).collect();
        assert_eq!(upload.place().err(), Some(NotTaken::TooMany));
        drop(places);
        assert!(upload.place().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_was_broken_off_is_finished_by_its_repeat_or_the_next() {
        let (upload, mut pipe) = upload(2);
        let begun = timeout(WAIT, upload.apply(1, Bytes::from_static(b"abcdef"))).await;
        assert!(begun.is_err(), "the pipe is full");
        assert_eq!(read(&mut pipe, 2).await, b"ab");
        let (next, bytes) =
            tokio::join!(upload.apply(2, Bytes::from_static(b"gh")), read(&mut pipe, 6));
        assert_eq!((next, bytes), (Ok(()), b"cdefgh".to_vec()));
        assert_eq!(upload.apply(1, Bytes::from_static(b"abcdef")).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pipe_that_has_ended_takes_nothing() {
        let (upload, pipe) = upload(2);
        drop(pipe);
        assert_eq!(upload.apply(1, Bytes::from_static(b"a")).await, Err(NotTaken::Ended));
    }
}
