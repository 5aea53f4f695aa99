//! Bytes that wait for a socket: small ones copied together, large bodies by reference.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};
use std::rc::Rc;

use bytes::Bytes;

use crate::budget::{Account, Charge};
use crate::time::Time;

/// From this length on a body is referred to, not copied: below it the copy is cheaper than a
/// vector element of its own.
const SHARE_FROM: usize = 4_096;

/// Pieces handed to one `writev`.
const MAX_PIECES: usize = 64;

/// Copied bytes in one piece, unless they came as more: what is written of a queue that never runs
/// empty is given back piece by piece.
const PIECE: usize = 32 * 1024;

/// A buffer larger than this is not kept for the next connection.
const KEEP: usize = 4 * 1024;

/// What waits to be written to one connection, oldest first.
#[derive(Debug)]
pub(super) struct WriteQueue {
    pieces: VecDeque<Piece>,
    /// Bytes of the first piece that are written.
    done: usize,
    len: usize,
    /// When the socket last took something, or was first offered it.
    progress: Time,
    charge: Charge,
    /// Something was not queued for want of memory: the connection cannot go on.
    broken: bool,
}

#[derive(Debug)]
enum Piece {
    Copied(Vec<u8>),
    Shared(Bytes),
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Copied(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

/// Queues that no connection needs now. A connection that has something to write takes one, so that
/// an idle connection holds a null pointer instead.
#[derive(Debug)]
pub(super) struct Pool {
    account: Rc<Account>,
    #[expect(clippy::vec_box, reason = "connections hold and return the boxes themselves")]
    spare: Vec<Box<WriteQueue>>,
}

/// Queues that a pool keeps.
const SPARE: usize = 1_024;

impl Pool {
    pub(super) fn new(account: &Rc<Account>) -> Self {
        Self { account: Rc::clone(account), spare: Vec::new() }
    }

    /// A queue that begins to wait at `now`.
    pub(super) fn take(&mut self, now: Time) -> Box<WriteQueue> {
        let spare = self.spare.pop();
        let mut queue = spare.unwrap_or_else(|| Box::new(WriteQueue::new(&self.account)));
        queue.progress = now;
        queue
    }

    /// Takes a queue back, with or without something in it.
    pub(super) fn put(&mut self, mut queue: Box<WriteQueue>) {
        if self.spare.len() < SPARE && queue.recycle() {
            self.spare.push(queue);
        }
    }
}

/// How a flush ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Flush {
    /// Nothing waits.
    Done,
    /// The socket takes no more now.
    Blocked,
}

impl WriteQueue {
    fn new(account: &Rc<Account>) -> Self {
        Self {
            pieces: VecDeque::new(),
            done: 0,
            len: 0,
            progress: Time::START,
            charge: Charge::none(account),
            broken: false,
        }
    }

    /// Bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// When the socket last took something.
    pub(super) fn progress(&self) -> Time {
        self.progress
    }

