//! The ring, and all that is unsafe about it.

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::process;

use io_uring::squeue::Entry;
use io_uring::{IoUring, Probe, opcode, types};

/// A submission ring for writes and reads. For one thread: the one that made it.
///
/// Costs about 100 bytes of kernel memory for each of those it takes at once.
pub struct Ring {
    ring: IoUring,
    entries: Vec<Entry>,
    capacity: usize,
    /// The kernel holds other threads off, and what it then says would end the process.
    one_thread: PhantomData<*mut ()>,
}

impl Ring {
    /// A ring that hands up to `capacity` of them, rounded up to a power of two, to the kernel at
    /// once.
    ///
    /// # Errors
    ///
    /// When the system has no `io_uring` that reads and writes sockets (Linux 5.6), forbids it, or
    /// has no memory for it.
    pub fn new(capacity: u32) -> io::Result<Self> {
        // Without the two hints on Linux before 6.1, which does not know them.
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_submit_all()
            .build(capacity)
            .or_else(|_| IoUring::new(capacity))?;
        let capacity = ring.params().sq_entries() as usize;
        let entries = Vec::with_capacity(capacity);
        let mut ring = Self { ring, entries, capacity, one_thread: PhantomData };
        ring.try_out()?;
        Ok(ring)
    }

    /// Finds out what the system knows and allows, while refusing is still an answer.
    #[expect(unsafe_code, reason = "what is submitted holds no pointer")]
    fn try_out(&mut self) -> io::Result<()> {
        let mut known = Probe::new();
        self.ring.submitter().register_probe(&mut known)?;
        if !known.is_supported(opcode::Send::CODE) || !known.is_supported(opcode::Recv::CODE) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        // SAFETY: it does nothing, and there is nothing that it could refer to.
        let pushed = unsafe { self.ring.submission().push(&opcode::Nop::new().build()) };
        pushed.map_err(|_full| io::ErrorKind::OutOfMemory)?;
        self.ring.submit_and_wait(1)?;
        let answers = self.ring.completion().count();
        if answers == 1 { Ok(()) } else { Err(io::ErrorKind::Unsupported.into()) }
    }

