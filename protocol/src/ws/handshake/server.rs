//! The server's half of the handshake (RFC 6455 section 4.2.1).

use super::{
    HandshakeError, HandshakeLimits, Request, accept,
    head::{self, Fields, HeadEnd},
};

/// Progress of a request.
#[derive(Debug, Eq, PartialEq)]
pub enum Parse {
    /// The head is not complete. Call again with more, and with this input's length as `searched`.
    Partial,
    /// The request is valid.
    Complete {
        /// The request.
        request: Request,
        /// The length of the head; frames may already follow it.
        consumed: usize,
    },
}

/// Parses a request at the front of `input`, of which the first `searched` bytes were already
/// present in the previous call (0 in the first).
///
/// # Errors
///
/// The reason for which the request is unacceptable, to be answered by
/// [`write_response`](HandshakeError::write_response).
pub fn parse(
    input: &[u8],
    searched: usize,
    limits: &HandshakeLimits,
) -> Result<Parse, HandshakeError> {
    // A TLS hello or a binary packet is recognized by its first byte; no method begins with it.
    if input.first().is_some_and(|byte| !byte.is_ascii_graphic()) {
        return Err(HandshakeError::Malformed);
    }
    let consumed = match head::find_end(input, searched, limits.max_head) {
        HeadEnd::At(end) => end,
        HeadEnd::Missing => return Ok(Parse::Partial),
        HeadEnd::TooFar => return Err(HandshakeError::HeadTooLarge),
    };
    let mut headers = vec![httparse::EMPTY_HEADER; limits.max_headers];
    let mut head = httparse::Request::new(&mut headers);
    match head.parse(&input[..consumed]) {
        // httparse also ends a head at bare line feeds, which would leave bytes behind.
        Ok(httparse::Status::Complete(end)) if end == consumed => {}
        Ok(_) => return Err(HandshakeError::Malformed),
        Err(httparse::Error::TooManyHeaders) => return Err(HandshakeError::HeadTooLarge),
        Err(httparse::Error::Version) => return Err(HandshakeError::HttpVersion),
        Err(_) => return Err(HandshakeError::Malformed),
    }
    if head.version != Some(1) && head.method == Some("GET") {
        return Err(HandshakeError::HttpVersion);
    }
    let (method, target) = (head.method.unwrap_or_default(), head.path.unwrap_or_default());
    let request = check(method, target, head.headers)?;
    Ok(Parse::Complete { request, consumed })
}

impl Request {
    /// The request that an HTTP server has parsed, if it is valid for an upgrade; `target` is its
    /// path with the query. `headers` is anything like a `&http::HeaderMap`. For HTTP/1.1: later
    /// versions open a WebSocket in another way.
    ///
    /// # Errors
    ///
    /// The reason for which it is unacceptable, with the [status](HandshakeError::status) to
    /// answer.
    pub fn from_http<'h, N, V>(
        method: &str,
        target: &str,
        headers: impl IntoIterator<Item = (&'h N, &'h V)>,
    ) -> Result<Self, HandshakeError>
    where
        N: AsRef<str> + ?Sized + 'h,
        V: AsRef<[u8]> + ?Sized + 'h,
    {
        let header = |(name, value): (&'h N, &'h V)| httparse::Header {
            name: name.as_ref(),
            value: value.as_ref(),
        };
        let headers: Vec<_> = headers.into_iter().map(header).collect();
        check(method, target, &headers)
    }
}

/// The request of these parts, if it is valid.
fn check(
    method: &str,
    target: &str,
    headers: &[httparse::Header<'_>],
) -> Result<Request, HandshakeError> {
    if method != "GET" {
        return Err(HandshakeError::Method);
    }
    let (path, query) = split_target(target)?;
    let fields = Fields(headers);
    single(fields, "host")?.ok_or(HandshakeError::Host)?;
    single(fields, "origin")?;
    if has_body(fields) {
        return Err(HandshakeError::Body);
    }
    if !fields.has_token("upgrade", "websocket") || !fields.has_token("connection", "upgrade") {
        return Err(HandshakeError::NotAnUpgrade);
    }
    if single(fields, "sec-websocket-version")? != Some("13") {
        return Err(HandshakeError::WebSocketVersion);
    }
    if !single(fields, "sec-websocket-key")?.is_some_and(|key| accept::is_key(key.as_bytes())) {
        return Err(HandshakeError::Key);
    }
    Ok(Request::new(path, query, headers))
}

/// Path and query of a target, which may also be a whole URL (RFC 9112 section 3.2).
fn split_target(target: &str) -> Result<(&str, Option<&str>), HandshakeError> {
    let local = if target.starts_with('/') {
        target
    } else {
        let (scheme, rest) = target.split_once("://").ok_or(HandshakeError::Target)?;
        if !["http", "https", "ws", "wss"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err(HandshakeError::Target);
        }
        rest.find(['/', '?']).map_or("/", |end| &rest[end..])
    };
    if local.contains('#') {
        return Err(HandshakeError::Target);
    }
    match local.split_once('?') {
        Some(("", query)) => Ok(("/", Some(query))),
        Some((path, query)) => Ok((path, Some(query))),
        None => Ok((local, None)),
    }
}

/// A field that may occur only once and must be text: taking the first of two would let two readers
/// of one request disagree.
fn single<'h>(fields: Fields<'h>, name: &'static str) -> Result<Option<&'h str>, HandshakeError> {
    let mut values = fields.values(name);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(HandshakeError::Repeated(name));
    }
    std::str::from_utf8(value).map(Some).map_err(|_| HandshakeError::Malformed)
}

fn has_body(fields: Fields<'_>) -> bool {
    fields.values("transfer-encoding").next().is_some()
        || fields.values("content-length").any(|len| len != b"0")
}
