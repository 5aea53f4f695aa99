//! Common parts of request and response heads: the end, limits, lists of tokens.

/// Size limits of an HTTP head.
#[derive(Clone, Copy, Debug)]
pub struct HandshakeLimits {
    /// Bytes up to and including the empty line. An unfinished head costs its connection this many.
    pub max_head: usize,
    /// Header fields.
    pub max_headers: usize,
}

impl Default for HandshakeLimits {
    fn default() -> Self {
        // Browsers send under 1 KiB and 20 fields, cookies of a shared domain some KiB more.
        Self { max_head: 8 << 10, max_headers: 64 }
    }
}

/// Progress of a head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum HeadEnd {
    /// The head is complete and has this length.
    At(usize),
    /// The empty line has not arrived yet, and still may.
    Missing,
    /// The head is, or will be, longer than allowed.
    TooFar,
}

/// Searches for the empty line that ends a head. The first `searched` bytes were searched before,
/// so that a head that arrives byte by byte is scanned only once.
pub(super) fn find_end(input: &[u8], searched: usize, max_head: usize) -> HeadEnd {
    const END: &[u8] = b"\r\n\r\n";
    let window = &input[..input.len().min(max_head)];
    let from = searched.saturating_sub(END.len() - 1).min(window.len());
    let found = window[from..].windows(END.len()).position(|bytes| bytes == END);
    match found {
        Some(at) => HeadEnd::At(from + at + END.len()),
        None if input.len() >= max_head => HeadEnd::TooFar,
        None => HeadEnd::Missing,
    }
}

/// The elements of a comma-separated list (RFC 9110 section 5.6.1).
pub(super) fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(|item| item.trim_matches([' ', '\t'])).filter(|item| !item.is_empty())
}

/// The header fields of a head, looked up by case-insensitive name.
#[derive(Clone, Copy)]
pub(super) struct Fields<'h>(pub(super) &'h [httparse::Header<'h>]);

impl<'h> Fields<'h> {
    pub(super) fn values(self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        self.0
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
    }

    /// Whether a field, parsed as a list, contains the case-insensitive token.
    pub(super) fn has_token(self, name: &str, token: &str) -> bool {
        self.values(name)
            .filter_map(|value| std::str::from_utf8(value).ok())
            .any(|value| list(value).any(|item| item.eq_ignore_ascii_case(token)))
    }
}
