//! Properties of whole streams: however a conversation is cut into fragments and chunks, it reads
//! the same, and memory follows what has arrived.

use comet_protocol::ws::{Decoder, Limits, Opcode, Role, apply_mask, rotate_mask};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::peer::{Receiver, Said, frame, is_lent};

const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

#[derive(Clone, Debug)]
struct Sent {
    said: Said,
    /// Where the message is cut into fragments.
    cuts: Vec<Index>,
    /// A ping after each fragment but the last.
    pings: bool,
    mask: [u8; 4],
}

impl Sent {
    /// The frames of one message, and what the receiver should make of them.
    fn frames(&self, role: Role) -> (Vec<u8>, Vec<Said>) {
        let mask = (role == Role::Server).then_some(self.mask);
        let (opcode, body) = match &self.said {
            Said::Text(body) => (Opcode::Text, body),
            Said::Binary(body) => (Opcode::Binary, body),
            Said::Ping(body) => return (frame(true, Opcode::Ping, body, mask), self.events(0)),
            Said::Pong(body) => return (frame(true, Opcode::Pong, body, mask), self.events(0)),
            Said::Close(_) => unreachable!("not sent"),
        };
        let mut ends: Vec<_> = self.cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        ends.sort_unstable();
        let pings = if self.pings { ends.len() } else { 0 };
        ends.push(body.len());
        let (mut bytes, mut start) = (Vec::new(), 0);
        for (at, end) in ends.iter().enumerate() {
            let opcode = if at == 0 { opcode } else { Opcode::Continuation };
            let last = at + 1 == ends.len();
            bytes.extend(frame(last, opcode, &body[start..*end], mask));
            if self.pings && !last {
                bytes.extend(frame(true, Opcode::Ping, b"still there?", mask));
            }
            start = *end;
        }
        (bytes, self.events(pings))
    }

    fn events(&self, pings: usize) -> Vec<Said> {
        let mut events = vec![Said::Ping(b"still there?".to_vec()); pings];
        events.push(self.said.clone());
        events
    }
}

fn said() -> impl Strategy<Value = Said> {
    let body = prop_oneof![3 => vec(any::<u8>(), 0..200), 1 => vec(any::<u8>(), 60_000..70_000)];
    prop_oneof![
        4 => ".{0,80}".prop_map(|text| Said::Text(text.into_bytes())),
        4 => body.prop_map(Said::Binary),
        1 => vec(any::<u8>(), 0..=125).prop_map(Said::Ping),
        1 => vec(any::<u8>(), 0..=125).prop_map(Said::Pong),
    ]
}

fn sent() -> impl Strategy<Value = Sent> {
    (said(), vec(any::<Index>(), 0..5), any::<bool>(), any::<[u8; 4]>())
        .prop_map(|(said, cuts, pings, mask)| Sent { said, cuts, pings, mask })
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Server), Just(Role::Client)]
}

/// Cuts bytes into chunks of the given lengths, over and over.
fn chunks<'a>(mut bytes: &'a [u8], lens: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut lens = lens.iter().cycle();
    std::iter::from_fn(move || {
        let len = bytes.len().min(*lens.next()?);
        let (chunk, rest) = bytes.split_at(len);
        bytes = rest;
        (!chunk.is_empty()).then_some(chunk)
    })
}

proptest! {
    #[test]
    fn conversation_reads_the_same_however_it_is_cut(
        sent in vec(sent(), 0..6),
        lens in vec(prop_oneof![1..30_usize, 1..5_000_usize], 1..8),
        role in role(),
    ) {
        let (bytes, events): (Vec<_>, Vec<_>) =
            sent.iter().map(|message| message.frames(role)).unzip();
        let mut receiver = Receiver::new(role, Limits::default());
        let mut received = Vec::new();
        for chunk in chunks(&bytes.concat(), &lens) {
            received.extend(receiver.receive(chunk).unwrap());
        }
        prop_assert_eq!(received, events.concat());
        prop_assert!(receiver.is_idle());
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_hold_no_more_than_they_are(
        bytes in vec(any::<u8>(), 0..300),
        lens in vec(1..20_usize, 1..4),
        role in role(),
    ) {
        let mut receiver = Receiver::new(role, Limits { max_message: 1 << 40, max_fragments: 4 });
        let refused = chunks(&bytes, &lens).find_map(|chunk| receiver.receive(chunk).err());
        if let Some(error) = refused {
            prop_assert!([1002, 1007, 1008, 1009].contains(&error.close_code().get()));
        }
    }

    #[test]
    fn plausible_bytes_read_the_same_however_they_are_cut(
        heads in vec((0..=0xa_u8, any::<bool>(), 0..=126_u8, vec(any::<u8>(), 0..140)), 0..8),
        lens in vec(1..20_usize, 1..4),
    ) {
        let mut bytes = Vec::new();
        for (opcode, fin, len, rest) in heads {
            bytes.extend([if fin { 0x80 | opcode } else { opcode }, 0x80 | len]);
            bytes.extend(rest);
        }
        let limits = Limits { max_message: 500, max_fragments: 3 };
        let mut receiver = Receiver::new(Role::Server, limits);
        let mut cut = Ok(Vec::new());
        for chunk in chunks(&bytes, &lens) {
            match receiver.receive(chunk) {
                Ok(said) => if let Ok(all) = &mut cut { all.extend(said) },
                Err(error) => { cut = Err(error); break }
            }
        }
        let whole = Receiver::new(Role::Server, limits).receive(&bytes);
        prop_assert_eq!(cut, whole);
    }

    #[test]
    fn mask_is_applied_as_byte_by_byte_at_any_offset(
        mask in any::<[u8; 4]>(),
        bytes in vec(any::<u8>(), 0..100),
        cut in any::<Index>(),
    ) {
        let expected: Vec<_> =
            bytes.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]).collect();
        let mut masked = bytes;
        let cut = cut.index(masked.len() + 1);
        let (front, back) = masked.split_at_mut(cut);
        apply_mask(mask, front);
        apply_mask(rotate_mask(mask, cut), back);
        prop_assert_eq!(masked, expected);
    }
}