    /// Appends a copy.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if !self.pay(bytes.len()) {
            return;
        }
        match self.pieces.back_mut() {
            Some(Piece::Copied(last)) if last.len() + bytes.len() <= PIECE => {
                last.extend_from_slice(bytes);
            }
            _ if bytes.is_empty() => {}
            _ => self.pieces.push_back(Piece::Copied(bytes.to_vec())),
        }
    }

    /// Appends a body, by reference if that is cheaper.
    pub(super) fn push_shared(&mut self, body: &Bytes) {
        if body.len() < SHARE_FROM {
            return self.push(body);
        }
        if self.pay(body.len()) {
            self.pieces.push_back(Piece::Shared(body.clone()));
        }
    }

    /// Counts bytes that are to be appended; false if there is no memory for them.
    fn pay(&mut self, bytes: usize) -> bool {
        self.broken = self.broken || self.charge.set(self.len + bytes).is_err();
        self.len += if self.broken { 0 } else { bytes };
        !self.broken
    }

    /// All that waits, if it is in one piece; only then can it be written without a list.
    pub(super) fn only_piece(&self) -> Option<&[u8]> {
        let is_only = self.pieces.len() == 1 && self.len > 0 && !self.broken;
        self.pieces.front().filter(|_| is_only).map(|piece| &piece.bytes()[self.done..])
    }

    /// So many bytes have been written.
    pub(super) fn note_written(&mut self, now: Time, written: usize) {
        if written > 0 {
            self.progress = now;
            self.advance(written);
        }
    }

    /// Writes until nothing waits or the socket takes no more. Returns also how much was written.
    /// [`OutOfMemory`](io::ErrorKind::OutOfMemory) says that not everything could be queued.
    pub(super) fn flush(
        &mut self,
        now: Time,
        socket: &mut impl Write,
    ) -> io::Result<(Flush, usize)> {
        if self.broken {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let mut total = 0;
        while self.len > 0 {
            let mut slices = [IoSlice::new(&[]); MAX_PIECES];
            let mut count = 0;
            for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
                let skip = if count == 0 { self.done } else { 0 };
                *slice = IoSlice::new(&piece.bytes()[skip..]);
                count += 1;
            }
            match socket.write_vectored(&slices[..count]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    total += written;
                    self.note_written(now, written);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok((Flush::Blocked, total));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok((Flush::Done, total))
    }

    /// Empties the queue. Whether it is worth keeping for another connection.
    fn recycle(&mut self) -> bool {
        (self.done, self.len, self.broken) = (0, 0, false);
        let _shrinks = self.charge.set(0);
        let spare = self.pieces.drain(..).find_map(|piece| match piece {
            Piece::Copied(mut bytes) if bytes.capacity() <= KEEP => {
                bytes.clear();
                Some(bytes)
            }
            _ => None,
        });
        self.pieces.extend(spare.map(Piece::Copied));
        self.pieces.capacity() <= MAX_PIECES
    }

    fn advance(&mut self, mut written: usize) {
        self.len -= written;
        let _shrinks = self.charge.set(self.len);
        written += self.done;
        while let Some(first) = self.pieces.front_mut() {
            let len = first.bytes().len();
            if written < len {
                break;
            }
            written -= len;
            if self.pieces.len() == 1
                && let Some(Piece::Copied(bytes)) = self.pieces.front_mut()
            {
                // Keeps the buffer for what comes next.
                bytes.clear();
                break;
            }
            self.pieces.pop_front();
        }
        self.done = written;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A socket that takes so many bytes at each write, then blocks.
    struct Narrow {
        takes: VecDeque<usize>,
        taken: Vec<u8>,
    }

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.write_vectored(&[IoSlice::new(bytes)])
        }

        fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            let Some(limit) = self.takes.pop_front() else {
                return Err(io::ErrorKind::WouldBlock.into());
            };
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            let count = all.len().min(limit.max(1));
            self.taken.extend_from_slice(&all[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn bytes_leave_once_and_in_order_however_the_socket_takes_them(
            parts in prop::collection::vec((0usize..9_000, any::<bool>()), 1..20),
            takes in prop::collection::vec(1usize..6_000, 0..40),
            cut in 0usize..20,
        ) {
            let mut queue = WriteQueue::new(&Account::unlimited());
            let mut socket = Narrow { takes: takes.into(), taken: Vec::new() };
            let mut expected = Vec::new();
            for (index, (len, shared)) in parts.iter().enumerate() {
                let body = vec![u8::try_from(index).unwrap(); *len];
                expected.extend_from_slice(&body);
                if *shared { queue.push_shared(&body.into()) } else { queue.push(&body) }
                if index == cut {
                    queue.flush(Time::START, &mut socket).unwrap();
                }
            }
            queue.flush(Time::START, &mut socket).unwrap();
            prop_assert_eq!(queue.len() + socket.taken.len(), expected.len());
            socket.takes = vec![100_000; 1_000].into();
            prop_assert_eq!(queue.flush(Time::START, &mut socket).unwrap().0, Flush::Done);
            prop_assert!(socket.taken == expected);
            prop_assert_eq!(queue.len(), 0);
        }
    }

    #[test]
    fn what_is_written_is_given_back_though_the_queue_never_runs_empty() {
        let mut queue = WriteQueue::new(&Account::unlimited());
        queue.push(b"x");
        for _ in 0..10_000 {
            queue.push(&[7; 1_000]);
            let mut socket = Narrow { takes: VecDeque::from([1_000]), taken: Vec::new() };
            assert_eq!(queue.flush(Time::START, &mut socket).unwrap(), (Flush::Blocked, 1_000));
        }
        let held: usize = queue.pieces.iter().map(|piece| piece.bytes().len()).sum();
        assert_eq!(queue.len(), 1);
        assert!(held <= 2 * PIECE, "{held}");
    }

    #[test]
    fn a_recycled_queue_is_empty_and_keeps_one_buffer() {
        let mut queue = WriteQueue::new(&Account::unlimited());
        queue.push(b"small");
        queue.push_shared(&vec![1; 10_000].into());
        queue.push(b"more");
        assert!(queue.recycle());
        assert_eq!((queue.len(), queue.pieces.len()), (0, 1));
        let mut socket = Narrow { takes: VecDeque::new(), taken: Vec::new() };
        assert_eq!(queue.flush(Time::START, &mut socket).unwrap(), (Flush::Done, 0));
    }
}
