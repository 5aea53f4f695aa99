//! Compression of WebSocket messages.

use comet_protocol::ws::deflate::Window;

/// Compression of messages to peers that agreed to permessage-deflate (RFC 7692), which listeners
/// offer by [`Listen::deflate`](crate::Listen). Without the feature `deflate` it has no effect.
///
/// Each message is compressed on its own, so that a connection holds no state: a publish is
/// compressed once for all members that agreed to the same window, and what goes to one session
/// alone, or again, for that session. The memory is that of shards: 370 KiB from the first
/// compressed message on for the largest window, 2 MiB if peers have asked for all seven, and 60
/// KiB from the first that is inflated on; while a long one is handled, the length of it twice.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeflateConfig {
    /// Level from 1, the fastest, to 9. Default 3, which takes 14 us for 2 KiB of JSON and leaves
    /// 42 % of it; 1 takes 6 us and leaves 57 %, levels above 3 hardly save more.
    pub level: u8,
    /// Least payload in bytes that is compressed. Default 128: about 6 us save a sixth of 200 bytes
    /// of JSON, and less of shorter messages.
    pub least: usize,
    /// Longest payload in bytes that is compressed. Default 256 KiB, which holds a shard for some
    /// milliseconds; longer ones are mostly files, which do not compress.
    pub most: usize,
    /// Largest window of messages to peers, as a base-2 logarithm from 9 to 15. Default 15. Peers
    /// may ask for less.
    pub window_bits: u8,
}

impl Default for DeflateConfig {
    fn default() -> Self {
        Self { level: 3, least: 128, most: 256 * 1024, window_bits: Window::Bits15.bits() }
    }
}

impl DeflateConfig {
    /// The largest window; the largest there is if the setting makes no sense.
    pub(crate) fn window(&self) -> Window {
        Window::new(self.window_bits).unwrap_or(Window::Bits15)
    }

    /// Whether a rule is broken.
    pub(super) fn rules(&self) -> [(bool, &'static str); 2] {
        [
            (!(1..=9).contains(&self.level), "deflate.level must be from 1 to 9"),
            (Window::new(self.window_bits).is_none(), "deflate.window_bits must be from 9 to 15"),
        ]
    }
}
