//! The client's half of the handshake (RFC 6455 section 4.1).

use super::{
    HandshakeLimits, accept_key,
    head::{self, Fields, HeadEnd},
};

/// A connection to be requested. All fields are written unchanged.
#[derive(Clone, Copy, Debug)]
pub struct Upgrade<'a> {
    /// Host name, and the port unless it is the scheme's own.
    pub host: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// From [`client_key`](super::client_key).
    pub key: &'a str,
    /// The subprotocols to offer, the most preferred first.
    pub subprotocols: &'a [&'a str],
    /// Further fields: credentials, `Origin`.
    pub headers: &'a [(&'a str, &'a str)],
}

/// Progress of a response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ResponseParse {
    /// The head is not complete. Call again with more, and with this input's length as `searched`.
    Partial,
    /// The connection is open.
    Complete(Accepted),
}

/// Parameters accepted by the server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Accepted {
    /// The subprotocol the server chose.
    pub subprotocol: Option<String>,
    /// The length of the head; frames may already follow it.
    pub consumed: usize,
}

/// Reason for which a response does not open the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// Not an HTTP/1.1 response head.
    #[error("malformed response")]
    Malformed,
    /// The head has more bytes or fields than allowed.
    #[error("response head is too large")]
    HeadTooLarge,
    /// The server answers with another status than 101.
    #[error("status is {0}")]
    Status(u16),
    /// `Upgrade` or `Connection` do not confirm WebSocket.
    #[error("response does not upgrade to websocket")]
    NotAnUpgrade,
    /// `Sec-WebSocket-Accept` does not answer the key.
    #[error("accept key is missing or wrong")]
    WrongAccept,
    /// The server chose a subprotocol that was not offered, or more than one.
    #[error("subprotocol was not offered")]
    Subprotocol,
    /// The server uses an extension; none is ever offered.
    #[error("extension was not offered")]
    Extension,
}

impl Upgrade<'_> {
    /// Appends the request.
    pub fn write_request(&self, out: &mut Vec<u8>) {
        let mut put = |part: &str| out.extend_from_slice(part.as_bytes());
        let protocols = self.subprotocols.join(", ");
        for part in ["GET ", self.target, " HTTP/1.1\r\nHost: ", self.host] {
            put(part);
        }
        put("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13");
        put("\r\nSec-WebSocket-Key: ");
        put(self.key);
        if !protocols.is_empty() {
            put("\r\nSec-WebSocket-Protocol: ");
            put(&protocols);
        }
        for (name, value) in self.headers {
            for part in ["\r\n", name, ": ", value] {
                put(part);
            }
        }
        put("\r\n\r\n");
    }

    /// Parses the response at the front of `input`, of which the first `searched` bytes were
    /// already present in the previous call (0 in the first).
    ///
    /// # Errors
    ///
    /// The reason for which the server's answer does not open the connection.
    pub fn parse_response(
        &self,
        input: &[u8],
        searched: usize,
        limits: &HandshakeLimits,
    ) -> Result<ResponseParse, ResponseError> {
        let consumed = match head::find_end(input, searched, limits.max_head) {
            HeadEnd::At(end) => end,
            HeadEnd::Missing => return Ok(ResponseParse::Partial),
            HeadEnd::TooFar => return Err(ResponseError::HeadTooLarge),
        };
        let mut headers = vec![httparse::EMPTY_HEADER; limits.max_headers];
        let mut head = httparse::Response::new(&mut headers);
        match head.parse(&input[..consumed]) {
            Ok(httparse::Status::Complete(end)) if end == consumed => {}
            Err(httparse::Error::TooManyHeaders) => return Err(ResponseError::HeadTooLarge),
            Ok(_) | Err(_) => return Err(ResponseError::Malformed),
        }
        let subprotocol = self.check(&head)?;
        Ok(ResponseParse::Complete(Accepted { subprotocol, consumed }))
    }

    fn check(&self, head: &httparse::Response<'_, '_>) -> Result<Option<String>, ResponseError> {
        match (head.version, head.code) {
            (Some(1), Some(101)) => {}
            (Some(1), Some(code)) => return Err(ResponseError::Status(code)),
            _ => return Err(ResponseError::Malformed),
        }
        let fields = Fields(head.headers);
        if !fields.has_token("upgrade", "websocket") || !fields.has_token("connection", "upgrade") {
            return Err(ResponseError::NotAnUpgrade);
        }
        if !fields.values("sec-websocket-accept").eq([accept_key(self.key).as_bytes()]) {
            return Err(ResponseError::WrongAccept);
        }
        if fields.values("sec-websocket-extensions").next().is_some() {
            return Err(ResponseError::Extension);
        }
        let mut chosen = fields.values("sec-websocket-protocol");
        let Some(value) = chosen.next() else { return Ok(None) };
        let offered = self.subprotocols.iter().find(|offer| offer.as_bytes() == value);
        match (offered, chosen.next()) {
            (Some(offer), None) => Ok(Some((*offer).to_owned())),
            _ => Err(ResponseError::Subprotocol),
        }
    }
}
