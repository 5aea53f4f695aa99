//! The goim dialect: a head of 16 bytes, no acks, and packets inside packets.

use comet_protocol::head::{Split, split};
use comet_protocol::{Head, Layout, goim_op};
use serde_json::json;

use super::codec::Codec;
use super::packet_buffer::{PacketBuffer, Parsed};
use super::{Destination, DialectError, Event, Identity, Outgoing, address};

/// A conversation of the goim dialect.
#[derive(Debug, Default)]
pub(super) struct Goim {
    buffer: PacketBuffer,
    /// Packets sent so far.
    seq: u32,
}

/// The longest body that is taken.
const MAX_BODY: usize = 1 << 20;
/// The answer to a message is the op after it.
const SEND_REPLY: u32 = goim_op::SEND + 1;

impl Goim {
    fn write_packet(&mut self, op: u32, line: &[u8], body: &[u8], out: &mut Outgoing<'_>) {
        self.seq = self.seq.wrapping_add(1);
        let head = Head::new(op, self.seq, 0).to_bytes(Layout::Goim, line.len() + body.len());
        out.message(&[&head[..Layout::Goim.head_len()], line, body]);
    }
}

impl Codec for Goim {
    fn open(&mut self, me: &Identity, out: &mut Outgoing<'_>) -> bool {
        *self = Self::default();
        let room = me.rooms.first().map_or("", String::as_str);
        let auth = json!({
            "mid": mid(&me.user),
            "key": me.token.as_deref().unwrap_or(""),
            "room_id": room,
            "platform": "bench",
            "accepts": [goim_op::PUSH],
        });
        self.write_packet(goim_op::AUTH, b"", auth.to_string().as_bytes(), out);
        false
    }

