//! Settings of sessions that outlive their connections.

use std::fmt;
use std::time::Duration;

/// Sessions that outlive their connections, and the return of peers to another process.
#[derive(Clone)]
#[non_exhaustive]
pub struct ResumeConfig {
    /// Time for which a session outlives its connection, if its peer speaks the comet dialect, or
    /// its [`Identity`](crate::Identity) names a device. Default zero: not at all.
    ///
    /// A parked session costs as much as a connected one, plus the deliveries kept for it up to
    /// [`delivery.queue`](crate::DeliveryConfig::queue) and
    /// [`delivery.queue_bytes`](crate::DeliveryConfig::queue_bytes); later ones are lost with a
    /// [`Gap`](crate::Gap).
    pub ttl: Duration,
    /// Parked sessions of one user. Default 16, about 1 KiB each beside the deliveries kept for
    /// them; one more ends the oldest.
    pub parked_per_user: usize,
    /// Secret under which resume tickets are sealed. Default `None`: random at each start.
    ///
    /// With the same secret, the next process can read the tickets of this one: the sessions are
    /// gone, but the times at which their peers were asked to come back are known.
    pub ticket_key: Option<[u8; 32]>,
    /// Sessions a second, over all shards, that a draining gateway asks to come back, counted from
    /// when all have been told. Default 1,000; 0: all at once. A lone peer is thus asked to come
    /// back at once, and a crowd of 20,000 over 20 s.
    pub return_rate: u32,
    /// Longest time over which their return is spread, whatever
    /// [`return_rate`](Self::return_rate). Default 60 s.
    pub return_spread: Duration,
    /// Whether a ticket that was given over TLS, without a client certificate, is honoured on a
    /// plain connection. Default no: who reads one there could have read it before, and the session
    /// begins anew instead.
    pub plain_after_tls: bool,
}

impl Default for ResumeConfig {
    fn default() -> Self {
        Self {
            ttl: Duration::ZERO,
            parked_per_user: 16,
            ticket_key: None,
            // A session that comes back costs some 100 us, more with a router that queries a
            // database.
            return_rate: 1_000,
            return_spread: Duration::from_secs(60),
            plain_after_tls: false,
        }
    }
}

/// Omits the secret.
impl fmt::Debug for ResumeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResumeConfig")
            .field("ttl", &self.ttl)
            .field("parked_per_user", &self.parked_per_user)
            .field("return_rate", &self.return_rate)
            .field("return_spread", &self.return_spread)
            .field("plain_after_tls", &self.plain_after_tls)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_not_printed() {
        let config = ResumeConfig { ticket_key: Some([217; 32]), ..ResumeConfig::default() };
        let printed = format!("{config:?}");
        assert!(printed.contains("parked_per_user: 16") && !printed.contains("217"), "{printed}");
    }
}
