//! Limits and settings of a listener.

use std::sync::Arc;
use std::time::Duration;

use comet::OriginPolicy;
use quinn_proto::{IdleTimeout, TransportConfig, VarInt};

/// Bidirectional streams of a client that may be open: its session, and the request of WebTransport
/// or one that is refused.
const BIDIRECTIONAL: u32 = 2;

/// Unidirectional streams of a client of HTTP/3 that may be open: control, two of QPACK, and one
/// that has no meaning, which some open.
const UNIDIRECTIONAL: u32 = 4;

/// Bytes of a client's datagrams that wait to be dropped: WebTransport demands that there may be
/// some.
const DATAGRAMS: usize = 2 * 1024;

/// Bytes of datagrams that wait to be sent; the oldest give way.
const DATAGRAMS_OUT: usize = 16 * 1024;

/// Settings of a [`Listener`](crate::Listener).
///
/// A connection that is idle has none of the buffers below; each limit says its cost in use.
#[derive(Clone, Debug)]
pub struct Config {
    /// Threads, each with a UDP socket, at most 256. Default 1: shards need the cores as well.
    pub threads: usize,
    /// Time from a client's first datagram to the first byte of its session's stream. The gateway's
    /// own deadline for the authentication begins then. Default 8 s, as for other transports.
    pub deadline: Duration,
    /// Handshakes under way on each thread, at about 25 KB each. Beyond it first datagrams are
    /// dropped without an answer. Default 1,024: at 300 µs each, a third of a second of work.
    pub handshakes: usize,
    /// Proof of address asked of clients before anything is kept for them. Default: above 64
    /// handshakes under way.
    pub retry: Retry,
    /// Tickets of TLS that may be out, each good for one connection, at about 500 bytes each. By
    /// one a client that comes back saves the certificate, and may send its first packet as early
    /// data; that is handled once the handshake is complete. Beyond it the oldest are forgotten:
    /// such a client is asked for a full handshake. 0 for none. Default 4,096.
    pub tickets: usize,
    /// Silence after which a connection is lost; the client may ask for less. Default 60 s.
    pub idle_timeout: Duration,
    /// Silence after which the client is sent a ping, so that neither it nor a NAT on the way
    /// forgets the connection; zero for never. Default 25 s, as many clients wait for 30.
    pub keep_alive: Duration,
    /// Bytes received on a connection that its session has not read: the flow control window.
    /// Default 32 KiB: 2.5 Mbit/s at 100 ms from a client, which is a person who types.
    pub receive_window: u32,
    /// Bytes sent on a connection that its client has not acknowledged. Default 64 KiB, as a kernel
    /// keeps for TCP at first.
    pub send_window: u32,
    /// Bytes of a session that wait for its send window; those of each lane that has a stream are
    /// counted apart. A session with a full pipe is a slow reader by the gateway's rules. Default
    /// 16 KiB.
    pub pipe: usize,
    /// Time for which a connection outlives its session, for the client to acknowledge the last
    /// bytes. Default 2 s.
    pub linger: Duration,
    /// Bytes that the system is asked to keep for a socket in each direction. Default 4 MiB: about
    /// 30 ms of a gigabit, for bursts of many clients.
    pub socket_buffer: usize,
    /// WebTransport beside plain QUIC, on the same port; `None` for neither it nor HTTP/3.
    /// Default: on.
    pub webtransport: Option<WebTransport>,
    /// Secret of stateless resets: a listener that has it from its predecessor tells clients of
    /// that one at once that their connections are gone. Default: random.
    pub reset_key: Option<[u8; 32]>,
}

/// Sessions of browsers: those that they may ask for by CONNECT.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebTransport {
    /// Paths of sessions. Default: `/sub` and `/sub/`, as for WebSocket.
    pub paths: Vec<String>,
    /// Web pages from which sessions are accepted. Default: all, as credentials are in the first
    /// packet, which a foreign page cannot write.
    pub origin: OriginPolicy,
}

