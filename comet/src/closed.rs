//! Reasons for the end of a session.

use std::sync::Arc;

use comet_protocol::DecodeError;
use comet_protocol::codec::CodecError;
use comet_protocol::comet::{Code, FrameError};
use comet_protocol::proxy::ProxyError;
use comet_protocol::ws::{CloseCode, WsError};

/// Reason for the end of a session or a connection: for the router, the log and the counters.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Closed {
    /// The peer closed the connection, or announced that it leaves.
    #[error("closed by the peer")]
    ByPeer,
    /// The peer announced that it leaves for good.
    #[error("the peer left")]
    Left,
    /// The same device connected again: only its newest connection is kept.
    #[error("replaced by a newer connection")]
    Replaced,
    /// The connection broke.
    #[error("connection lost: {0}")]
    Lost(std::io::ErrorKind),
    /// The peer did not authenticate within [`handshake.timeout`](crate::HandshakeConfig::timeout).
    #[error("not authenticated in time")]
    HandshakeTimeout,
    /// The WebSocket upgrade request was refused with this HTTP status.
    #[error("upgrade refused with status {0}")]
    UpgradeRefused(u16),
    /// The router refused the peer.
    #[error("refused by the router")]
    Refused,
    /// The peer used up [`handshake.attempts`](crate::HandshakeConfig::attempts).
    #[error("too many attempts to authenticate")]
    AuthAttempts,
    /// The peer of an open session authenticated again, but not as the same user on the same
    /// device.
    #[error("authenticated again as nobody or somebody else")]
    NotRenewed,
    /// The peer's identity was [valid until now](crate::Identity::expires_in), and was not renewed.
    #[error("the identity expired")]
    Expired,
    /// The body of the auth frame could not be read.
    #[error("auth body is malformed")]
    BadAuth,
    /// The peer broke the frame format.
    #[error("bad frame: {0}")]
    BadFrame(#[from] DecodeError),
    /// The peer broke the WebSocket protocol.
    #[error("bad WebSocket frame: {0}")]
    BadWebSocket(#[from] WsError),
    /// The TLS handshake failed, or a record was not what it must be.
    #[error("TLS: {0}")]
    BadTls(#[from] TlsFault),
    /// The connection ended without the close_notify of TLS (RFC 8446, section 6.1): the peer just
    /// went, as many do, or somebody else has cut off what it sent last.
    #[error("TLS ended without a goodbye")]
    Truncated,
    /// Nothing arrived for [`ping.idle_timeout`](crate::PingConfig::idle_timeout).
    #[error("silent for too long")]
    Idle,
    /// A delivery stayed unacknowledged through
    /// [`delivery.attempts`](crate::DeliveryConfig::attempts).
    #[error("deliveries are not acknowledged")]
    Unresponsive,
    /// The backlog of the peer exceeds a limit of [`Config`](crate::Config), or it read nothing for
    /// [`io.write_timeout`](crate::IoConfig::write_timeout).
    #[error("reads too slowly")]
    Slow,
    /// Requested by the router or an operator, for this reason.
    #[error("kicked: {0}")]
    Kicked(Arc<str>),
    /// The gateway drains.
    #[error("the gateway drains")]
    Draining,
    /// The router panicked on a message of this session.
    #[error("the router panicked")]
    RouterPanicked,
    /// Events of this session that wait for the async router exceed
    /// [`OnTokio::events`](crate::tokio::OnTokio::events).
    #[error("the router fell behind")]
    RouterBehind,
    /// [`limits.max_connections`](crate::LimitsConfig::max_connections), or the limit of the peer's
    /// address, is reached.
    #[error("too many connections")]
    TooManyConnections,
    /// The peer sent more messages than
    /// [`limits.message_rate`](crate::LimitsConfig::message_rate) allows.
    #[error("sends too fast")]
    RateExceeded,
    /// The peer broke the comet dialect.
    #[error("bad comet frame: {0}")]
    BadComet(#[from] FrameError),
    /// The peer sent a frame that is not allowed in the current state.
    #[error("frame out of turn")]
    OutOfTurn,
    /// The peer skipped message numbers.
    #[error("message numbers out of sequence")]
    Sequence,
    /// A peer of the comet dialect has more unanswered messages than
    /// [`limits.inbox`](crate::LimitsConfig::inbox), a limit that its welcome states.
    #[error("message window full")]
    WindowFull,
    /// [`memory.budget`](crate::MemoryConfig::budget) ran out, and this session held the most.
    #[error("shed for want of memory")]
    Shed,
    /// The peer began a message and did not finish it within
    /// [`limits.message_timeout`](crate::LimitsConfig::message_timeout).
    #[error("a message was not finished in time")]
    Unfinished,
    /// More peers asked for sessions than [`handshake.rate`](crate::HandshakeConfig::rate)
    /// allows, or memory is short.
    #[error("turned away before authentication")]
    TurnedAway,
    /// The first bytes on a [port of several protocols](crate::Listen::any) are of none of them.
    #[error("first bytes of no protocol spoken here")]
    Unrecognized,
    /// The peer of a listener that [requires PROXY headers](crate::ProxyProtocol::Required) is not
    /// a trusted proxy.
    #[error("not a trusted proxy")]
    NotAProxy,
    /// A trusted proxy did not send the PROXY header that its listener requires.
    #[error("bad PROXY header: {0}")]
    BadProxyHeader(#[from] ProxyError),
}

/// A fault in the TLS of a peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFault {
    /// Something else than TLS, or malformed.
    #[error("not TLS")]
    NotTls,
    /// No version, cipher suite or group in common.
    #[error("nothing in common")]
    Incompatible,
    /// No protocol in common (ALPN, RFC 7301).
    #[error("no protocol in common")]
    Protocol,
    /// The client's certificate is missing, or is not verified.
    #[error("bad client certificate")]
    Certificate,
    /// The peer gave up with this alert (RFC 8446, section 6).
    #[error("alert {0}")]
    Alert(u8),
    /// A record is too long, or does not decrypt.
    #[error("bad record")]
    BadRecord,
    /// A handshake message is longer than
    /// [`handshake.max_hello`](crate::HandshakeConfig::max_hello).
    #[error("handshake message too long")]
    TooLong,
    /// The peer does what TLS forbids.
    #[error("against the rules")]
    Misbehaved,
    /// The end of the connection came without a close_notify.
    #[error("truncated")]
    Truncated,
    /// No fault of the peer: the keys are used up, for instance.
    #[error("internal")]
    Internal,
}

#[doc(hidden)]
impl From<CodecError> for Closed {
    fn from(error: CodecError) -> Self {
        match error {
            CodecError::Head(error) => Self::BadFrame(error),
            CodecError::Frame(error) => Self::BadComet(error),
            _ => Self::BadAuth,
        }
    }
}

impl Closed {
    /// Reason for the end of a connection whose transport has failed so.
    pub(crate) fn by_transport(error: &std::io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<TlsFault>()) {
            Some(TlsFault::Truncated) => Self::Truncated,
            Some(fault) => Self::BadTls(*fault),
            None => Self::Lost(error.kind()),
        }
    }

    /// The WebSocket close code sent to the peer (RFC 6455 section 7.4), if any.
    pub(crate) fn ws_code(&self) -> Option<CloseCode> {
        match self {
            Self::ByPeer | Self::Left => Some(CloseCode::NORMAL),
            Self::Lost(_)
            | Self::BadTls(_)
            | Self::Truncated
            | Self::UpgradeRefused(_)
            | Self::Unrecognized
            | Self::NotAProxy
            | Self::BadProxyHeader(_) => None,
            Self::BadFrame(DecodeError::TooLong { .. })
            | Self::BadComet(FrameError::BodyTooLong { .. }) => Some(CloseCode::TOO_LARGE),
            Self::BadFrame(_)
            | Self::BadAuth
            | Self::BadComet(_)
            | Self::OutOfTurn
            | Self::Sequence => Some(CloseCode::PROTOCOL),
            Self::BadWebSocket(error) => Some(error.close_code()),
            Self::Draining => Some(CloseCode::GOING_AWAY),
            Self::RouterPanicked => Some(CloseCode::INTERNAL),
            Self::TooManyConnections | Self::TurnedAway | Self::Shed | Self::RouterBehind => {
                Some(CloseCode::TRY_AGAIN)
            }
            Self::HandshakeTimeout
            | Self::Refused
            | Self::AuthAttempts
            | Self::NotRenewed
            | Self::Expired
            | Self::Idle
            | Self::Unresponsive
            | Self::Slow
            | Self::Kicked(_)
            | Self::Replaced
            | Self::WindowFull
            | Self::RateExceeded
            | Self::Unfinished => Some(CloseCode::POLICY),
        }
    }

    /// Code sent to a peer of the comet dialect, and whether it is to connect again; `None` if the
    /// connection is gone, or the peer was told by other means.
    pub(crate) fn failure(&self) -> Option<(Code, bool)> {
        Some(match self {
            Self::ByPeer
            | Self::Left
            | Self::Lost(_)
            | Self::BadTls(_)
            | Self::Truncated
            | Self::UpgradeRefused(_)
            | Self::Refused
            | Self::Draining
            | Self::TurnedAway
            | Self::Unrecognized
            | Self::NotAProxy
            | Self::BadProxyHeader(_) => return None,
            Self::Replaced => (Code::REPLACED, false),
            Self::HandshakeTimeout => (Code::HANDSHAKE_TIMEOUT, true),
            Self::AuthAttempts | Self::NotRenewed | Self::Expired => (Code::UNAUTHENTICATED, false),
            Self::BadFrame(DecodeError::TooLong { .. })
            | Self::BadComet(FrameError::BodyTooLong { .. }) => (Code::TOO_LARGE, false),
            Self::BadWebSocket(error) if error.close_code() == CloseCode::TOO_LARGE => {
                (Code::TOO_LARGE, false)
            }
            Self::BadAuth
            | Self::BadFrame(_)
            | Self::BadWebSocket(_)
            | Self::BadComet(_)
            | Self::OutOfTurn => (Code::PROTOCOL, false),
            Self::Sequence => (Code::SEQUENCE, true),
            Self::WindowFull => (Code::WINDOW, true),
            Self::Idle => (Code::IDLE, true),
            Self::Unresponsive => (Code::UNRESPONSIVE, true),
            Self::Slow | Self::Unfinished => (Code::SLOW, true),
            Self::Kicked(_) => (Code::KICKED, false),
            Self::RouterPanicked => (Code::INTERNAL, true),
            Self::TooManyConnections | Self::Shed | Self::RouterBehind => (Code::OVERLOADED, true),
            Self::RateExceeded => (Code::RATE, true),
        })
    }

    /// Whether the peer may come back to the same session: it did nothing wrong, and has not left
    /// for good.
    pub(crate) const fn parks(&self) -> bool {
        matches!(
            self,
            Self::ByPeer
                | Self::Lost(_)
                | Self::BadTls(_)
                | Self::Truncated
                | Self::Idle
                | Self::Unresponsive
                | Self::Slow
                | Self::Sequence
                | Self::WindowFull
                | Self::Shed
                | Self::Unfinished
        )
    }

    /// The label under which the end is counted.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        Self::LABELS[self.index()]
    }

    /// Every label, by [index](Self::index).
    pub(crate) const LABELS: [&'static str; 34] = [
        "by_peer",
        "lost",
        "handshake_timeout",
        "upgrade_refused",
        "refused",
        "auth_attempts",
        "bad_auth",
        "bad_frame",
        "bad_websocket",
        "idle",
        "unresponsive",
        "slow",
        "kicked",
        "draining",
        "router_panicked",
        "too_many_connections",
        "rate_exceeded",
        "left",
        "replaced",
        "bad_comet",
        "out_of_turn",
        "sequence",
        "shed",
        "turned_away",
        "unfinished",
        "not_renewed",
        "window_full",
        "expired",
        "router_behind",
        "unrecognized",
        "not_a_proxy",
        "bad_proxy_header",
        "bad_tls",
        "truncated",
    ];

    pub(crate) const fn index(&self) -> usize {
        match self {
            Self::ByPeer => 0,
            Self::Lost(_) => 1,
            Self::HandshakeTimeout => 2,
            Self::UpgradeRefused(_) => 3,
            Self::Refused => 4,
            Self::AuthAttempts => 5,
            Self::BadAuth => 6,
            Self::BadFrame(_) => 7,
            Self::BadWebSocket(_) => 8,
            Self::Idle => 9,
            Self::Unresponsive => 10,
            Self::Slow => 11,
            Self::Kicked(_) => 12,
            Self::Draining => 13,
            Self::RouterPanicked => 14,
            Self::TooManyConnections => 15,
            Self::RateExceeded => 16,
            Self::Left => 17,
            Self::Replaced => 18,
            Self::BadComet(_) => 19,
            Self::OutOfTurn => 20,
            Self::Sequence => 21,
            Self::Shed => 22,
            Self::TurnedAway => 23,
            Self::Unfinished => 24,
            Self::NotRenewed => 25,
            Self::WindowFull => 26,
            Self::Expired => 27,
            Self::RouterBehind => 28,
            Self::Unrecognized => 29,
            Self::NotAProxy => 30,
            Self::BadProxyHeader(_) => 31,
            Self::BadTls(_) => 32,
            Self::Truncated => 33,
        }
    }
}