    /// How many writes or reads one system call takes.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Writes to each socket what it takes now, without waiting for any, and appends how much that
    /// was, or the error, to `results`, in the order of `sends`. As with
    /// [`write`](std::io::Write::write), less than everything may be taken, and a socket that takes
    /// nothing is a [`WouldBlock`](io::ErrorKind::WouldBlock).
    ///
    /// A socket that is listed twice gets the bytes in their order; but if it takes only a part of
    /// the first, it may take some of the second.
    ///
    /// # Aborts
    ///
    /// The process, should the kernel refuse to say what became of writes it was given: they may
    /// be under way, and their bytes could not be given back to their owner.
    pub fn send<'a>(
        &mut self,
        sends: impl IntoIterator<Item = (BorrowedFd<'a>, &'a [u8])>,
        results: &mut Vec<io::Result<usize>>,
    ) {
        let sends = sends.into_iter().enumerate();
        self.transfer(sends.map(|(index, (socket, bytes))| write(index, socket, bytes)), results);
    }

    /// Reads from each socket what it has, up to the length of its buffer, without waiting for
    /// any, and appends how much that was, or the error, to `results`, in the order of `reads`. 0
    /// says that the peer sends no more; a socket that has nothing is a
    /// [`WouldBlock`](io::ErrorKind::WouldBlock).
    ///
    /// # Aborts
    ///
    /// As [`send`](Self::send).
    pub fn receive<'a>(
        &mut self,
        reads: impl IntoIterator<Item = (BorrowedFd<'a>, &'a mut [u8])>,
        results: &mut Vec<io::Result<usize>>,
    ) {
        let reads = reads.into_iter().enumerate();
        self.transfer(reads.map(|(index, (socket, buffer))| read(index, socket, buffer)), results);
    }

    fn transfer(
        &mut self,
        entries: impl Iterator<Item = Entry>,
        results: &mut Vec<io::Result<usize>>,
    ) {
        // The list is complete before the kernel sees any of it: the iterator may panic.
        self.entries.clear();
        self.entries.extend(entries);
        let first = results.len();
        results.extend(self.entries.iter().map(|_| Err(io::ErrorKind::Interrupted.into())));
        let mut entries = std::mem::take(&mut self.entries);
        for chunk in entries.chunks(self.capacity) {
            self.complete(chunk, &mut results[first..]);
        }
        entries.clear();
        self.entries = entries;
    }

    /// Hands entries, no more than the capacity, to the kernel, and waits until it is done with
    /// all of them.
    #[expect(unsafe_code, reason = "the kernel is given pointers")]
    fn complete(&mut self, entries: &[Entry], results: &mut [io::Result<usize>]) {
        // SAFETY: the sockets are open and the bytes are borrowed, for reads alone, for as long as
        // `send` or `receive` runs. The loop below does not end before the kernel has completed
        // each of the entries, and a completed one holds no pointer. Nothing between here and
        // there can panic, and if the kernel does not answer the process ends.
        let pushed = unsafe { self.ring.submission().push_multiple(entries) };
        if pushed.is_err() {
            // The queue was empty and has room for `capacity` entries.
            process::abort();
        }
        let mut left = entries.len();
        while left > 0 {
            match self.ring.submit_and_wait(left) {
                Ok(_) => {}
                Err(error) if is_passing(&error) => {}
                Err(_) => process::abort(),
            }
            for completion in self.ring.completion() {
                left = left.saturating_sub(1);
                let index = usize::try_from(completion.user_data()).unwrap_or(usize::MAX);
                if let Some(result) = results.get_mut(index) {
                    *result = outcome(completion.result());
                }
            }
        }
    }
}