/// Condition on which a client has to prove its address by a round trip (RFC 9000 section 8.1.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Retry {
    /// Always. Costs every client a round trip.
    Always,
    /// While more handshakes than this are under way on a thread.
    Above(usize),
    /// Never: senders of forged addresses can fill [`Config::handshakes`].
    Never,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            threads: 1,
            deadline: Duration::from_secs(8),
            handshakes: 1_024,
            retry: Retry::Above(64),
            tickets: 4_096,
            idle_timeout: Duration::from_secs(60),
            keep_alive: Duration::from_secs(25),
            receive_window: 32 * 1024,
            send_window: 64 * 1024,
            pipe: 16 * 1024,
            linger: Duration::from_secs(2),
            socket_buffer: 4 << 20,
            webtransport: Some(WebTransport::default()),
            reset_key: None,
        }
    }
}

impl Default for WebTransport {
    fn default() -> Self {
        let paths = vec!["/sub".to_owned(), "/sub/".to_owned()];
        Self { paths, origin: OriginPolicy::Any }
    }
}

impl Retry {
    /// True if an unproven address is asked for a proof now.
    pub(crate) const fn applies(self, handshakes: usize) -> bool {
        match self {
            Self::Always => true,
            Self::Above(limit) => handshakes > limit,
            Self::Never => false,
        }
    }
}

impl Config {
    /// The first value that makes no sense.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let checks = [
            (self.threads == 0 || self.threads > 256, "threads must be 1 to 256"),
            (self.handshakes == 0, "handshakes must not be 0"),
            (self.deadline.is_zero(), "deadline must not be 0"),
            (self.receive_window < 1_200, "receive_window must hold a datagram"),
            (self.send_window < 1_200, "send_window must hold a datagram"),
            (self.pipe == 0, "pipe must not be 0"),
            (IdleTimeout::try_from(self.idle_timeout).is_err(), "idle_timeout is too long"),
        ];
        checks.iter().find(|(is_wrong, _)| *is_wrong).map_or(Ok(()), |(_, what)| Err(*what))
    }

    /// Parameters that connections announce and keep to.
    pub(crate) fn transport(&self) -> Arc<TransportConfig> {
        let mut transport = TransportConfig::default();
        let idle = IdleTimeout::try_from(self.idle_timeout).ok();
        let keep_alive = (!self.keep_alive.is_zero()).then_some(self.keep_alive);
        let unidirectional = self.webtransport.as_ref().map_or(0, |_| UNIDIRECTIONAL);
        transport
            .max_idle_timeout(idle.filter(|_| !self.idle_timeout.is_zero()))
            .keep_alive_interval(keep_alive)
            .max_concurrent_bidi_streams(BIDIRECTIONAL.into())
            .max_concurrent_uni_streams(VarInt::from_u32(unidirectional))
            .stream_receive_window(self.receive_window.into())
            .receive_window(self.receive_window.into())
            .send_window(self.send_window.into())
            .datagram_receive_buffer_size(self.webtransport.as_ref().map(|_| DATAGRAMS))
            .datagram_send_buffer_size(DATAGRAMS_OUT);
        Arc::new(transport)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_senseless_values_are_named() {
        assert_eq!(Config::default().check(), Ok(()));
        let broken = [
            Config { threads: 0, ..Config::default() },
            Config { threads: 257, ..Config::default() },
            Config { handshakes: 0, ..Config::default() },
            Config { deadline: Duration::ZERO, ..Config::default() },
            Config { receive_window: 1_199, ..Config::default() },
            Config { send_window: 0, ..Config::default() },
            Config { pipe: 0, ..Config::default() },
            Config { idle_timeout: Duration::MAX, ..Config::default() },
        ];
        let named: Vec<_> = broken.iter().map(|config| config.check().unwrap_err()).collect();
        let mut distinct = named.clone();
        distinct.dedup();
        assert_eq!(distinct.len(), 7, "{named:?}");
    }

    #[test]
    fn a_retry_is_due_always_above_a_number_or_never() {
        let at = |retry: Retry| [0, 5, 6].map(|handshakes| retry.applies(handshakes));
        assert_eq!(at(Retry::Always), [true; 3]);
        assert_eq!(at(Retry::Above(5)), [false, false, true]);
        assert_eq!(at(Retry::Never), [false; 3]);
    }
}
