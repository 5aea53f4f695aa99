//! Dialects: mapping between wire packets and the gateway's own frame kinds.
//!
//! The session core uses [`Inbound`] and [`Outbound`] and never sees an op number.
//!
//! Not here: the frames of the comet dialect, see [`comet`].

use crate::comet;
use crate::head::{Head, Layout, MAX_HEAD};

/// Op numbers of the dtalk dialect, generation 1.
pub mod op {
    /// Client to server: `AuthMsg`.
    pub const AUTH: u32 = 1;
    /// Server to client: empty when accepted.
    pub const AUTH_REPLY: u32 = 2;
    /// Client to server, empty.
    pub const HEARTBEAT: u32 = 3;
    /// Server to client: a four-byte count, always 0.
    pub const HEARTBEAT_REPLY: u32 = 4;
    /// Client to server, empty: the client closes.
    pub const DISCONNECT: u32 = 5;
    /// Client to server: a message.
    pub const SEND: u32 = 7;
    /// Server to client: the answer to a message; `ack` and `seq` are the message's `seq`.
    pub const SEND_REPLY: u32 = 8;
    /// Server to client: a delivery; `seq` from 1 per connection.
    pub const DELIVER: u32 = 9;
    /// Client to server, empty: `ack` is the delivery's `seq`.
    pub const DELIVER_ACK: u32 = 10;
}

/// Op numbers of the goim dialect.
pub mod goim_op {
    /// Client to server, empty.
    pub const HEARTBEAT: u32 = 2;
    /// Server to client: users online, four bytes.
    pub const HEARTBEAT_REPLY: u32 = 3;
    /// Client to server: a message. The answer has the same op.
    pub const SEND: u32 = 4;
    /// Client to server: JSON.
    pub const AUTH: u32 = 7;
    /// Server to client, empty.
    pub const AUTH_REPLY: u32 = 8;
    /// Server to client: the body is one or more whole packets.
    pub const RAW: u32 = 9;
    /// Client to server: the id of the room that replaces the previous one; empty for none.
    pub const CHANGE_ROOM: u32 = 12;
    /// Client to server: ops of pushes that the client also accepts, comma-separated.
    pub const SUB: u32 = 14;
    /// Client to server: ops of pushes that the client no longer accepts.
    pub const UNSUB: u32 = 16;
    /// The op of pushes: the lowest of those that applications use.
    pub const PUSH: u32 = 1000;
}

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

/// A packet from a peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Inbound<'a> {
    /// Request for a session.
    Auth {
        /// To be repeated in the reply.
        seq: u32,
        /// `AuthMsg` in dtalk, JSON in goim.
        body: &'a [u8],
    },
    /// Heartbeat.
    Heartbeat {
        /// To be repeated in the reply.
        seq: u32,
    },
    /// Disconnect.
    Disconnect,
    /// Message for the router, to be replied to.
    Send {
        /// To be repeated in the reply.
        seq: u32,
        /// The wire op, for dialects that have several.
        op: u32,
        /// The message.
        body: &'a [u8],
    },
    /// Ack of the delivery with this seq.
    Ack {
        /// The delivery's seq.
        seq: u32,
    },
    /// A packet that clients of this dialect may not send; ignored and counted.
    Unknown {
        /// The wire op.
        op: u32,
    },
}

/// A packet from the gateway to a peer, without its body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outbound {
    /// Answer to [`Inbound::Auth`]: an empty body accepts.
    AuthReply {
        /// Seq of the request.
        seq: u32,
    },
    /// Answer to [`Inbound::Heartbeat`]; the body is [`HEARTBEAT_BODY`], for goim a count.
    HeartbeatReply {
        /// Seq of the request.
        seq: u32,
    },
    /// Answer to [`Inbound::Send`].
    SendReply {
        /// Seq of the request.
        seq: u32,
        /// Op of the request.
        op: u32,
    },
    /// Delivery; `seq` 0 expects no ack.
    Deliver {
        /// Number of the delivery on this connection.
        seq: u32,
    },
}

