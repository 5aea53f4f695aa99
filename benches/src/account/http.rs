//! Requests to the HTTP port of a bundled server, one after another on one connection.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use url::Url;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read.
const LONGEST: u64 = 1024 * 1024;

/// A connection to the HTTP port.
pub(super) struct Http {
    host: String,
    stream: BufReader<TcpStream>,
}

/// Reason for not having a connection.
pub(super) enum Unreachable {
    /// It is not written like the address of an HTTP port.
    Address,
    Silent(io::Error),
}

impl Http {
    pub(super) fn reach(url: &str) -> Result<Self, Unreachable> {
        let parsed = Url::parse(url).map_err(|_| Unreachable::Address)?;
        let host = parsed.host_str().filter(|_| parsed.scheme() == "http");
        let host = host.ok_or(Unreachable::Address)?;
        let port = parsed.port_or_known_default().ok_or(Unreachable::Address)?;
        let stream = connect(host.trim_matches(['[', ']']), port).map_err(Unreachable::Silent)?;
        Ok(Self { host: format!("{host}:{port}"), stream: BufReader::new(stream) })
    }

    /// Posts JSON; returns the status and the body of the answer.
    pub(super) fn post(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<(u16, String)> {
        let mut request = format!("POST {path} HTTP/1.1\r\nHost: {}\r\n", self.host);
        for (name, value) in headers {
            // Writing to a string cannot fail.
            let _ = write!(request, "{name}: {value}\r\n");
        }
        let len = body.len();
        let _ = write!(
            request,
            "Content-Type: application/json\r\nContent-Length: {len}\r\n\r\n{body}"
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut lines = Vec::new();
        let mut head = self.stream.by_ref().take(LONGEST);
        loop {
            let mut line = String::new();
            if head.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_ascii_lowercase()),
            }
        }
        let (status, len) = read_head(&lines).ok_or(io::ErrorKind::InvalidData)?;
        let mut text = String::new();
        self.stream.by_ref().take(len).read_to_string(&mut text)?;
        Ok((status, text))
    }
}

/// The status of an answer, and how long its body is.
fn read_head(lines: &[String]) -> Option<(u16, u64)> {
    let status = lines.first()?.split(' ').nth(1)?.parse().ok()?;
    let len = lines.iter().find_map(|line| line.strip_prefix("content-length:"))?;
    let len = len.trim().parse().ok().filter(|len| *len <= LONGEST)?;
    Some((status, len))
}

fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::ErrorKind::NotFound.into();
    for at in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&at, PATIENCE) {
            Ok(stream) => {
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
