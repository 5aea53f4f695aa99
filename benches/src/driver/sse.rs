//! A session over server-sent events and POSTs: two sockets of HTTP/1.1.
//!
//! The first one carries the auth and then the events, the other one packets to the server, one
//! POST at a time: what comes meanwhile goes with the next.

use std::io::{self, ErrorKind, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mio::net::TcpStream;

/// Longest body of a POST.
const BODY: usize = 16 * 1024;

/// Longest head of an answer.
const HEAD: usize = 8 * 1024;

/// One session.
#[derive(Debug)]
pub(super) struct Sse {
    down: Line,
    up: Line,
    host: String,
    stage: Stage,
    /// Packets that were received.
    packets: Vec<u8>,
    /// Packets that were handed up of these.
    handed: usize,
    /// Base64 of an event under way.
    data: Vec<u8>,
    /// Number of the last POST.
    number: u64,
    /// A POST is not answered.
    is_posting: bool,
}

#[derive(Debug)]
enum Stage {
    /// Neither socket has been used.
    Silent,
    /// The auth is on its way.
    Asked,
    /// The events were asked for.
    Attached { path: String, is_begun: bool },
    /// The events have ended.
    Over,
}

/// A socket, what it has not taken yet, and what was received and not understood.
#[derive(Debug)]
struct Line {
    socket: TcpStream,
    unsent: Vec<u8>,
    received: Vec<u8>,
    is_over: bool,
}

/// An answer of HTTP with its length.
struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Sse {
    pub(super) fn new(down: TcpStream, up: TcpStream, host: String) -> Self {
        Self {
            down: Line::new(down),
            up: Line::new(up),
            host,
            stage: Stage::Silent,
            packets: Vec::new(),
            handed: 0,
            data: Vec::new(),
            number: 0,
            is_posting: false,
        }
    }

    pub(super) const fn sockets(&mut self) -> [&mut TcpStream; 2] {
        [&mut self.down.socket, &mut self.up.socket]
    }

    /// Whether nothing waits for a socket or an answer.
    pub(super) const fn is_flushed(&self) -> bool {
        self.down.unsent.is_empty() && !self.is_posting && !matches!(self.stage, Stage::Asked)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.down.flush()?;
        self.up.flush()
    }

    /// Takes packets; the first are the auth.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let body = &bytes[..bytes.len().min(BODY)];
        match &self.stage {
            Stage::Silent => {
                self.down.post("/comet/sse", &self.host, body);
                self.stage = Stage::Asked;
            }
            Stage::Attached { path, .. } if !self.is_posting => {
                self.number += 1;
                self.up.post(&format!("{path}?n={}", self.number), &self.host, body);
                self.is_posting = true;
            }
            _ => return Err(ErrorKind::WouldBlock.into()),
        }
        self.flush()?;
        Ok(body.len())
    }

    /// Packets that have come.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.handed == self.packets.len() {
            (self.packets, self.handed) = (Vec::new(), 0);
            self.receive()?;
        }
        let rest = &self.packets[self.handed..];
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.handed += len;
        match len {
            0 if matches!(self.stage, Stage::Over) => Ok(0),
            0 => Err(ErrorKind::WouldBlock.into()),
            some => Ok(some),
        }
    }

    fn receive(&mut self) -> io::Result<()> {
        self.up.receive()?;
        if self.is_posting
            && let Some(answer) = self.up.take_answer()?
        {
            if answer.status != 204 {
                return Err(refused(&answer));
            }
            self.is_posting = false;
        }
        self.down.receive()?;
        if matches!(self.stage, Stage::Asked)
            && let Some(answer) = self.down.take_answer()?
        {
            self.attach(&answer)?;
        }
        if let Stage::Attached { is_begun, .. } = &mut self.stage {
            if !*is_begun {
                *is_begun = self.down.take_head()?;
            }
            if *is_begun && self.read_chunks()? {
                self.stage = Stage::Over;
            }
        }
        if self.down.is_over || self.up.is_over {
            self.stage = Stage::Over;
        }
        Ok(())
    }

    /// The answer to the auth: the reply, and the stream to be read.
    fn attach(&mut self, answer: &Answer) -> io::Result<()> {
        let broken = || io::Error::other("the answer to the auth is not as documented");
        let body: serde_json::Value =
            serde_json::from_slice(&answer.body).map_err(|_| refused(answer))?;
        let reply = body["reply"].as_str().ok_or_else(broken)?;
        self.packets.extend(STANDARD.decode(reply).map_err(|_| broken())?);
        let Some(stream) = body["stream"].as_str() else {
            self.stage = Stage::Over;
            return Ok(());
        };
        let path = format!("/comet/sse/{stream}");
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.down.unsent.extend(request.into_bytes());
        self.stage = Stage::Attached { path, is_begun: false };
        self.down.flush()
    }

    /// Reads whole chunks (RFC 9112 section 7.1); returns whether the last one has come.
    fn read_chunks(&mut self) -> io::Result<bool> {
        let received = std::mem::take(&mut self.down.received);
        let (mut at, mut is_last) = (0, false);
        while let Some(line) = find(&received[at..], b"\r\n") {
            let size = str::from_utf8(&received[at..at + line]).ok();
            let size = size.and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
            let size = size.ok_or_else(|| io::Error::other("not a chunk"))?;
            let start = at + line + 2;
            let Some(chunk) = received.get(start..start + size + 2) else { break };
            self.read_events(&chunk[..size])?;
            (at, is_last) = (start + size + 2, size == 0);
        }
        self.down.received = received[at..].to_vec();
        Ok(is_last)
    }

    /// Reads lines of events. The server cuts them nowhere but at their ends.
    fn read_events(&mut self, text: &[u8]) -> io::Result<()> {
        for line in text.split(|byte| *byte == b'\n') {
            match line.strip_prefix(b"data: ") {
                Some(data) => self.data.extend_from_slice(data),
                None if line.is_empty() && !self.data.is_empty() => {
                    let packets = STANDARD.decode(std::mem::take(&mut self.data));
                    self.packets.extend(packets.map_err(io::Error::other)?);
                }
                // A comment, or the end of one.
                None => {}
            }
        }
        Ok(())
    }
}

