//! The dialect of dtalk clients: a head of 20 bytes, and an ack for every numbered delivery.

use comet_protocol::head::{Split, split};
use comet_protocol::{AuthMsg, Head, Layout, op};

use super::address::{self, AuthFields};
use super::codec::Codec;
use super::packet_buffer::{PacketBuffer, Parsed};
use super::{Destination, DialectError, Event, Identity, Outgoing};

/// A conversation of the dtalk dialect.
#[derive(Debug, Default)]
pub(super) struct Dtalk {
    buffer: PacketBuffer,
    /// Packets sent so far.
    seq: u32,
    /// The newest delivered number: repeats are acked again and dropped.
    newest: u32,
}

/// The longest body that is taken.
const MAX_BODY: usize = 1 << 20;

impl Dtalk {
    /// Writes a packet with the next number.
    fn write_packet(&mut self, op: u32, ack: u32, parts: &[&[u8]], out: &mut Outgoing<'_>) {
        self.seq = self.seq.wrapping_add(1);
        let len = parts.iter().map(|part| part.len()).sum();
        let head = Head::new(op, self.seq, ack).to_bytes(Layout::Dtalk, len);
        match parts {
            [] => out.message(&[&head]),
            [body] => out.message(&[&head, body]),
            [line, body, ..] => out.message(&[&head, line, body]),
        }
    }
}

impl Codec for Dtalk {
    fn open(&mut self, me: &Identity, out: &mut Outgoing<'_>) -> bool {
        *self = Self::default();
        let AuthFields { app, token, ext } = address::auth_fields(me);
        let auth = AuthMsg { app_id: app, token, ext: ext.into() };
        self.write_packet(op::AUTH, 0, &[&auth.to_vec()], out);
        false
    }

    fn read(
        &mut self,
        me: &Identity,
        input: &[u8],
        out: &mut Outgoing<'_>,
        emit: &mut impl FnMut(Event<'_>),
    ) -> Result<(), DialectError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let outcome = buffer.feed(input, |input| {
            let (head, body, len) = match split(Layout::Dtalk, input, MAX_BODY)? {
                Split::Packet { head, body, len } => (head, body, len),
                Split::Need(need) => return Ok(Parsed::Need(need)),
            };
            match head.op {
                op::DELIVER if head.seq == 0 => address::delivery(me, body, emit),
                op::DELIVER => {
                    self.write_packet(op::DELIVER_ACK, head.seq, &[], out);
                    if head.seq > self.newest {
                        self.newest = head.seq;
                        address::delivery(me, body, emit);
                    }
                }
                op::SEND_REPLY => emit(Event::Replied),
                op::AUTH_REPLY if body.is_empty() => {
                    emit(Event::Opened { resumed: false, welcome: None });
                }
                op::AUTH_REPLY => {
                    return Err(DialectError::Refused(format!(
                        "auth reply of {} bytes",
                        body.len()
                    )));
                }
                _ => {}
            }
            Ok(Parsed::Packet(len))
        });
        self.buffer = buffer;
        outcome
    }

    fn send(&mut self, me: &Identity, to: &Destination, body: &[u8], out: &mut Outgoing<'_>) {
        match &me.account {
            Some(account) => {
                self.write_packet(op::SEND, 0, &[&account.write(to.receiver(me), body)], out)
            }
            None => {
                address::line(me, to, |line| self.write_packet(op::SEND, 0, &[line, body], out))
            }
        }
    }

    fn heartbeat(&mut self, out: &mut Outgoing<'_>) -> bool {
        self.write_packet(op::HEARTBEAT, 0, &[], out);
        true
    }

    fn leave(&mut self, out: &mut Outgoing<'_>) {
        self.write_packet(op::DISCONNECT, 0, &[], out);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Dialect;
    use super::super::codec_harness::{CodecHarness, hex};
    use super::*;

    /// An open session that has sent one packet.
    fn open() -> CodecHarness {
        let mut harness = CodecHarness::new(Dialect::Dtalk, &["red", "blue"]);
        harness.open();
        let reply = hex("00000014 00140001 00000002 00000001 00000000");
        assert_eq!(harness.receive(&reply), Ok((vec!["opened".to_owned()], vec![])));
        harness
    }

    #[test]
    fn the_first_packet_names_the_user_and_its_rooms() {
        let mut harness = CodecHarness::new(Dialect::Dtalk, &["red", "blue"]);
        let auth = hex("00000029 00140001 00000001 00000001 00000000 0a05 62656e6368 1202 616c
             1a08 7265642c626c7565");
        assert_eq!(harness.open(), (false, auth));
    }

    #[test]
    fn what_is_said_is_counted_and_deliveries_with_a_number_are_acked() {
        let mut harness = open();
        let beat = hex("00000014 00140001 00000003 00000002 00000000");
        assert_eq!(harness.heartbeat(), (true, beat));
        let sent = hex("00000016 00140001 00000007 00000003 00000000 6869");
        assert_eq!(harness.send(&Destination::Rooms, b"hi"), sent);
        let deliver = hex("00000016 00140001 00000009 00000007 00000000 6869");
        let ack = hex("00000014 00140001 0000000a 00000004 00000007");
        assert_eq!(harness.receive(&deliver), Ok((vec!["delivery hi".to_owned()], ack)));
        let again = hex("00000014 00140001 0000000a 00000005 00000007");
        assert_eq!(harness.receive(&deliver), Ok((vec![], again)), "a repeat is acked and dropped");
        let best_effort = hex("00000015 00140001 00000009 00000000 00000000 78");
        assert_eq!(harness.receive(&best_effort), Ok((vec!["delivery x".to_owned()], vec![])));
        let reply = hex("00000014 00140001 00000008 00000003 00000003");
        assert_eq!(harness.receive(&reply), Ok((vec!["replied".to_owned()], vec![])));
        let leave = hex("00000014 00140001 00000005 00000006 00000000");
        assert_eq!(harness.leave(), leave);
    }

    #[test]
    fn a_message_may_go_to_one_room_or_one_user() {
        let mut harness = open();
        let to_room = hex("0000001c 00140001 00000007 00000002 00000000 23626c75650a 6869");
        assert_eq!(harness.send(&Destination::Room(1), b"hi"), to_room);
        let to_user = harness.send(&Destination::User("bo".to_owned()), b"hi");
        assert_eq!(to_user[20..], *b"@bo\nhi");
    }

    #[test]
    fn an_auth_reply_with_a_body_is_a_refusal() {
        let mut harness = CodecHarness::new(Dialect::Dtalk, &[]);
        harness.open();
        let refusal = hex("00000016 00140001 00000002 00000001 00000000 0a00");
        let refused = DialectError::Refused("auth reply of 2 bytes".to_owned());
        assert_eq!(harness.receive(&refusal), Err(refused));
    }
}
