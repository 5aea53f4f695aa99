//! Bytes that wait for a socket: small ones copied together, large bodies by reference.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};
use std::rc::Rc;

use bytes::Bytes;

use crate::budget::{Account, Charge};
use crate::delivery::Held;
use crate::time::Time;

/// Length from which on shared bodies are referred to, not copied: below it the copy is
/// cheaper than a place of its own.
pub(in crate::shard) const SHARE_FROM: usize = 1_024;

/// Pieces handed to one `writev`.
const MAX_PIECES: usize = 64;

/// Copied bytes in one piece, unless they came as more: what is written of a queue that never runs
/// empty is given back piece by piece.
const PIECE: usize = 32 * 1024;

/// Output of one connection that is kept also when memory is short, from the reserve for output.
const SMALL: usize = 8 * 1024;

/// A buffer larger than this is not kept for the next connection.
const KEEP: usize = 4 * 1024;

/// Output of one connection that waits to be written, oldest first.
#[derive(Debug)]
pub(in crate::shard) struct WriteQueue {
    pieces: VecDeque<Piece>,
    /// Bytes of the first piece that are written.
    done: usize,
    len: usize,
    /// Bytes that the transport has taken and not sent.
    held: usize,
    /// Bytes of the pieces that are copies, written ones included.
    copied: usize,
    /// When the socket last took something, or was first offered it.
    progress: Time,
    charge: Charge,
    /// Something was not queued for want of memory: the connection cannot go on.
    broken: bool,
}

#[derive(Debug)]
enum Piece {
    Copied(Vec<u8>),
    Shared { bytes: Bytes, keeper: Keeper },
}

/// Owner of the charge for bytes that several queues refer to.
#[derive(Debug)]
pub(in crate::shard) enum Keeper {
    Held(Rc<Held>),
    Charge(Rc<Charge>),
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Copied(bytes) => bytes,
            Self::Shared { bytes, .. } => bytes,
        }
    }

    /// Bytes that are kept for this piece, by share.
    fn share(&self) -> usize {
        match self {
            Self::Copied(bytes) => bytes.len(),
            Self::Shared { keeper: Keeper::Held(held), .. } => Held::share(held),
            Self::Shared { keeper: Keeper::Charge(charge), .. } => {
                charge.bytes() / Rc::strong_count(charge).max(1)
            }
        }
    }
}

/// Queues that no connection needs now. A connection that has something to write takes one, so that
/// an idle connection holds a null pointer instead.
#[derive(Debug)]
pub(in crate::shard) struct Pool {
    account: Rc<Account>,
    #[expect(clippy::vec_box, reason = "connections hold and return the boxes themselves")]
    spare: Vec<Box<WriteQueue>>,
}

/// Queues that a pool keeps.
const SPARE: usize = 1_024;

impl Pool {
    pub(in crate::shard) fn new(account: &Rc<Account>) -> Self {
        Self { account: Rc::clone(account), spare: Vec::new() }
    }

    /// The account that is charged for the queues.
    pub(in crate::shard) fn account(&self) -> &Rc<Account> {
        &self.account
    }

    /// A queue that begins to wait at `now`.
    pub(in crate::shard) fn take(&mut self, now: Time) -> Box<WriteQueue> {
        let spare = self.spare.pop();
        let mut queue = spare.unwrap_or_else(|| Box::new(WriteQueue::new(&self.account)));
        queue.progress = now;
        queue
    }

    /// Takes a queue back, with or without something in it.
    pub(in crate::shard) fn put(&mut self, mut queue: Box<WriteQueue>) {
        if self.spare.len() < SPARE && queue.recycle() {
            self.spare.push(queue);
        }
    }
}

