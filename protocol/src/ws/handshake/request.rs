//! The upgrade request, for the caller to decide on.

use std::ops::Range;

use super::accept::accept_key;
use super::head::list;

/// A valid request to open a WebSocket connection (RFC 6455 section 4.2.1).
///
/// The fields are stored in one buffer with a table. A request is meant to be kept for the
/// decision, not for the life of the connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    path: String,
    query: Option<String>,
    /// Names and values, concatenated.
    text: Vec<u8>,
    fields: Vec<Field>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Field {
    name: Range<usize>,
    value: Range<usize>,
}

impl Request {
    /// Stores the output of httparse; `path` is the path part of the target.
    pub(super) fn new(path: &str, query: Option<&str>, headers: &[httparse::Header<'_>]) -> Self {
        let len = headers.iter().map(|header| header.name.len() + header.value.len()).sum();
        let mut text = Vec::with_capacity(len);
        let mut append = |bytes: &[u8]| {
            let start = text.len();
            text.extend_from_slice(bytes);
            start..text.len()
        };
        let fields = headers
            .iter()
            .map(|header| Field {
                name: append(header.name.as_bytes()),
                value: append(header.value),
            })
            .collect();
        Self { path: path.to_owned(), query: query.map(str::to_owned), text, fields }
    }

    /// The path as sent: percent-encoded, beginning with a slash.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The part after the question mark, if any.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The `Host` field; may be empty.
    #[must_use]
    pub fn host(&self) -> &str {
        self.text("host").unwrap_or_default()
    }

    /// The `Origin` field. Browsers always send it, other clients seldom.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.text("origin")
    }

    /// The key for [`write_accept`](super::write_accept).
    #[must_use]
    pub fn key(&self) -> &str {
        self.text("sec-websocket-key").unwrap_or_default()
    }

    /// The `Sec-WebSocket-Accept` of the response that opens the connection.
    #[must_use]
    pub fn accept_key(&self) -> String {
        accept_key(self.key())
    }

    /// The subprotocols offered, the most preferred first.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        self.values("sec-websocket-protocol")
            .filter_map(|value| std::str::from_utf8(value).ok())
            .flat_map(list)
    }

    /// The first value of a field by its case-insensitive name, if it is UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values(name).next().and_then(|value| std::str::from_utf8(value).ok())
    }

    /// All fields of a name, which is case-insensitive.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.headers()
            .filter(move |(header, _)| header.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// All fields as names and values, in the order they were sent.
    pub fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields
            .iter()
            .map(|field| (&self.text[field.name.clone()], &self.text[field.value.clone()]))
    }
}
