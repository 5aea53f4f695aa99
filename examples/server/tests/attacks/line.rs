//! An attacker's connection: it may be refused, reset or not read, none of which is an error.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// Address of attackers, distinct so that limits per address do not affect healthy users.
pub(crate) const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);
/// Timeout of connecting: a port with a full queue does not answer.
const CONNECT: Duration = Duration::from_millis(300);
/// Timeout of writing.
const PATIENCE: Duration = Duration::from_secs(5);
/// Polling interval.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// One connection.
#[derive(Debug)]
pub(crate) struct Line {
    stream: Option<TcpStream>,
    /// Bytes read and not yet taken.
    pub(crate) unread: Vec<u8>,
}

impl Line {
    /// Connects as an attacker.
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self::between(STRANGER, address, None)
    }

    /// Connects from a loopback address, optionally with its own receive buffer size.
    pub(crate) fn between(from: Ipv4Addr, to: SocketAddr, buffer: Option<usize>) -> Self {
        Self { stream: connect(from, to, buffer).ok(), unread: Vec::new() }
    }

    /// Writes; returns whether everything was accepted.
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let said = self.stream.as_mut().is_some_and(|stream| {
            stream.set_nonblocking(false).is_ok() && stream.write_all(bytes.as_ref()).is_ok()
        });
        if !said {
            self.look();
        }
        said
    }

    /// Writes as much as is accepted at once.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> usize {
        let Some(stream) = &mut self.stream else { return 0 };
        // A socket that cannot be set fails when written to.
        let _ = stream.set_nonblocking(true);
        stream.write(bytes).unwrap_or(0)
    }

    /// Reads available bytes, and detects the end; returns whether the connection is open.
    pub(crate) fn look(&mut self) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        // Likewise when read from.
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

    /// Reads one byte.
    pub(crate) fn sip(&mut self) {
        if let Some(stream) = &mut self.stream {
            let _ = stream.set_nonblocking(true);
            // No data or no connection: the next poll detects it.
            let _ = stream.read(&mut [0]);
        }
    }

    /// Reads to the end of the connection; returns the time it took, `None` on timeout.
    pub(crate) fn ends(&mut self, within: Duration) -> Option<Duration> {
        let began = Instant::now();
        until(within, || !self.look()).then(|| began.elapsed())
    }

    /// Reads until the input satisfies a condition, the connection ends, or the time is over.
    pub(crate) fn hears(&mut self, within: Duration, enough: impl Fn(&[u8]) -> bool) -> &[u8] {
        until(within, || !self.look() || enough(&self.unread));
        &self.unread
    }

    /// Shuts down writing; input can still be read.
    pub(crate) fn shut(&self) {
        if let Some(stream) = &self.stream {
            // The peer may have closed already.
            let _ = stream.shutdown(std::net::Shutdown::Write);
        }
    }

    /// Resets the connection.
    pub(crate) fn reset(mut self) {
        if let Some(stream) = self.stream.take() {
            // Otherwise it ends orderly, which is an end as well.
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

/// Polls a condition; returns whether it became true in time.
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

/// Lets time pass, for other threads.
pub(crate) fn pass(time: Duration) {
    until(time, || false);
}

/// Number of open connections.
pub(crate) fn open(lines: &mut [Line]) -> usize {
    lines.iter_mut().map(|line| usize::from(line.look())).sum()
}

/// Number of connections that end, and the time of the last end.
pub(crate) fn all_end(lines: &mut [Line], within: Duration) -> (usize, Option<Duration>) {
    let began = Instant::now();
    let ended = until(within, || open(lines) == 0);
    let left = lines.iter().filter(|line| line.stream.is_some()).count();
    (lines.len() - left, ended.then(|| began.elapsed()))
}

/// Sends the text to all connections, a byte at a time, until all have ended; returns the time of
/// the last end.
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