/// Body of a heartbeat reply: the count is always 0.
pub const HEARTBEAT_BODY: [u8; 4] = [0; 4];

/// Packet boundaries on the transport.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Framing {
    /// By the length field alone, as on TCP.
    Stream,
    /// By messages that hold one packet or more, as on WebSocket.
    Messages,
}

/// Head bytes ready to be written before a body.
#[derive(Clone, Copy, Debug)]
pub struct HeadBytes {
    bytes: [u8; 2 * MAX_HEAD],
    len: u8,
    seq_at: Option<u8>,
}

impl HeadBytes {
    const EMPTY: Self = Self { bytes: [0; 2 * MAX_HEAD], len: 0, seq_at: None };

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Offset of the delivery's seq, four bytes big-endian, if the dialect has one: the only bytes
    /// in which deliveries of one message to several peers differ.
    #[must_use]
    pub fn seq_at(&self) -> Option<usize> {
        self.seq_at.map(usize::from)
    }

    fn push(&mut self, head: [u8; MAX_HEAD], layout: Layout) {
        let at = usize::from(self.len);
        self.bytes[at..at + layout.head_len()].copy_from_slice(&head[..layout.head_len()]);
        self.len += if matches!(layout, Layout::Goim) { 16 } else { 20 };
    }
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

    /// Whether its peers acknowledge deliveries.
    #[must_use]
    pub const fn has_acks(self) -> bool {
        matches!(self, Self::Dtalk | Self::Comet | Self::Text)
    }

    /// Interprets a peer's packet. Those of the comet dialect are decoded by
    /// [`ClientFrame::decode`](crate::comet::ClientFrame::decode).
    #[must_use]
    pub fn inbound(self, head: Head, body: &[u8]) -> Inbound<'_> {
        let Head { op, seq, ack, .. } = head;
        match (self, op) {
            (Self::Dtalk, op::AUTH) | (Self::Goim, goim_op::AUTH) => Inbound::Auth { seq, body },
            (Self::Dtalk, op::HEARTBEAT) | (Self::Goim, goim_op::HEARTBEAT) => {
                Inbound::Heartbeat { seq }
            }
            (Self::Dtalk, op::DISCONNECT) => Inbound::Disconnect,
            (Self::Dtalk, op::DELIVER_ACK) => Inbound::Ack { seq: ack },
            (Self::Dtalk, op::SEND) | (Self::Raw | Self::Text, _) => {
                Inbound::Send { seq, op, body }
            }
            (Self::Goim, goim_op::SEND | goim_op::CHANGE_ROOM | goim_op::SUB | goim_op::UNSUB) => {
                Inbound::Send { seq, op, body }
            }
            (Self::Dtalk | Self::Goim | Self::Comet, op) => Inbound::Unknown { op },
        }
    }

    /// The bytes before a body of `body_len` bytes; `None` if this dialect has no such packet. Raw
    /// peers get deliveries only; the frames of comet are written by
    /// [`ServerFrame`](comet::ServerFrame) and [`deliver_head`](comet::deliver_head).
    ///
    /// # Panics
    ///
    /// When the body is longer than 2 GiB.
    #[must_use]
    pub fn head(self, what: Outbound, framing: Framing, body_len: usize) -> Option<HeadBytes> {
        let mut bytes = HeadBytes::EMPTY;
        match self {
            Self::Dtalk => {
                let head = dtalk_head(what).to_bytes(Layout::Dtalk, body_len);
                bytes.push(head, Layout::Dtalk);
                if matches!(what, Outbound::Deliver { .. }) {
                    bytes.seq_at = Some(12);
                }
            }
            Self::Goim => {
                let is_push = matches!(what, Outbound::Deliver { .. });
                if is_push && framing == Framing::Messages {
                    let raw = Head::new(goim_op::RAW, 0, 0);
                    bytes.push(raw.to_bytes(Layout::Goim, 16 + body_len), Layout::Goim);
                }
                bytes.push(goim_head(what).to_bytes(Layout::Goim, body_len), Layout::Goim);
            }
            Self::Raw if matches!(what, Outbound::Deliver { .. }) => {}
            Self::Raw | Self::Comet | Self::Text => return None,
        }
        Some(bytes)
    }
}