    fn read(
        &mut self,
        _: &Identity,
        input: &[u8],
        _: &mut Outgoing<'_>,
        emit: &mut impl FnMut(Event<'_>),
    ) -> Result<(), DialectError> {
        self.buffer.feed(input, |input| match split(Layout::Goim, input, MAX_BODY)? {
            Split::Need(need) => Ok(Parsed::Need(need)),
            Split::Packet { head, body, len } => {
                if head.op == goim_op::RAW {
                    batch(body, emit)?;
                } else {
                    packet(head, body, emit);
                }
                Ok(Parsed::Packet(len))
            }
        })
    }

    fn send(&mut self, me: &Identity, to: &Destination, body: &[u8], out: &mut Outgoing<'_>) {
        if let Destination::User(user) = to {
            let line = format!("@{}\n", mid(user));
            return self.write_packet(goim_op::SEND, line.as_bytes(), body, out);
        }
        address::line(me, to, |line| self.write_packet(goim_op::SEND, line, body, out));
    }

    fn heartbeat(&mut self, out: &mut Outgoing<'_>) -> bool {
        self.write_packet(goim_op::HEARTBEAT, b"", b"", out);
        true
    }

    fn leave(&mut self, out: &mut Outgoing<'_>) {
        out.close();
    }
}

/// Whole packets in the body of another; none of them holds packets again.
fn batch(mut body: &[u8], emit: &mut impl FnMut(Event<'_>)) -> Result<(), DialectError> {
    while !body.is_empty() {
        let len = match split(Layout::Goim, body, MAX_BODY)? {
            Split::Packet { head, body, len } if head.op != goim_op::RAW => {
                packet(head, body, emit);
                len
            }
            _ => return Err(DialectError::Unreadable { what: "a batch", len: body.len() }),
        };
        body = &body[len..];
    }
    Ok(())
}

/// Any packet with a body that is no answer is a delivery: applications choose their own ops.
fn packet(head: Head, body: &[u8], emit: &mut impl FnMut(Event<'_>)) {
    match head.op {
        goim_op::AUTH_REPLY => emit(Event::Opened { resumed: false, welcome: None }),
        // goim itself answers by the same op.
        goim_op::SEND | SEND_REPLY => emit(Event::Replied),
        goim_op::HEARTBEAT_REPLY => {}
        _ if body.is_empty() => {}
        _ => emit(Event::Delivery { body }),
    }
}

/// A member is a number: the user's name if it is one, else a number made of it (FNV-1a, below
/// 2^53).
fn mid(user: &str) -> u64 {
    user.parse().unwrap_or_else(|_| {
        let mixed = user.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |mixed, byte| {
            (mixed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        mixed >> 11
    })
}

#[cfg(test)]
mod tests {
    use super::super::Dialect;
    use super::super::codec_harness::{CodecHarness, hex};
    use super::*;

    fn open() -> CodecHarness {
        let mut harness = CodecHarness::new(Dialect::Goim, &["live://1000"]);
        harness.me.user = "123".to_owned();
        harness.open();
        let reply = hex("00000010 00100001 00000008 00000001");
        assert_eq!(harness.receive(&reply), Ok((vec!["opened".to_owned()], vec![])));
        harness
    }

    #[test]
    fn the_first_packet_is_json_about_a_member_and_a_room() {
        let mut harness = CodecHarness::new(Dialect::Goim, &["live://1000"]);
        harness.me.user = "123".to_owned();
        let (_, auth) = harness.open();
        assert_eq!(auth[4..16], hex("00100001 00000007 00000001"));
        let said: serde_json::Value = serde_json::from_slice(&auth[16..]).unwrap();
        let expected = json!({
            "mid": 123, "key": "", "room_id": "live://1000", "platform": "bench", "accepts": [1000],
        });
        assert_eq!(said, expected);
    }

    #[test]
    fn pushes_come_alone_or_several_in_a_packet() {
        let mut harness = open();
        let one = hex("00000012 00100001 000003e8 00000000 6869");
        let two = hex("00000013 00100001 000003e9 00000000 796f75");
        let deliveries = vec!["delivery hi".to_owned(), "delivery you".to_owned()];
        let alone = [one.clone(), two.clone()].concat();
        assert_eq!(harness.receive(&alone), Ok((deliveries.clone(), vec![])));
        let batch = [hex("00000035 00100001 00000009 00000000"), one, two].concat();
        assert_eq!(harness.receive(&batch), Ok((deliveries, vec![])));
    }

    #[test]
    fn a_batch_that_ends_inside_a_packet_or_holds_a_batch_is_broken() {
        let unreadable = |len| Err(DialectError::Unreadable { what: "a batch", len });
        let cut = hex("00000021 00100001 00000009 00000000 00000012 00100001 000003e8 00000000 68");
        assert_eq!(open().receive(&cut), unreadable(17));
        let nested = hex("00000020 00100001 00000009 00000000 00000010 00100001 00000009 00000000");
        assert_eq!(open().receive(&nested), unreadable(16));
    }

    #[test]
    fn messages_are_answered_by_their_own_op_or_the_next_and_heartbeats_by_the_next() {
        let mut harness = open();
        let sent = hex("00000012 00100001 00000004 00000002 6869");
        assert_eq!(harness.send(&Destination::Rooms, b"hi"), sent);
        let reply = hex("00000010 00100001 00000005 00000002");
        assert_eq!(harness.receive(&reply), Ok((vec!["replied".to_owned()], vec![])));
        let own = hex("00000010 00100001 00000004 00000002");
        assert_eq!(harness.receive(&own), Ok((vec!["replied".to_owned()], vec![])));
        let beat = hex("00000010 00100001 00000002 00000003");
        assert_eq!(harness.heartbeat(), (true, beat));
        let reply = hex("00000014 00100001 00000003 00000003 00000000");
        assert_eq!(harness.receive(&reply), Ok((vec![], vec![])));
    }

    #[test]
    fn a_name_that_is_no_number_becomes_one_below_two_to_the_53() {
        assert_eq!((mid("42"), mid("")), (42, 0xcbf2_9ce4_8422_2325 >> 11));
        assert!(mid("al") < 1 << 53 && mid("al") != mid("bo"));
        let sent = open().send(&Destination::User("7".to_owned()), b"hi");
        assert_eq!(sent[16..], *b"@7\nhi");
    }
}
