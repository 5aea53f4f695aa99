//! Features of the dialects.

use comet_protocol::ws::Opcode;

use super::{Dialect, Identity};

/// Features of a dialect, which decide whether a scenario can be run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each says whether one thing can be done")]
pub struct Features {
    /// Deliveries can be acked, and come again if they are not.
    pub acks: bool,
    /// A session survives its connection.
    pub resume: bool,
    /// Gaps count messages that will never come.
    pub gaps: bool,
    /// Messages are answered.
    pub replies: bool,
    /// A session may be in several rooms, and send to one of them.
    pub many_rooms: bool,
    /// Messages may go to a user.
    pub private: bool,
    /// Bodies may be any bytes; otherwise they travel as base64.
    pub binary: bool,
    /// Plain TCP will do.
    pub tcp: bool,
}

impl Dialect {
    /// Its features.
    #[must_use]
    pub const fn features(self) -> Features {
        let own = matches!(self, Self::Comet);
        let raw = matches!(self, Self::Raw | Self::RawText);
        let goim = matches!(self, Self::Goim);
        Features {
            acks: matches!(self, Self::Comet | Self::Dtalk),
            resume: own,
            gaps: own,
            replies: !raw && !matches!(self, Self::Mqtt | Self::Nats),
            many_rooms: !raw && !goim,
            private: !raw,
            binary: !matches!(self, Self::RawText | Self::Centrifugo),
            tcp: !raw && !matches!(self, Self::Centrifugo),
        }
    }

    /// Length of a body for at most this many bytes on the wire: base64 takes four for three.
    #[must_use]
    pub const fn body_len(self, on_the_wire: usize) -> usize {
        if self.features().binary { on_the_wire } else { on_the_wire / 4 * 3 }
    }

    /// The path of the upgrade, unless the address names one.
    pub(crate) fn path(self, identity: &Identity) -> &'static str {
        match self {
            Self::Comet | Self::Dtalk | Self::Goim => "/sub",
            Self::Raw | Self::RawText if identity.rooms.is_empty() => "/echo",
            Self::Raw | Self::RawText => "/room/{room}",
            Self::Mqtt => "/mqtt",
            Self::Nats => "/",
            Self::Centrifugo => "/connection/websocket",
        }
    }

    /// The subprotocols that the upgrade offers.
    pub(crate) const fn subprotocols(self) -> &'static [&'static str] {
        if matches!(self, Self::Mqtt) { &["mqtt"] } else { &[] }
    }

    /// The kind of WebSocket message that carries its packets.
    pub(crate) const fn opcode(self) -> Opcode {
        if self.features().binary { Opcode::Binary } else { Opcode::Text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_a_body_is_no_longer_than_was_asked_for() {
        assert_eq!(Dialect::Raw.body_len(129), 129);
        for (wire, body) in [(128, 96), (131, 96), (132, 99)] {
            assert_eq!(Dialect::RawText.body_len(wire), body);
            assert!(body.div_ceil(3) * 4 <= wire);
        }
    }

    #[test]
    fn a_raw_session_without_a_room_hears_itself() {
        let alone = Identity::new("u", []);
        let member = Identity::new("u", ["r".to_owned()]);
        assert_eq!(Dialect::Raw.path(&alone), "/echo");
        assert_eq!(Dialect::Raw.path(&member), "/room/{room}");
    }
}
