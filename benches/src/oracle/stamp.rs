//! Stamp of a message in its body.
//!
//! A body of 32 bytes or more has its publisher, its number, the time when it was due, and a
//! checksum of 64 bits. A shorter one has the publisher, the last 24 bits of the number, and 16
//! bits of checksum; the time stands in the [`Ledger`](super::Ledger), for the newest messages.

use bytes::Bytes;
use comet_protocol::client::Time;

/// The origin of one message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stamp {
    /// Its stream.
    pub publisher: u32,
    /// Its number in the stream.
    pub counter: u64,
    /// Time when it was due.
    pub due: Time,
}

/// Content of a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StampedContent {
    /// All of it.
    All(Stamp),
    /// In a short body: the stream, and the end of the counter.
    Short {
        /// Its stream.
        publisher: u32,
        /// The last 24 bits of the counter.
        ending: u32,
    },
}

/// The body is not as it was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("damaged body of {0} bytes")]
pub struct Damaged(pub usize);

/// The first byte of a short body. A long one begins with its length, whose first byte is 0.
const SHORT: u8 = 1;

impl Stamp {
    /// The least length of a body with a full stamp.
    pub const LEN: usize = 32;
    /// The least length of a body.
    pub const LEAST: usize = 8;
    /// Streams that short bodies can tell apart.
    pub const SHORT_STREAMS: u32 = 1 << 16;

    /// A body of this length, at least [`Self::LEAST`].
    #[must_use]
    pub fn body(self, len: usize) -> Bytes {
        if len < Self::LEN { self.short(len.max(Self::LEAST)) } else { self.long(len) }
    }

    fn long(self, len: usize) -> Bytes {
        let mut body = Vec::with_capacity(len);
        body.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
        body.extend_from_slice(&self.publisher.to_be_bytes());
        body.extend_from_slice(&self.counter.to_be_bytes());
        body.extend_from_slice(&self.due.as_micros().to_be_bytes());
        // The mark ends the body, so that its last byte is missed as well as its first.
        body.resize(len - 8, filler(self.counter));
        body.extend_from_slice(&self.mark().to_be_bytes());
        body.into()
    }

    fn short(self, len: usize) -> Bytes {
        let [.., b, c] = self.publisher.to_be_bytes();
        let [.., x, y, z] = self.counter.to_be_bytes();
        let head = [SHORT, b, c, x, y, z];
        let mut body = Vec::with_capacity(len);
        body.extend_from_slice(&head);
        body.resize(len - 2, z);
        body.extend_from_slice(&short_mark(head, len));
        body.into()
    }

    /// Reads a body.
    ///
    /// # Errors
    ///
    /// [`Damaged`] when it is not as [`body`](Self::body) makes it.
    pub fn read(body: &[u8]) -> Result<StampedContent, Damaged> {
        let damaged = Damaged(body.len());
        if body.len() < Self::LEN {
            return read_short(body).ok_or(damaged);
        }
        let (&[a, b, c, d], rest) = body.split_first_chunk().ok_or(damaged)?;
        let (publisher, rest) = rest.split_first_chunk().ok_or(damaged)?;
        let (counter, rest) = rest.split_first_chunk().ok_or(damaged)?;
        let (due, rest) = rest.split_first_chunk().ok_or(damaged)?;
        let (filling, mark) = rest.split_last_chunk().ok_or(damaged)?;
        let stamp = Self {
            publisher: u32::from_be_bytes(*publisher),
            counter: u64::from_be_bytes(*counter),
            due: Time::from_micros(u64::from_be_bytes(*due)),
        };
        let is_whole = u32::from_be_bytes([a, b, c, d]) as usize == body.len()
            && u64::from_be_bytes(*mark) == stamp.mark()
            && is_all(filling, filler(stamp.counter));
        if is_whole { Ok(StampedContent::All(stamp)) } else { Err(damaged) }
    }

    const fn mark(self) -> u64 {
        let mut mixed = 0x9e37_79b9_7f4a_7c15;
        mixed = mix(mixed ^ self.publisher as u64);
        mixed = mix(mixed ^ self.counter);
        mix(mixed ^ self.due.as_micros())
    }
}

fn read_short(body: &[u8]) -> Option<StampedContent> {
    let (&head, rest) = body.split_first_chunk()?;
    let (filling, mark) = rest.split_last_chunk()?;
    let [kind, b, c, x, y, z] = head;
    let is_whole = kind == SHORT && *mark == short_mark(head, body.len()) && is_all(filling, z);
    let said = StampedContent::Short {
        publisher: u32::from_be_bytes([0, 0, b, c]),
        ending: u32::from_be_bytes([0, x, y, z]),
    };
    is_whole.then_some(said)
}

/// The counter with these last bits that is the newest of the sent ones.
pub(super) const fn whole(ending: u32, sent: u64) -> u64 {
    let behind = sent.wrapping_sub(ending as u64) & 0xff_ffff;
    sent.saturating_sub(behind)
}

const fn short_mark(head: [u8; 6], len: usize) -> [u8; 2] {
    let [_, a, b, c, d, e] = head;
    let bits = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
    let [first, second, ..] = mix(mix(bits ^ 0x9e37_79b9_7f4a_7c15) ^ len as u64).to_be_bytes();
    [first, second]
}

/// Spreads every bit over the upper ones, and brings those down.
const fn mix(bits: u64) -> u64 {
    (bits ^ (bits >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_left(31)
}

/// Looks at all bytes and decides then: many at a time are faster than one by one.
fn is_all(bytes: &[u8], filler: u8) -> bool {
    bytes.iter().fold(0, |differences, byte| differences | (byte ^ filler)) == 0
}

const fn filler(counter: u64) -> u8 {
    counter.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { publisher: 7, counter: 513, due: Time::from_micros(99) };
    const SHORT: StampedContent = StampedContent::Short { publisher: 7, ending: 513 };

    #[test]
    fn a_body_is_as_long_as_asked_for_and_says_who_when_and_how_many() {
        for len in [32, 33, 128] {
            let body = STAMP.body(len);
            assert_eq!((body.len(), Stamp::read(&body)), (len, Ok(StampedContent::All(STAMP))));
        }
        for (asked, len) in [(0, 8), (8, 8), (10, 10), (31, 31)] {
            let body = STAMP.body(asked);
            assert_eq!((body.len(), Stamp::read(&body)), (len, Ok(SHORT)));
        }
    }

    #[test]
    fn a_body_that_changed_anywhere_is_damaged() {
        for len in [8, 10, 31, 40] {
            let body = STAMP.body(len);
            for at in 0..len {
                let mut changed = body.to_vec();
                changed[at] ^= 4;
                assert_eq!(Stamp::read(&changed), Err(Damaged(len)), "{len} at {at}");
            }
            assert_eq!(Stamp::read(&body[..len - 1]), Err(Damaged(len - 1)));
            assert_eq!(Stamp::read(&[&body[..], b"x"].concat()), Err(Damaged(len + 1)));
        }
        assert_eq!(Stamp::read(b""), Err(Damaged(0)));
    }

    #[test]
    fn a_short_counter_is_that_of_a_message_which_was_sent() {
        assert_eq!(whole(5, 9), 5);
        assert_eq!(whole(0xff_fffe, 0x100_0003), 0xff_fffe);
        assert_eq!(whole(3, 0x100_0003), 0x100_0003);
        assert_eq!(whole(9, 5), 0, "nobody sent it yet: none has this number");
    }
}
