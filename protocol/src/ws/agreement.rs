//! The parameters of permessage-deflate on a connection (RFC 7692 section 7.1).
//!
//! Not here: how they are agreed (`deflate`).

use std::fmt;

/// Size of the window of a compressor: the base-2 logarithm of the distance to which it may refer
/// back. 8, which RFC 7692 has too, is not in the libraries.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum Window {
    /// 512 bytes.
    Bits9 = 9,
    /// 1 KiB.
    Bits10 = 10,
    /// 2 KiB.
    Bits11 = 11,
    /// 4 KiB.
    Bits12 = 12,
    /// 8 KiB.
    Bits13 = 13,
    /// 16 KiB.
    Bits14 = 14,
    /// 32 KiB: the largest, and what is meant if none is named.
    Bits15 = 15,
}

impl Window {
    /// All, the smallest first.
    pub const ALL: [Self; 7] = [
        Self::Bits9,
        Self::Bits10,
        Self::Bits11,
        Self::Bits12,
        Self::Bits13,
        Self::Bits14,
        Self::Bits15,
    ];

    /// The window of so many bits, from 9 to 15.
    #[must_use]
    pub fn new(bits: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|window| window.bits() == bits)
    }

    /// The base-2 logarithm of its size.
    #[must_use]
    #[inline]
    pub const fn bits(self) -> u8 {
        self as u8
    }

    /// Index in [`ALL`](Self::ALL).
    #[must_use]
    #[inline]
    pub const fn index(self) -> usize {
        self as usize - Self::Bits9 as usize
    }
}

/// The parameters of permessage-deflate on one connection. No context is taken over in either
/// direction, and the client may use the largest window.
///
/// As text it is the server's answer to the offer: one element of `Sec-WebSocket-Extensions`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Agreement {
    window: Window,
    /// The client offered to be told the window.
    is_named: bool,
}

impl Agreement {
    #[cfg(feature = "deflate")]
    pub(super) const fn new(window: Window, is_named: bool) -> Self {
        Self { window, is_named }
    }

    /// Window for messages to the client.
    #[must_use]
    pub const fn window(&self) -> Window {
        self.window
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("permessage-deflate; server_no_context_takeover; client_no_context_takeover")?;
        if self.is_named || self.window < Window::Bits15 {
            write!(f, "; server_max_window_bits={}", self.window.bits())?;
        }
        Ok(())
    }
}
