//! Bytes before what comes beside the stream of a session: those of WebTransport, and the lane.

use bytes::Bytes;
use quinn_proto::StreamId;
use wtransport_proto::bytes::BytesWriter;
use wtransport_proto::varint::VarInt;

/// Type of a unidirectional stream of WebTransport.
const LANE_STREAM: u32 = 0x54;

/// The first bytes of a lane's stream: those of a stream of the session, if it is WebTransport, and
/// the lane.
pub(super) fn lane_prefix(web: Option<StreamId>, lane: u8) -> Bytes {
    let mut bytes = Vec::new();
    if let Some(session) = web {
        // A vector takes everything.
        let _ = bytes.put_varint(VarInt::from_u32(LANE_STREAM));
        let _ = bytes.put_varint(number(session.into()));
    }
    bytes.push(lane);
    bytes.into()
}

/// A datagram of a session, behind the quarter of its stream's id if it is WebTransport (RFC 9297).
pub(super) fn datagram(web: Option<StreamId>, packet: Bytes) -> Bytes {
    let Some(session) = web else { return packet };
    let mut bytes = Vec::with_capacity(datagram_prefix_len(web) + packet.len());
    // A vector takes everything.
    let _ = bytes.put_varint(number(u64::from(session) / 4));
    bytes.extend_from_slice(&packet);
    bytes.into()
}

/// Bytes before the packet in a datagram.
pub(super) fn datagram_prefix_len(web: Option<StreamId>) -> usize {
    web.map_or(0, |session| number(u64::from(session) / 4).size())
}

fn number(value: u64) -> VarInt {
    VarInt::try_from(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_those_of_the_standards() {
        assert_eq!(lane_prefix(None, 2), [2][..]);
        assert_eq!(datagram(None, Bytes::from_static(b"x")), "x");
        let session = StreamId::from(quinn_proto::VarInt::from_u32(260));
        assert_eq!(lane_prefix(Some(session), 1), [0x40, 0x54, 0x41, 0x04, 1][..]);
        assert_eq!(datagram(Some(session), Bytes::from_static(b"x")), [0x40, 65, b'x'][..]);
        assert_eq!((datagram_prefix_len(None), datagram_prefix_len(Some(session))), (0, 2));
    }
}