/// `ack` is 0 except in a send reply: one client takes any other value for its own ack.
fn dtalk_head(what: Outbound) -> Head {
    match what {
        Outbound::AuthReply { seq } => Head::new(op::AUTH_REPLY, seq, 0),
        Outbound::HeartbeatReply { seq } => Head::new(op::HEARTBEAT_REPLY, seq, 0),
        Outbound::SendReply { seq, .. } => Head::new(op::SEND_REPLY, seq, seq),
        Outbound::Deliver { seq } => Head::new(op::DELIVER, seq, 0),
    }
}

fn goim_head(what: Outbound) -> Head {
    match what {
        Outbound::AuthReply { seq } => Head::new(goim_op::AUTH_REPLY, seq, 0),
        Outbound::HeartbeatReply { seq } => Head::new(goim_op::HEARTBEAT_REPLY, seq, 0),
        Outbound::SendReply { seq, op } => Head::new(goim_reply(op), seq, 0),
        Outbound::Deliver { .. } => Head::new(goim_op::PUSH, 0, 0),
    }
}

/// Requests about the client itself are answered by the next op, messages by their own.
const fn goim_reply(op: u32) -> u32 {
    match op {
        goim_op::CHANGE_ROOM | goim_op::SUB | goim_op::UNSUB => op + 1,
        _ => op,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn head(dialect: Dialect, what: Outbound, framing: Framing, body_len: usize) -> String {
        hex(dialect.head(what, framing, body_len).unwrap().as_slice())
    }

    #[test]
    fn a_dtalk_delivery_carries_its_seq_and_no_ack() {
        let what = Outbound::Deliver { seq: 7 };
        assert_eq!(
            head(Dialect::Dtalk, what, Framing::Stream, 99),
            "0000007700140001000000090000000700000000"
        );
    }

    #[test]
    fn only_a_send_reply_has_an_ack() {
        let what = Outbound::SendReply { seq: 3, op: op::SEND };
        assert_eq!(
            head(Dialect::Dtalk, what, Framing::Stream, 14),
            "0000002200140001000000080000000300000003"
        );
    }

    #[test]
    fn a_goim_push_is_wrapped_in_a_raw_packet_on_messages_only() {
        let what = Outbound::Deliver { seq: 0 };
        let packet = "0000001200100001000003e800000000";
        assert_eq!(head(Dialect::Goim, what, Framing::Stream, 2), packet);
        assert_eq!(
            head(Dialect::Goim, what, Framing::Messages, 2),
            format!("00000022001000010000000900000000{packet}")
        );
    }

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

    #[test]
    fn raw_peers_get_bodies_only() {
        let deliver = Dialect::Raw.head(Outbound::Deliver { seq: 4 }, Framing::Messages, 5);
        assert_eq!(deliver.unwrap().as_slice(), b"");
        let reply = Outbound::SendReply { seq: 1, op: 0 };
        assert!(Dialect::Raw.head(reply, Framing::Messages, 0).is_none());
    }

    #[test]
    fn ops_that_only_a_server_sends_are_unknown_from_a_client() {
        for op in [0, 2, 4, 6, 8, 9, 11, 12, 13, 14, 15, 16, 99, u32::MAX] {
            let inbound = Dialect::Dtalk.inbound(Head::new(op, 1, 1), b"");
            assert_eq!(inbound, Inbound::Unknown { op });
        }
    }

    #[test]
    fn an_ack_is_read_from_the_ack_field() {
        let inbound = Dialect::Dtalk.inbound(Head::new(op::DELIVER_ACK, 4, 7), b"");
        assert_eq!(inbound, Inbound::Ack { seq: 7 });
    }
}