/// One write, which does not wait in the kernel either: without `MSG_DONTWAIT` a full socket would
/// keep it, and its bytes, until the peer reads.
fn write(index: usize, socket: BorrowedFd<'_>, bytes: &[u8]) -> Entry {
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    opcode::Send::new(types::Fd(socket.as_raw_fd()), bytes.as_ptr(), len)
        .flags(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
        .build()
        .user_data(index as u64)
}

/// One read, which does not wait either.
fn read(index: usize, socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Entry {
    let len = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
    opcode::Recv::new(types::Fd(socket.as_raw_fd()), buffer.as_mut_ptr(), len)
        .flags(libc::MSG_DONTWAIT)
        .build()
        .user_data(index as u64)
}

/// Whether asking again helps.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN | libc::EBUSY))
}

fn outcome(result: i32) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result))
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn pairs(count: usize) -> Vec<(UnixStream, UnixStream)> {
        (0..count).map(|_| UnixStream::pair().unwrap()).collect()
    }

    /// A ring, or word that this system does not let the tests have one.
    fn ring(capacity: u32) -> Option<Ring> {
        match Ring::new(capacity) {
            Ok(ring) => Some(ring),
            Err(error) => {
                eprintln!("no io_uring on this system, skipped: {error}");
                None
            }
        }
    }

    fn kinds(results: Vec<io::Result<usize>>) -> Vec<Result<usize, ErrorKind>> {
        results.into_iter().map(|result| result.map_err(|error| error.kind())).collect()
    }

    #[test]
    fn each_socket_gets_its_own_bytes_however_many_there_are() {
        let Some(mut ring) = ring(4) else { return };
        assert_eq!(ring.capacity(), 4);
        let pairs = pairs(11);
        let bodies: Vec<Vec<u8>> = (0..11).map(|n| vec![n; usize::from(n) + 1]).collect();
        let mut results = vec![Ok(99)];
        let sends = pairs.iter().zip(&bodies).map(|(pair, body)| (pair.0.as_fd(), &body[..]));
        ring.send(sends, &mut results);
        let expected: Vec<_> = [99].into_iter().chain(1..=11).map(Ok).collect();
        assert_eq!(kinds(results), expected, "appended behind what was there");
        for ((_, theirs), body) in pairs.iter().zip(&bodies) {
            let mut got = vec![0; 64];
            let len = (&mut &*theirs).read(&mut got).unwrap();
            assert_eq!(&got[..len], &body[..]);
        }
    }

    #[test]
    fn a_socket_that_is_listed_twice_gets_the_bytes_in_their_order() {
        let Some(mut ring) = ring(8) else { return };
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let parts: [&[u8]; 3] = [b"one ", b"two ", b"three"];
        ring.send(parts.map(|part| (ours.as_fd(), part)), &mut Vec::new());
        drop(ours);
        let mut got = String::new();
        theirs.read_to_string(&mut got).unwrap();
        assert_eq!(got, "one two three");
    }

    #[test]
    fn a_full_socket_blocks_nobody_and_a_closed_one_is_an_error_of_its_own() {
        let Some(mut ring) = ring(8) else { return };
        let [full, closed, fine] = <[_; 3]>::try_from(pairs(3)).unwrap();
        let much = vec![7; 4 << 20];
        let mut results = Vec::new();
        ring.send([(full.0.as_fd(), &much[..])], &mut results);
        let taken = results.pop().unwrap().unwrap();
        assert!((1..much.len()).contains(&taken), "{taken}");
        drop(closed.1);
        let sends = [(&full.0, &much[..]), (&closed.0, b"x"), (&fine.0, b"yz")];
        ring.send(sends.map(|(socket, bytes)| (socket.as_fd(), bytes)), &mut results);
        let expected = [Err(ErrorKind::WouldBlock), Err(ErrorKind::BrokenPipe), Ok(2)];
        assert_eq!(kinds(results), expected);
    }

    #[test]
    fn each_buffer_gets_what_its_socket_has() {
        let Some(mut ring) = ring(4) else { return };
        let [full, empty, closed] = <[_; 3]>::try_from(pairs(3)).unwrap();
        (&mut &full.1).write_all(b"hello").unwrap();
        drop(closed.1);
        let mut buffers = [[0; 3]; 3];
        let sockets = [&full.0, &empty.0, &closed.0].map(UnixStream::as_fd);
        let mut results = Vec::new();
        let reads = sockets.into_iter().zip(buffers.iter_mut().map(|buffer| &mut buffer[..]));
        ring.receive(reads, &mut results);
        assert_eq!(kinds(results), [Ok(3), Err(ErrorKind::WouldBlock), Ok(0)]);
        assert_eq!(buffers, [*b"hel", [0; 3], [0; 3]]);
        let mut results = Vec::new();
        ring.receive([(full.0.as_fd(), &mut buffers[0][..])], &mut results);
        assert_eq!((kinds(results), &buffers[0][..2]), (vec![Ok(2)], &b"lo"[..]));
    }

    #[test]
    fn a_list_that_panics_half_way_leaves_nothing_behind() {
        let Some(mut ring) = ring(8) else { return };
        let pairs = pairs(2);
        let broken = (0..2).map(|n| {
            assert_eq!(n, 0, "planned");
            let gone: &[u8] = b"never sent";
            (pairs[0].0.as_fd(), gone)
        });
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            ring.send(broken, &mut Vec::new());
        }));
        assert!(outcome.is_err());
        ring.send([(pairs[1].0.as_fd(), &b"sent"[..])], &mut Vec::new());
        pairs[0].1.set_nonblocking(true).unwrap();
        let nothing = (&mut &pairs[0].1).read(&mut [0; 16]).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        assert_eq!((&mut &pairs[1].1).read(&mut [0; 16]).unwrap(), 4);
    }

    #[test]
    fn a_ring_that_cannot_be_is_an_error() {
        assert!(Ring::new(0).is_err());
        assert!(Ring::new(u32::MAX).is_err());
    }
}