impl Line {
    const fn new(socket: TcpStream) -> Self {
        Self { socket, unsent: Vec::new(), received: Vec::new(), is_over: false }
    }

    fn post(&mut self, path: &str, host: &str, body: &[u8]) {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.unsent.extend(head.into_bytes());
        self.unsent.extend_from_slice(body);
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.socket.write(&self.unsent) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn receive(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => {
                    self.is_over = true;
                    return Ok(());
                }
                Ok(read) => self.received.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// A whole answer, if it is there.
    fn take_answer(&mut self) -> io::Result<Option<Answer>> {
        let Some((head, end)) = self.head()? else { return Ok(None) };
        let (status, len) = (status(&head)?, content_length(&head));
        let Some(body) = self.received.get(end..end + len) else { return Ok(None) };
        let body = body.to_vec();
        self.received.drain(..end + len);
        Ok(Some(Answer { status, body }))
    }

    /// The head of an answer whose body has no end; whether it was there.
    fn take_head(&mut self) -> io::Result<bool> {
        let Some((head, end)) = self.head()? else { return Ok(false) };
        let is_chunked = head.contains("transfer-encoding: chunked");
        match status(&head)? {
            200 if is_chunked => {}
            status => return Err(refused(&Answer { status, body: Vec::new() })),
        }
        self.received.drain(..end);
        Ok(true)
    }

    /// A head in lower case, and where it ends.
    fn head(&self) -> io::Result<Option<(String, usize)>> {
        match find(&self.received, b"\r\n\r\n") {
            Some(end) => {
                let head = String::from_utf8_lossy(&self.received[..end]);
                Ok(Some((head.to_ascii_lowercase(), end + 4)))
            }
            None if self.received.len() > HEAD => Err(io::Error::other("not an answer of HTTP")),
            None => Ok(None),
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn status(head: &str) -> io::Result<u16> {
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| io::Error::other("not an answer of HTTP"))
}

fn content_length(head: &str) -> usize {
    let field = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    field.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

fn refused(answer: &Answer) -> io::Error {
    let text = String::from_utf8_lossy(&answer.body);
    io::Error::other(format!("HTTP: status is {}: {}", answer.status, text.trim()))
}
