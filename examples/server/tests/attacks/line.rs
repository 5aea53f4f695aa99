//! A stranger's connection: it may be refused, reset or not read, and nothing of that is an error.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// Where strangers come from, so that what is limited by address spares the healthy.
pub(crate) const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);
/// The longest wait for a connection to be made: a port whose queue is full does not answer.
const CONNECT: Duration = Duration::from_millis(300);
/// The longest wait for bytes to be taken.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at many connections.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// One connection.
#[derive(Debug)]
pub(crate) struct Line {
    stream: Option<TcpStream>,
    /// What was read and not taken.
    pub(crate) unread: Vec<u8>,
}

impl Line {
    /// Connects as a stranger.
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self::between(STRANGER, address, None)
    }

    /// Connects from an address of the loopback, with a receive buffer of its own size if need be.
    pub(crate) fn between(from: Ipv4Addr, to: SocketAddr, buffer: Option<usize>) -> Self {
        Self { stream: connect(from, to, buffer).ok(), unread: Vec::new() }
    }

    /// Writes; whether all of it was taken.
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let said = self.stream.as_mut().is_some_and(|stream| {
            stream.set_nonblocking(false).is_ok() && stream.write_all(bytes.as_ref()).is_ok()
        });
        if !said {
            self.look();
        }
        said
    }

    /// Writes as much as is taken at once.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> usize {
        let Some(stream) = &mut self.stream else { return 0 };
        // A socket that cannot be set says so when it is written to.
        let _ = stream.set_nonblocking(true);
        stream.write(bytes).unwrap_or(0)
    }

    /// Takes what has arrived, and notices the end.
    pub(crate) fn look(&mut self) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        // The same: reading will tell.
        let _ = stream.set_nonblocking(true);
        let mut bytes = [0; 16 * 1024];
        loop {
            match stream.read(&mut bytes) {
                Ok(0) => break,
                Ok(count) => self.unread.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.stream = None;
        false
    }

    /// Takes one byte.
    pub(crate) fn sip(&mut self) {
        if let Some(stream) = &mut self.stream {
            let _ = stream.set_nonblocking(true);
            // Nothing there, or no connection: the next look tells.
            let _ = stream.read(&mut [0]);
        }
    }

    /// Reads to the end of the connection; how long that took, `None` if there was none.
    pub(crate) fn ends(&mut self, within: Duration) -> Option<Duration> {
        let began = Instant::now();
        until(within, || !self.look()).then(|| began.elapsed())
    }

    /// Reads until what has come satisfies somebody, or the connection ends, or the time.
    pub(crate) fn hears(&mut self, within: Duration, enough: impl Fn(&[u8]) -> bool) -> &[u8] {
        until(within, || !self.look() || enough(&self.unread));
        &self.unread
    }

    /// No more is written; what comes can still be read.
    pub(crate) fn shut(&self) {
        if let Some(stream) = &self.stream {
            // A peer that has gone needs not be told.
            let _ = stream.shutdown(std::net::Shutdown::Write);
        }
    }

    /// Resets the connection.
    pub(crate) fn reset(mut self) {
        if let Some(stream) = self.stream.take() {
            // Otherwise it ends in order, which is no less of an end.
            let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
    }
}

fn connect(from: Ipv4Addr, to: SocketAddr, buffer: Option<usize>) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if let Some(bytes) = buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect_timeout(&to.into(), CONNECT)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket.into())
}

/// Looks again and again; whether it came true in time.
pub(crate) fn until(within: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    loop {
        if is_so() {
            return true;
        }
        if began.elapsed() >= within {
            return false;
        }
        std::thread::park_timeout(TICK);
    }
}

/// Lets time pass, in which others do what they do.
pub(crate) fn pass(time: Duration) {
    until(time, || false);
}

/// How many of these are open.
pub(crate) fn open(lines: &mut [Line]) -> usize {
    lines.iter_mut().map(|line| usize::from(line.look())).sum()
}

/// How many of these end, and when the last of them did.
pub(crate) fn all_end(lines: &mut [Line], within: Duration) -> (usize, Option<Duration>) {
    let began = Instant::now();
    let ended = until(within, || open(lines) == 0);
    let left = lines.iter().filter(|line| line.stream.is_some()).count();
    (lines.len() - left, ended.then(|| began.elapsed()))
}

/// Says a byte of the text each time, to all of them, until all have ended; when the last did.
pub(crate) fn dribble(
    lines: &mut [Line],
    text: &[u8],
    every: Duration,
    within: Duration,
) -> Option<Duration> {
    let began = Instant::now();
    let mut at = 0;
    while began.elapsed() < within {
        let byte = [text[at % text.len()]];
        at += 1;
        let mut open = 0;
        for line in &mut *lines {
            line.push(&byte);
            open += usize::from(line.look());
        }
        if open == 0 {
            return Some(began.elapsed());
        }
        pass(every);
    }
    None
}
