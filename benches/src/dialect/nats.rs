//! The NATS client protocol: lines, rooms as subjects, and bodies behind their length.

use serde_json::json;

use super::address::{channels, each_channel};
use super::codec::Codec;
use super::packet_buffer::{PacketBuffer, Parsed};
use super::{Destination, DialectError, Event, Identity, Outgoing};

/// The longest accepted line: a server's INFO names its cluster.
const MAX_LINE: usize = 8_192;
/// The longest body that is taken.
const MAX_BODY: usize = 1 << 20;

const END: &[u8] = b"\r\n";

/// A conversation of NATS.
#[derive(Debug, Default)]
pub(super) struct Nats {
    buffer: PacketBuffer,
    is_open: bool,
}

impl Codec for Nats {
    /// A server answers in order: when it has answered the ping, it knows the subscriptions.
    fn open(&mut self, me: &Identity, out: &mut Outgoing<'_>) -> bool {
        *self = Self::default();
        let mut options = json!({
            "verbose": false,
            "pedantic": false,
            "protocol": 1,
            "lang": "rust",
            "version": env!("CARGO_PKG_VERSION"),
            "name": me.user,
        });
        if let Some(token) = &me.token {
            options["auth_token"] = json!(token);
        }
        let mut words = format!("CONNECT {options}\r\n");
        for (subject, id) in channels(me).zip(1..) {
            words.push_str(&format!("SUB {subject} {id}\r\n"));
        }
        words.push_str("PING\r\n");
        out.message(&[words.as_bytes()]);
        false
    }

    fn read(
        &mut self,
        _: &Identity,
        input: &[u8],
        out: &mut Outgoing<'_>,
        emit: &mut impl FnMut(Event<'_>),
    ) -> Result<(), DialectError> {
        let is_open = &mut self.is_open;
        self.buffer.feed(input, |input| {
            let Some(end) = input.iter().take(MAX_LINE).position(|&byte| byte == b'\n') else {
                return if input.len() < MAX_LINE {
                    Ok(Parsed::Need(input.len() + 1))
                } else {
                    Err(DialectError::TooLong(input.len()))
                };
            };
            let line = input[..end].trim_ascii_end();
            match line.split(|&byte| byte == b' ').next() {
                Some(b"MSG") => return message(line, input, end + 1, emit),
                Some(b"PING") => out.message(&[b"PONG\r\n"]),
                Some(b"PONG") => {
                    if !std::mem::replace(is_open, true) {
                        emit(Event::Opened { resumed: false, welcome: None });
                    }
                }
                Some(b"-ERR") => {
                    return Err(DialectError::Refused(
                        String::from_utf8_lossy(&line[4..]).into_owned(),
                    ));
                }
                Some(b"INFO" | b"+OK") => {}
                _ => return Err(DialectError::Unreadable { what: "a line", len: line.len() }),
            }
            Ok(Parsed::Packet(end + 1))
        })
    }

    fn send(&mut self, me: &Identity, to: &Destination, body: &[u8], out: &mut Outgoing<'_>) {
        each_channel(me, to, |subject| {
            let line = format!("PUB {subject} {}\r\n", body.len());
            out.message(&[line.as_bytes(), body, END]);
        });
    }

    fn heartbeat(&mut self, out: &mut Outgoing<'_>) -> bool {
        out.message(&[b"PING\r\n"]);
        true
    }

    fn leave(&mut self, out: &mut Outgoing<'_>) {
        out.close();
    }
}

/// `MSG subject id [reply] length`, and behind the line a body and another end of line.
fn message(
    line: &[u8],
    input: &[u8],
    start: usize,
    emit: &mut impl FnMut(Event<'_>),
) -> Result<Parsed, DialectError> {
    let unreadable = || DialectError::Unreadable { what: "a message line", len: line.len() };
    let digits = line.rsplit(|&byte| byte == b' ').next().ok_or_else(unreadable)?;
    let len = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<usize>().ok());
    let len = len.ok_or_else(unreadable)?;
    if len > MAX_BODY {
        return Err(DialectError::TooLong(len));
    }
    let end = start + len + END.len();
    let Some(rest) = input.get(start..end) else { return Ok(Parsed::Need(end)) };
    let body = rest.strip_suffix(END).ok_or_else(unreadable)?;
    emit(Event::Delivery { body });
    Ok(Parsed::Packet(end))
}

#[cfg(test)]
mod tests {
    use super::super::Dialect;
    use super::super::codec_harness::CodecHarness;
    use super::*;

    fn told(events: &[&str]) -> Vec<String> {
        events.iter().map(|&event| event.to_owned()).collect()
    }

    #[test]
    fn the_first_lines_connect_subscribe_and_ask_for_an_answer() {
        let mut harness = CodecHarness::new(Dialect::Nats, &["red", "blue"]);
        harness.me.token = Some("s3cret".to_owned());
        let (is_open, words) = harness.open();
        let words = String::from_utf8(words).unwrap();
        let (connect, rest) = words.split_once("\r\n").unwrap();
        assert_eq!((is_open, rest), (false, "SUB red 1\r\nSUB blue 2\r\nPING\r\n"));
        let options: serde_json::Value =
            serde_json::from_str(connect.strip_prefix("CONNECT ").unwrap()).unwrap();
        assert_eq!(options["verbose"], false);
        assert_eq!((&options["auth_token"], &options["name"]), (&json!("s3cret"), &json!("al")));
    }

    #[test]
    fn the_first_answer_opens_and_pings_are_answered() {
        let mut harness = CodecHarness::new(Dialect::Nats, &["red"]);
        harness.open();
        let heard = harness.receive(b"INFO {\"server_id\":\"N\"}\r\nPING\r\nPONG\r\nPONG\r\n");
        assert_eq!(heard, Ok((told(&["opened"]), b"PONG\r\n".to_vec())));
        assert_eq!(harness.heartbeat(), (true, b"PING\r\n".to_vec()));
    }

    #[test]
    fn messages_are_as_long_as_their_line_says() {
        let mut harness = CodecHarness::new(Dialect::Nats, &["red", "blue"]);
        let sent = harness.send(&Destination::Rooms, b"hi");
        assert_eq!(sent, b"PUB red 2\r\nhi\r\nPUB blue 2\r\nhi\r\n");
        let lines =
            b"MSG FOO.BAR 9 11\r\nHello World\r\nMSG FOO.BAR 9 GREETING.34 4\r\n\r\n\r\n\r\n";
        let heard = harness.receive(lines);
        assert_eq!(heard, Ok((told(&["delivery Hello World", "delivery \\r\\n\\r\\n"]), vec![])));
    }

    #[test]
    fn errors_and_nonsense_end_the_conversation() {
        let receive = |line: &[u8]| CodecHarness::new(Dialect::Nats, &["red"]).receive(line);
        let refused = DialectError::Refused(" 'Authorization Violation'".to_owned());
        assert_eq!(receive(b"-ERR 'Authorization Violation'\r\n"), Err(refused));
        let unreadable = |what, len| Err(DialectError::Unreadable { what, len });
        assert_eq!(receive(b"HELLO\r\n"), unreadable("a line", 5));
        assert_eq!(receive(b"MSG red 1 -1\r\n"), unreadable("a message line", 12));
        assert_eq!(receive(b"MSG red 1 1\r\nabc"), unreadable("a message line", 11));
        assert_eq!(receive(b"MSG red 1 9999999\r\n"), Err(DialectError::TooLong(9_999_999)));
        assert_eq!(receive(&[b'x'; 8_192]), Err(DialectError::TooLong(8_192)));
    }
}
