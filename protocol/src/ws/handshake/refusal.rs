//! Reasons for a refused upgrade, and the HTTP response.

use std::io::Write;

/// Appends a complete response that refuses an upgrade with a status and a body given by the
/// caller. The connection is to be closed after it.
///
/// The body is sent as UTF-8 text or, if it begins with a brace or a bracket, as JSON.
pub fn write_refusal(out: &mut Vec<u8>, status: u16, body: &[u8]) {
    let kind = match body.first() {
        Some(b'{' | b'[') => "application/json",
        _ => "text/plain; charset=utf-8",
    };
    // Writing to a vector cannot fail.
    let _ = write!(
        out,
        "HTTP/1.1 {status} {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
        Connection: close\r\n\r\n",
        phrase(status),
        body.len(),
    );
    out.extend_from_slice(body);
}

/// Reason phrase of a status (RFC 9110 section 15).
const fn phrase(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        410 => "Gone",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Refused",
    }
}

/// Reason for which a request does not become a WebSocket connection. The last ones are for the
/// caller's decisions; [`parse`](super::parse) returns the others.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Not an HTTP/1.1 request head.
    #[error("malformed request")]
    Malformed,
    /// A field that must be single occurs twice.
    #[error("field {0} is repeated")]
    Repeated(&'static str),
    /// The head has more bytes or fields than allowed.
    #[error("request head is too large")]
    HeadTooLarge,
    /// Not HTTP/1.1.
    #[error("HTTP version is not 1.1")]
    HttpVersion,
    /// Not GET.
    #[error("method is not GET")]
    Method,
    /// The target is neither a path nor an HTTP URL.
    #[error("malformed request target")]
    Target,
    /// `Host` is missing.
    #[error("host is missing")]
    Host,
    /// The request announces a body.
    #[error("request has a body")]
    Body,
    /// `Upgrade` or `Connection` do not ask for WebSocket.
    #[error("request does not ask for an upgrade to websocket")]
    NotAnUpgrade,
    /// `Sec-WebSocket-Version` is not 13.
    #[error("websocket version is not 13")]
    WebSocketVersion,
    /// `Sec-WebSocket-Key` is not the base64 of 16 bytes.
    #[error("websocket key is missing or malformed")]
    Key,
    /// `Sec-WebSocket-Extensions` is not a list of extensions.
    #[error("malformed list of extensions")]
    Extensions,
    /// The caller serves no such path.
    #[error("not found")]
    NotFound,
    /// The caller requires credentials.
    #[error("unauthorized")]
    Unauthorized,
    /// The caller refuses this client or the origin of its page.
    #[error("forbidden")]
    Forbidden,
    /// The client connects too often.
    #[error("too many requests")]
    TooManyRequests,
    /// The server is full or about to stop.
    #[error("unavailable")]
    Unavailable,
}

impl HandshakeError {
    /// The HTTP status code.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status_line().0
    }

    /// Appends the complete response. The connection is to be closed after it.
    pub fn write_response(&self, out: &mut Vec<u8>) {
        let (status, phrase) = self.status_line();
        let text = format!("{self}\n");
        // Writing to a vector cannot fail.
        let _ = write!(
            out,
            "HTTP/1.1 {status} {phrase}\r\n\
            Content-Type: text/plain; charset=utf-8\r\n\
            Content-Length: {}\r\n",
            text.len(),
        );
        for (name, value) in self.headers() {
            let _ = write!(out, "{name}: {value}\r\n");
        }
        let _ = write!(out, "\r\n{text}");
    }

    const fn status_line(&self) -> (u16, &'static str) {
        match self {
            Self::Malformed
            | Self::Repeated(_)
            | Self::Target
            | Self::Host
            | Self::Key
            | Self::Extensions => (400, "Bad Request"),
            Self::Unauthorized => (401, "Unauthorized"),
            Self::Forbidden => (403, "Forbidden"),
            Self::NotFound => (404, "Not Found"),
            Self::Method => (405, "Method Not Allowed"),
            Self::Body => (413, "Content Too Large"),
            Self::NotAnUpgrade | Self::WebSocketVersion => (426, "Upgrade Required"),
            Self::TooManyRequests => (429, "Too Many Requests"),
            Self::HeadTooLarge => (431, "Request Header Fields Too Large"),
            Self::Unavailable => (503, "Service Unavailable"),
            Self::HttpVersion => (505, "HTTP Version Not Supported"),
        }
    }

    /// Header fields of the response that tell the client how to proceed.
    #[must_use]
    pub const fn headers(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Method => &[("Allow", "GET"), ("Connection", "close")],
            Self::NotAnUpgrade | Self::WebSocketVersion => &[
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Version", "13"),
                ("Connection", "close, Upgrade"),
            ],
            // Long enough for a crowd to thin out, short enough for a waiting client.
            Self::TooManyRequests | Self::Unavailable => {
                &[("Retry-After", "2"), ("Connection", "close")]
            }
            _ => &[("Connection", "close")],
        }
    }
}
