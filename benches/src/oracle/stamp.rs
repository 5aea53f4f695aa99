//! What the body of a message says about itself.

use bytes::Bytes;
use comet_protocol::client::Time;

/// The origin of one message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stamp {
    /// Who sent it.
    pub publisher: u32,
    /// How many messages this publisher has sent, with this one.
    pub counter: u64,
    /// When it was due to be sent.
    pub due: Time,
}

/// The body does not hold what was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("damaged body of {0} bytes")]
pub struct Damaged(pub usize);

impl Stamp {
    /// The least length of a body.
    pub const LEN: usize = 32;

    /// A body of this length, at least [`Self::LEN`].
    #[must_use]
    pub fn body(self, len: usize) -> Bytes {
        let len = u32::try_from(len.max(Self::LEN)).unwrap_or(u32::MAX);
        let mut body = Vec::with_capacity(len as usize);
        body.extend_from_slice(&len.to_be_bytes());
        body.extend_from_slice(&self.publisher.to_be_bytes());
        body.extend_from_slice(&self.counter.to_be_bytes());
        body.extend_from_slice(&self.due.as_micros().to_be_bytes());
        // The mark ends the body, so that its last byte is missed as well as its first.
        body.resize(len as usize - 8, filler(self.counter));
        body.extend_from_slice(&self.mark().to_be_bytes());
        body.into()
    }

    /// Reads a body.
    ///
    /// # Errors
    ///
    /// [`Damaged`] when it is not what [`body`](Self::body) makes.
    pub fn read(body: &[u8]) -> Result<Self, Damaged> {
        let damaged = Damaged(body.len());
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
            && filling.iter().all(|&byte| byte == filler(stamp.counter));
        if is_whole { Ok(stamp) } else { Err(damaged) }
    }

    const fn mark(self) -> u64 {
        let mut mixed = 0x9e37_79b9_7f4a_7c15;
        mixed = mix(mixed ^ self.publisher as u64);
        mixed = mix(mixed ^ self.counter);
        mix(mixed ^ self.due.as_micros())
    }
}

/// Spreads every bit over the upper ones, and brings those down.
const fn mix(bits: u64) -> u64 {
    (bits ^ (bits >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_left(31)
}

const fn filler(counter: u64) -> u8 {
    counter.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { publisher: 7, counter: 513, due: Time::from_micros(99) };

    #[test]
    fn a_body_is_as_long_as_asked_for_and_says_who_when_and_how_many() {
        for (asked, len) in [(0, 32), (32, 32), (33, 33), (128, 128)] {
            let body = STAMP.body(asked);
            assert_eq!((body.len(), Stamp::read(&body)), (len, Ok(STAMP)));
        }
    }

    #[test]
    fn a_body_that_changed_anywhere_is_damaged() {
        let body = STAMP.body(40);
        for at in 0..40 {
            let mut changed = body.to_vec();
            changed[at] ^= 4;
            assert_eq!(Stamp::read(&changed), Err(Damaged(40)), "at {at}");
        }
        assert_eq!(Stamp::read(&body[..39]), Err(Damaged(39)));
        assert_eq!(Stamp::read(b""), Err(Damaged(0)));
    }
}
