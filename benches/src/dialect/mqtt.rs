//! MQTT 3.1.1 at QoS 0: rooms are topics, and nothing is acked.

use super::address::{channels, each_channel};
use super::codec::Codec;
use super::packet_buffer::{PacketBuffer, Parsed};
use super::{Destination, DialectError, Event, Identity, Outgoing};

const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 0x30;
const SUBSCRIBE: u8 = 0x82;
const SUBACK: u8 = 0x90;
const PINGREQ: u8 = 0xc0;
const PINGRESP: u8 = 0xd0;
const DISCONNECT: u8 = 0xe0;

/// A broker's answer for a topic that a client may not have.
const FAILURE: u8 = 0x80;

/// A conversation of MQTT.
#[derive(Debug, Default)]
pub(super) struct Mqtt {
    buffer: PacketBuffer,
}

impl Codec for Mqtt {
    fn open(&mut self, me: &Identity, out: &mut Outgoing<'_>) -> bool {
        self.buffer.clear();
        out.message(&[&connect(me), &subscribe(me)]);
        false
    }

    fn read(
        &mut self,
        _: &Identity,
        input: &[u8],
        _: &mut Outgoing<'_>,
        emit: &mut impl FnMut(Event<'_>),
    ) -> Result<(), DialectError> {
        self.buffer.feed(input, |input| {
            let (start, end) = match lengths(input)? {
                Ok(lengths) => lengths,
                Err(need) => return Ok(Parsed::Need(need)),
            };
            let Some(rest) = input.get(start..end) else { return Ok(Parsed::Need(end)) };
            packet(input[0], rest, emit)?;
            Ok(Parsed::Packet(end))
        })
    }

    fn send(&mut self, me: &Identity, to: &Destination, body: &[u8], out: &mut Outgoing<'_>) {
        each_channel(me, to, |topic| {
            let mut head = vec![PUBLISH];
            put_length(&mut head, 2 + topic.len() + body.len());
            put_text(&mut head, topic);
            out.message(&[&head, body]);
        });
    }

    fn heartbeat(&mut self, out: &mut Outgoing<'_>) -> bool {
        out.message(&[&[PINGREQ, 0]]);
        true
    }

    fn leave(&mut self, out: &mut Outgoing<'_>) {
        out.message(&[&[DISCONNECT, 0]]);
    }
}

/// Asks for a clean session, and for no deadline: heartbeats are this side's business.
fn connect(me: &Identity) -> Vec<u8> {
    let (clean, name_and_password) = (0x02, 0xc0);
    let flags = if me.token.is_some() { clean | name_and_password } else { clean };
    let mut rest = b"\x00\x04MQTT\x04".to_vec();
    rest.extend_from_slice(&[flags, 0, 0]);
    match &me.device {
        Some(device) => put_text(&mut rest, &format!("{}.{device}", me.user)),
        None => put_text(&mut rest, &me.user),
    }
    if let Some(token) = &me.token {
        put_text(&mut rest, &me.user);
        put_text(&mut rest, token);
    }
    whole(CONNECT, &rest)
}

fn subscribe(me: &Identity) -> Vec<u8> {
    let mut rest = vec![0, 1];
    for topic in channels(me) {
        put_text(&mut rest, &topic);
        rest.push(0);
    }
    whole(SUBSCRIBE, &rest)
}

fn whole(kind: u8, rest: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    put_length(&mut out, rest.len());
    out.extend_from_slice(rest);
    out
}

/// Seven bits a byte, the lowest first.
fn put_length(out: &mut Vec<u8>, mut len: usize) {
    loop {
        let low = u8::try_from(len & 0x7f).unwrap_or(0);
        len >>= 7;
        out.push(if len > 0 { low | 0x80 } else { low });
        if len == 0 {
            return;
        }
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    let len = u16::try_from(text.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(&text.as_bytes()[..len.into()]);
}

/// Range of the bytes after the head of a packet, or the number of bytes needed to know it.
fn lengths(input: &[u8]) -> Result<Result<(usize, usize), usize>, DialectError> {
    let mut len = 0;
    for at in 1..=4 {
        let Some(byte) = input.get(at) else { return Ok(Err(at + 1)) };
        len |= usize::from(byte & 0x7f) << (7 * (at - 1));
        if byte & 0x80 == 0 {
            return Ok(Ok((at + 1, at + 1 + len)));
        }
    }
    Err(DialectError::Unreadable { what: "a length", len: 5 })
}

fn packet(kind: u8, rest: &[u8], emit: &mut impl FnMut(Event<'_>)) -> Result<(), DialectError> {
    let unreadable = |what| DialectError::Unreadable { what, len: rest.len() };
    match (kind & 0xf0, rest) {
        // At any other QoS an id follows the topic; none was subscribed to.
        (PUBLISH, [high, low, rest @ ..]) if kind & 0x06 == 0 => {
            let topic = usize::from(u16::from_be_bytes([*high, *low]));
            let body = rest.get(topic..).ok_or(unreadable("a publication"))?;
            emit(Event::Delivery { body });
            Ok(())
        }
        (CONNACK, [_, 0]) | (PINGRESP, []) => Ok(()),
        (CONNACK, [_, code]) => Err(DialectError::Refused(format!("connect return code {code}"))),
        (SUBACK, [_, _, codes @ ..]) if codes.contains(&FAILURE) => {
            Err(DialectError::Refused("subscription failed".to_owned()))
        }
        (SUBACK, [_, _, _, ..]) => {
            emit(Event::Opened { resumed: false, welcome: None });
            Ok(())
        }
        _ => Err(unreadable("a packet")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Dialect;
    use super::super::codec_harness::{CodecHarness, hex};
    use super::*;

    const ACCEPTED: [u8; 9] = [0x20, 2, 0, 0, 0x90, 3, 0, 1, 0];

    #[test]
    fn the_first_packets_connect_and_subscribe() {
        let mut harness = CodecHarness::new(Dialect::Mqtt, &["red", "blue"]);
        let words = hex("10 0e 0004 4d515454 04 02 0000 0002 616c
             82 0f 0001 0003 726564 00 0004 626c7565 00");
        assert_eq!(harness.open(), (false, words));
        assert_eq!(harness.receive(&ACCEPTED), Ok((vec!["opened".to_owned()], vec![])));
    }

    #[test]
    fn a_token_is_a_password_and_a_device_makes_another_client() {
        let mut harness = CodecHarness::new(Dialect::Mqtt, &[]);
        harness.me.device = Some("x".to_owned());
        harness.me.token = Some("pw".to_owned());
        let words = hex("10 18 0004 4d515454 04 c2 0000 0004 616c2e78 0002 616c 0002 7077
             82 08 0001 0003 40616c 00");
        assert_eq!(harness.open(), (false, words));
    }

    #[test]
    fn publications_go_to_every_room_and_come_without_their_topic() {
        let mut harness = CodecHarness::new(Dialect::Mqtt, &["red", "blue"]);
        let sent = hex("30 07 0003 726564 6869 30 08 0004 626c7565 6869");
        assert_eq!(harness.send(&Destination::Rooms, b"hi"), sent);
        let heard = harness.receive(&hex("30 07 0003 726564 6869 d0 00"));
        assert_eq!(heard, Ok((vec!["delivery hi".to_owned()], vec![])));
        assert_eq!(harness.heartbeat(), (true, vec![0xc0, 0]));
        assert_eq!(harness.leave(), [0xe0, 0]);
    }

    #[test]
    fn lengths_are_as_the_standard_shows_them() {
        for (len, bytes) in [
            (0, "00"),
            (127, "7f"),
            (128, "8001"),
            (16_383, "ff7f"),
            (16_384, "808001"),
            (2_097_151, "ffff7f"),
            (2_097_152, "80808001"),
        ] {
            let mut out = vec![0x30];
            put_length(&mut out, len);
            assert_eq!(out[1..], hex(bytes), "{len}");
            assert_eq!(lengths(&out), Ok(Ok((out.len(), out.len() + len))));
        }
        assert_eq!(lengths(&[0x30, 0x80]), Ok(Err(3)));
    }

    #[test]
    fn refusals_and_nonsense_end_the_conversation() {
        let receive = |digits| CodecHarness::new(Dialect::Mqtt, &["red"]).receive(&hex(digits));
        let refused = |why: &str| Err(DialectError::Refused(why.to_owned()));
        assert_eq!(receive("20 02 00 05"), refused("connect return code 5"));
        assert_eq!(receive("90 03 0001 80"), refused("subscription failed"));
        let unreadable = |what, len| Err(DialectError::Unreadable { what, len });
        assert_eq!(receive("30 04 0003 7265"), unreadable("a publication", 4));
        assert_eq!(receive("32 07 0001 78 0001 6869"), unreadable("a packet", 7), "at QoS 1");
        assert_eq!(receive("30 01 00"), unreadable("a packet", 1));
        assert_eq!(receive("30 ffffffff7f"), unreadable("a length", 5));
        assert_eq!(receive("30 ffffff7f 00"), Err(DialectError::TooLong(268_435_460)));
    }
}