/// How a flush ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::shard) enum Flush {
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
            held: 0,
            copied: 0,
            progress: Time::START,
            charge: Charge::none(account),
            broken: false,
        }
    }

    /// Bytes that wait, in the transport too.
    pub(in crate::shard) fn len(&self) -> usize {
        self.len + self.held
    }

    /// The transport has taken so many bytes and not sent them.
    #[inline]
    pub(super) fn hold(&mut self, now: Time, held: usize) {
        if held | self.held > 0 {
            self.hold_some(now, held);
        }
    }

    fn hold_some(&mut self, now: Time, held: usize) {
        if held < self.held {
            self.progress = now;
        }
        let grows = held > self.held;
        self.held = held;
        let cost = self.cost();
        if self.charge.set(cost).is_err() && grows {
            self.broken = self.charge.set_for_output(cost).is_err();
        }
    }

    /// What it takes.
    fn cost(&self) -> usize {
        self.copied + self.held + self.pieces.len() * size_of::<Piece>()
    }

    /// When the socket last took something.
    pub(in crate::shard) fn progress(&self) -> Time {
        self.progress
    }

    /// Bytes that are kept for it, by share where other queues refer to the same, and how many
    /// pieces that are.
    pub(in crate::shard) fn holds(&self) -> (usize, usize) {
        let places = self.pieces.len() * size_of::<Piece>();
        let shares = self.pieces.iter().map(Piece::share).sum::<usize>();
        (places + self.held + shares, self.pieces.len())
    }

    /// Appends a copy.
    pub(in crate::shard) fn push(&mut self, bytes: &[u8]) {
        if let Some(Piece::Copied(last)) = self.pieces.back_mut()
            && last.len() + bytes.len() <= PIECE
        {
            if pay(&mut self.charge, &mut self.broken, bytes.len()) {
                last.extend_from_slice(bytes);
                self.copied += bytes.len();
                self.len += bytes.len();
            }
            return;
        }
        let cost = bytes.len() + size_of::<Piece>();
        if !bytes.is_empty() && pay(&mut self.charge, &mut self.broken, cost) {
            self.pieces.push_back(Piece::Copied(bytes.to_vec()));
            self.copied += bytes.len();
            self.len += bytes.len();
        }
    }

    /// Appends bytes that others may send, too, by reference if that is cheaper. They are charged
    /// elsewhere.
    pub(in crate::shard) fn push_shared(&mut self, bytes: &Bytes, keeper: impl FnOnce() -> Keeper) {
        if bytes.len() < SHARE_FROM {
            return self.push(bytes);
        }
        if pay(&mut self.charge, &mut self.broken, size_of::<Piece>()) {
            self.len += bytes.len();
            self.pieces.push_back(Piece::Shared { bytes: bytes.clone(), keeper: keeper() });
        }
    }

    /// Pays for what is there, which is not more than before. What is empty goes back to the pool.
    fn recharge(&mut self) {
        if self.len > 0 {
            let _shrinks = self.charge.set(self.cost());
        }
    }

    /// All that waits, if it is in one piece; only then can it be written without a list.
    pub(in crate::shard) fn only_piece(&self) -> Option<&[u8]> {
        let is_only = self.pieces.len() == 1 && self.len > 0 && self.held == 0 && !self.broken;
        self.pieces.front().filter(|_| is_only).map(|piece| &piece.bytes()[self.done..])
    }

    /// So many bytes have been written.
    pub(in crate::shard) fn note_written(&mut self, now: Time, written: usize) {
        if written > 0 {
            self.progress = now;
            self.advance(written);
        }
    }

    /// Writes until nothing waits or the socket takes no more. Returns also how much was written.
    /// [`OutOfMemory`](io::ErrorKind::OutOfMemory) says that not everything could be queued.
    pub(in crate::shard) fn flush(
        &mut self,
        now: Time,
        sink: &mut impl Write,
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
            match sink.write_vectored(&slices[..count]) {
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
        (self.done, self.len, self.held, self.copied, self.broken) = (0, 0, 0, 0, false);
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
        written += self.done;
        while let Some(first) = self.pieces.front_mut() {
            let len = first.bytes().len();
            if written < len {
                break;
            }
            written -= len;
            let is_last = self.pieces.len() == 1;
            if let Some(Piece::Copied(bytes)) = self.pieces.front_mut() {
                self.copied -= len;
                if is_last {
                    // Keeps the buffer for what comes next.
                    bytes.clear();
                    break;
                }
            }
            self.pieces.pop_front();
        }
        self.done = written;
        self.recharge();
    }
}

/// Pays for so many bytes more; false if there is no memory for them, from then on.
#[inline]
fn pay(charge: &mut Charge, broken: &mut bool, more: usize) -> bool {
    let cost = charge.bytes() + more;
    *broken = *broken
        || (charge.set(cost).is_err() && (cost > SMALL || charge.set_for_output(cost).is_err()));
    !*broken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Delivery;
    use crate::budget::Budget;
    use proptest::prelude::*;
    use std::sync::Arc;

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

    fn keeper() -> Keeper {
        Keeper::Charge(Rc::new(Charge::none(&Account::unlimited())))
    }

    #[test]
    fn what_several_queues_refer_to_is_paid_for_once_and_held_by_share() {
        let account = Account::unlimited();
        let held =
            Held::delivery(Time::START, &account, Delivery::acked(vec![7; 100_000]), None).unwrap();
        let body = held.as_delivery().unwrap().body.clone();
        let alone = account.used();
        let mut queues: Vec<WriteQueue> = (0..9).map(|_| WriteQueue::new(&account)).collect();
        for queue in &mut queues {
            queue.push(b"head");
            queue.push_shared(&body, || Keeper::Held(Rc::clone(&held)));
        }
        assert!(account.used() < alone + 9 * 200, "{}", account.used());
        let (bytes, pieces) = queues[0].holds();
        assert!((10_000..11_000).contains(&bytes), "a tenth of it: {bytes}");
        assert_eq!((pieces, queues[0].len()), (2, 100_004));
        drop(held);
        assert!(account.used() > 100_000, "the queues keep it");
        drop(queues);
        assert_eq!(account.used(), 0);
    }

    #[test]
    fn what_is_written_of_copies_is_given_back_with_their_piece() {
        let account = Account::unlimited();
        let mut queue = WriteQueue::new(&account);
        queue.push(&[1; PIECE]);
        queue.push(&[2; 100]);
        let full = account.used();
        queue.note_written(Time::START, PIECE - 1);
        assert_eq!(account.used(), full, "the piece is still there");
        queue.note_written(Time::START, 1);
        assert!(account.used() < 100 + 2 * size_of::<Piece>());
    }

    #[test]
    fn a_little_output_is_kept_when_memory_is_gone_and_much_is_not() {
        let account = Account::new(Arc::new(Budget::new(640_000, 1)), 0);
        let _most = Charge::new(&account, 620_000).unwrap();
        let mut queue = WriteQueue::new(&account);
        queue.push(&[1; 2_000]);
        assert!(queue.only_piece().is_some());
        queue.push(&[1; 9_000]);
        let mut socket = Narrow { takes: VecDeque::from([100_000]), taken: Vec::new() };
        let error = queue.flush(Time::START, &mut socket).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
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
                if *shared { queue.push_shared(&body.into(), keeper) } else { queue.push(&body) }
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
        queue.push_shared(&vec![1; 10_000].into(), keeper);
        queue.push(b"more");
        assert!(queue.recycle());
        assert_eq!((queue.len(), queue.pieces.len()), (0, 1));
        let mut socket = Narrow { takes: VecDeque::new(), taken: Vec::new() };
        assert_eq!(queue.flush(Time::START, &mut socket).unwrap(), (Flush::Done, 0));
    }
}
