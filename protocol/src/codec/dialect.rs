//! The dialects, and how one is told from the others.
//!
//! Not here: the meaning of their packets, which their codecs know.

use crate::comet;
use crate::head::{Head, Layout};

/// One wire variant.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Dialect {
    /// The 20-byte head; every delivery with a seq is acknowledged.
    Dtalk,
    /// The 16-byte head; no acks.
    Goim,
    /// No head: one WebSocket message is one body; no acks.
    Raw,
    /// The head of dtalk with `ver` 2: resumption, gaps, cumulative acks; see [`comet`].
    Comet,
    /// JSON objects in text messages over WebSocket, for minimal clients; cumulative acks.
    Text,
}

/// Packet boundaries on the transport.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Framing {
    /// By the length field alone, as on TCP.
    Stream,
    /// By messages that hold one packet or more, as on WebSocket.
    Messages,
}

impl Dialect {
    /// The name in lower case: for labels, flags and settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dtalk => "dtalk",
            Self::Goim => "goim",
            Self::Raw => "raw",
            Self::Comet => "comet",
            Self::Text => "text",
        }
    }

    /// The dialect that uses this head.
    #[must_use]
    pub const fn of(layout: Layout) -> Self {
        match layout {
            Layout::Goim => Self::Goim,
            Layout::Dtalk => Self::Dtalk,
        }
    }

    /// Detects the dialect of a connection from its first input; `None` until the first head is
    /// complete. An auth with `ver` 2 selects [`Comet`](Self::Comet).
    #[must_use]
    pub fn detect(layout: Layout, input: &[u8]) -> Option<Self> {
        let first = input.get(..layout.head_len())?;
        let is_comet = layout == Layout::Dtalk && comet::is_auth(Head::read(layout, first));
        Some(if is_comet { Self::Comet } else { Self::of(layout) })
    }

    /// Layout of the head of its packets, if it has one.
    #[must_use]
    pub const fn layout(self) -> Option<Layout> {
        match self {
            Self::Dtalk | Self::Comet => Some(Layout::Dtalk),
            Self::Goim => Some(Layout::Goim),
            Self::Raw | Self::Text => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_auth_with_ver_2_asks_for_the_comet_dialect() {
        let first = |ver, op| {
            let head = Head { ver, op, seq: 1, ack: 0 }.to_bytes(Layout::Dtalk, 5);
            Dialect::detect(Layout::Dtalk, &head)
        };
        assert_eq!(first(2, 1), Some(Dialect::Comet));
        assert_eq!(first(2, 3), Some(Dialect::Dtalk));
        assert_eq!(first(1, 1), Some(Dialect::Dtalk));
        let head = Head { ver: 2, op: 1, seq: 1, ack: 0 }.to_bytes(Layout::Dtalk, 5);
        assert_eq!(Dialect::detect(Layout::Dtalk, &head[..19]), None, "not all of it is there");
        assert_eq!(Dialect::detect(Layout::Goim, &head), Some(Dialect::Goim));
    }
}
