//! A codec with the test as the server, over a stream.

use super::any::AnyCodec;
use super::codec::Codec;
use super::{Destination, Dialect, DialectError, Event, Identity, Outgoing, PacketFraming};

/// One side of a conversation.
pub(super) struct CodecHarness {
    pub(super) codec: AnyCodec,
    pub(super) me: Identity,
    out: Vec<u8>,
}

impl CodecHarness {
    /// Of a dialect, by a user in these rooms.
    pub(super) fn new(dialect: Dialect, rooms: &[&str]) -> Self {
        let me = Identity::new("al", rooms.iter().map(|&room| room.to_owned()));
        let codec = AnyCodec::new(dialect).expect("not the comet dialect");
        Self { codec, me, out: Vec::new() }
    }

    fn with<T>(
        &mut self,
        act: impl FnOnce(&mut AnyCodec, &Identity, &mut Outgoing<'_>) -> T,
    ) -> (T, Vec<u8>) {
        let mut packet_framing = PacketFraming::Bare;
        let mut out = Outgoing::new(&mut self.out, &mut packet_framing);
        let value = act(&mut self.codec, &self.me, &mut out);
        (value, std::mem::take(&mut self.out))
    }

    /// The first words, and whether nothing has to be answered.
    pub(super) fn open(&mut self) -> (bool, Vec<u8>) {
        self.with(|codec, me, out| codec.open(me, out))
    }

    /// Events of these bytes as text, and the bytes sent in return.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<(Vec<String>, Vec<u8>), DialectError> {
        let (told, said, outcome) = self.hear_all(bytes);
        outcome.map(|()| (told, said))
    }

    /// The same, with the error that ends it.
    pub(super) fn hear_all(
        &mut self,
        bytes: &[u8],
    ) -> (Vec<String>, Vec<u8>, Result<(), DialectError>) {
        let mut told = Vec::new();
        let mut emit = |event: Event<'_>| told.push(words(&event));
        let (outcome, said) = self.with(|codec, me, out| codec.read(me, bytes, out, &mut emit));
        (told, said, outcome)
    }

    pub(super) fn send(&mut self, to: &Destination, body: &[u8]) -> Vec<u8> {
        self.with(|codec, me, out| codec.send(me, to, body, out)).1
    }

    pub(super) fn heartbeat(&mut self) -> (bool, Vec<u8>) {
        self.with(|codec, _, out| codec.heartbeat(out))
    }

    pub(super) fn leave(&mut self) -> Vec<u8> {
        self.with(|codec, _, out| codec.leave(out)).1
    }
}

fn words(event: &Event<'_>) -> String {
    match event {
        Event::Opened { .. } => "opened".to_owned(),
        Event::Delivery { body } => format!("delivery {}", body.escape_ascii()),
        Event::Replied => "replied".to_owned(),
        Event::Refused { why } => format!("refused {why}"),
        other => format!("{other:?}"),
    }
}

/// The bytes that hexadecimal digits stand for; spaces do not count.
pub(super) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    base16ct::mixed::decode_vec(&digits).expect("pairs of digits")
}
