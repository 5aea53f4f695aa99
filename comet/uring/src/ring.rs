//! The ring, and all unsafe code.

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::process;

use io_uring::squeue::Entry;
use io_uring::{IoUring, Probe, opcode, types};

/// A submission ring for writes and reads. It can be used only by the thread that created it.
///
/// Takes about 100 bytes of kernel memory per entry of its capacity.
pub struct Ring {
    ring: IoUring,
    entries: Vec<Entry>,
    capacity: usize,
    /// The kernel rejects other threads, and that error would abort the process.
    one_thread: PhantomData<*mut ()>,
}

impl Ring {
    /// A ring that submits up to `capacity` entries at once, rounded up to a power of two.
    ///
    /// # Errors
    ///
    /// When the system has no `io_uring` that reads and writes sockets (Linux 5.6), forbids it, or
    /// lacks memory for it.
    pub fn new(capacity: u32) -> io::Result<Self> {
        // Falls back to no hints: Linux before 6.1 does not know both of them.
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

    /// Probes the system's support and permissions, while failure can still be returned.
    #[expect(unsafe_code, reason = "what is submitted holds no pointer")]
    fn try_out(&mut self) -> io::Result<()> {
        let mut known = Probe::new();
        self.ring.submitter().register_probe(&mut known)?;
        if !known.is_supported(opcode::Send::CODE) || !known.is_supported(opcode::Recv::CODE) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        // SAFETY: a no-op, without any pointer.
        let pushed = unsafe { self.ring.submission().push(&opcode::Nop::new().build()) };
        pushed.map_err(|_full| io::ErrorKind::OutOfMemory)?;
        self.ring.submit_and_wait(1)?;
        let answers = self.ring.completion().count();
        if answers == 1 { Ok(()) } else { Err(io::ErrorKind::Unsupported.into()) }
    }

    /// Number of writes or reads per system call.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Writes to each socket as much as it accepts now, without blocking, and appends the number of
    /// bytes, or the error, to `results`, in the order of `sends`. As with
    /// [`write`](std::io::Write::write), a write may be partial, and a socket that accepts nothing
    /// yields [`WouldBlock`](io::ErrorKind::WouldBlock).
    ///
    /// A socket that is listed twice receives the bytes in order; but after a partial write of the
    /// first it may still accept bytes of the second.
    ///
    /// # Aborts
    ///
    /// The process, should the kernel fail to report the outcome of submitted writes: they may be
    /// in flight, so their bytes could not be returned to the owner.
    pub fn send<'a>(
        &mut self,
        sends: impl IntoIterator<Item = (BorrowedFd<'a>, &'a [u8])>,
        results: &mut Vec<io::Result<usize>>,
    ) {
        let sends = sends.into_iter().enumerate();
        self.transfer(sends.map(|(index, (socket, bytes))| write(index, socket, bytes)), results);
    }

    /// Reads from each socket the available bytes, up to the length of its buffer, without
    /// blocking, and appends the number of bytes, or the error, to `results`, in the order of
    /// `reads`. 0 means end of stream; a socket without data yields
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

    /// Submits entries, at most the capacity, and waits until the kernel has completed all of them.
    #[expect(unsafe_code, reason = "the kernel is given pointers")]
    fn complete(&mut self, entries: &[Entry], results: &mut [io::Result<usize>]) {
        // SAFETY: the sockets are open and the bytes are borrowed for as long as `send` or
        // `receive` runs: shared for writes, exclusively for reads. The loop below does not end
        // before the kernel has completed each of the entries, and a completed one holds no
        // pointer. Nothing between here and there can panic, and if the kernel does not answer the
        // process aborts.
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

/// A write, non-blocking in the kernel too: without `MSG_DONTWAIT` a full socket would hold it, and
/// its bytes, until the peer reads.
fn write(index: usize, socket: BorrowedFd<'_>, bytes: &[u8]) -> Entry {
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    opcode::Send::new(types::Fd(socket.as_raw_fd()), bytes.as_ptr(), len)
        .flags(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
        .build()
        .user_data(index as u64)
}

/// A read, non-blocking likewise.
fn read(index: usize, socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Entry {
    let len = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
    opcode::Recv::new(types::Fd(socket.as_raw_fd()), buffer.as_mut_ptr(), len)
        .flags(libc::MSG_DONTWAIT)
        .build()
        .user_data(index as u64)
}

/// Whether the error is transient.
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

    /// A ring, or `None` with a note if this system does not allow one.
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