#[test]
fn idle_decoder_is_two_words() {
    assert!(size_of::<Decoder>() <= 16);
    assert_eq!(Decoder::new(Role::Server).held(), 0);
}

#[test]
fn whole_message_is_lent_out_of_the_input() {
    let mut input = frame(true, Opcode::Text, b"lent, not copied", Some(MASK));
    let mut decoder = Decoder::new(Role::Server);
    let decoded = decoder.decode(&mut input, &Limits::default()).unwrap();
    assert_eq!(decoded.consumed, 22);
    assert!(is_lent(&decoded.event.unwrap()));
    assert_eq!(input[6..], *b"lent, not copied");
    assert!(decoder.is_idle());
}

#[test]
fn declared_length_reserves_nothing() {
    let bytes = frame(true, Opcode::Binary, &[7; 1 << 20], Some(MASK));
    let mut receiver = Receiver::new(Role::Server, Limits::default());
    receiver.receive(&bytes[..14]).unwrap();
    assert_eq!(receiver.decoder.held(), 0);
    receiver.receive(&bytes[14..114]).unwrap();
    assert_eq!(receiver.decoder.held(), 200);
}

/// How often the buffer is moved while `bytes` arrive in chunks of `len`.
fn growths(bytes: &[u8], len: usize) -> usize {
    let mut receiver = Receiver::new(Role::Server, Limits::default());
    let (mut held, mut growths) = (0, 0);
    for chunk in bytes.chunks(len) {
        receiver.receive(chunk).expect("valid frames");
        growths += usize::from(receiver.decoder.held() > held);
        held = receiver.decoder.held();
    }
    assert_eq!(held, 0, "released with the message");
    growths
}

#[test]
fn large_message_is_copied_a_few_times_only() {
    let whole = frame(true, Opcode::Binary, &[7; 1 << 20], Some(MASK));
    assert!(growths(&whole, 100) <= 15, "{}", growths(&whole, 100));

    let mut fragments = frame(false, Opcode::Binary, &[], Some(MASK));
    for _ in 0..1 << 14 {
        fragments.extend(frame(false, Opcode::Continuation, &[7; 64], Some(MASK)));
    }
    fragments.extend(frame(true, Opcode::Continuation, &[], Some(MASK)));
    assert!(growths(&fragments, 700) <= 15, "{}", growths(&fragments, 700));
}

#[test]
fn assembled_message_ends_with_a_buffer_of_its_size() {
    let mut input = frame(true, Opcode::Binary, &[7; 1000], Some(MASK));
    let (front, back) = input.split_at_mut(600);
    let mut decoder = Decoder::new(Role::Server);
    assert_eq!(decoder.decode(front, &Limits::default()).unwrap().event, None);
    assert_eq!(decoder.held(), 1000, "not twice what arrived when less is declared");
    let event = decoder.decode(back, &Limits::default()).unwrap().event.unwrap();
    assert!(!is_lent(&event));
    assert!(decoder.is_idle());
}

#[test]
fn bytes_after_a_close_are_left_to_the_caller() {
    let mut input = frame(true, Opcode::Close, &[], Some(MASK));
    let len = input.len();
    input.extend(b"\xff\xff garbage");
    let decoded = Decoder::new(Role::Server).decode(&mut input, &Limits::default()).unwrap();
    assert_eq!(decoded.consumed, len);
}
