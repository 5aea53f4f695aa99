//! Limits.

use std::time::Duration;

use comet::TrustedProxies;

/// Limits of the streams of one router, and their reasons.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SseConfig {
    /// Streams at once. Default 4,096; at least 1. Each costs up to twice
    /// [`pipe_bytes`](Self::pipe_bytes) and a POST, beside its session; one more is answered 503.
    pub streams: usize,
    /// Of them, those whose GET has not come yet. Default 512: a flood of authentications that are
    /// never read leaves room for the others.
    pub unread_streams: usize,
    /// Time for the GET to come before the stream is dropped. Default 10 s.
    pub attach_timeout: Duration,
    /// Bytes on their way in each direction of a stream. Default 16 KiB, taken when needed; what
    /// exceeds it waits in the gateway, or in the POST.
    pub pipe_bytes: usize,
    /// Longest body of a POST, which is held while it waits for its turn. Default 64 KiB; must fit
    /// the longest message with its head.
    pub post_bytes: usize,
    /// POSTs of one stream at once, those behind a hole included. Default 4: a client needs one,
    /// and one more for each that its network lost. One more is answered 429.
    pub posts: usize,
    /// Time for a POST to arrive, and then for those before it. Default 10 s each; beyond it the
    /// POST is answered 408 or 409.
    pub post_timeout: Duration,
    /// Time between two comments on a stream, by which proxies and clients see that it is alive.
    /// Default 15 s.
    pub comment_interval: Duration,
    /// Proxies trusted to name their clients, where requests have no extension of type
    /// [`comet::Client`]. Default: none.
    pub trusted_proxies: TrustedProxies,
}

impl Default for SseConfig {
    fn default() -> Self {
        Self {
            streams: 4_096,
            unread_streams: 512,
            attach_timeout: Duration::from_secs(10),
            pipe_bytes: 16 * 1024,
            post_bytes: 64 * 1024,
            posts: 4,
            post_timeout: Duration::from_secs(10),
            comment_interval: Duration::from_secs(15),
            trusted_proxies: TrustedProxies::new(),
        }
    }
}

impl SseConfig {
    /// Sets [`streams`](Self#structfield.streams) and
    /// [`unread_streams`](Self#structfield.unread_streams).
    #[must_use]
    pub fn streams(mut self, streams: usize, unread_streams: usize) -> Self {
        (self.streams, self.unread_streams) = (streams, unread_streams);
        self
    }

    /// Sets [`post_bytes`](Self#structfield.post_bytes).
    #[must_use]
    pub fn post_bytes(mut self, bytes: usize) -> Self {
        self.post_bytes = bytes;
        self
    }

    /// Sets [`trusted_proxies`](Self#structfield.trusted_proxies).
    #[must_use]
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.trusted_proxies = proxies;
        self
    }
}
