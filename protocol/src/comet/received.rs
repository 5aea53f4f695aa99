//! Set of received deliveries: all up to a number, and ranges beyond it.
//!
//! ```text
//!  ack   1         2 or more, counted from where the range before ended
//! +-----+---------+-------+---------+-------+----
//! | 10  | miss 2  | run 2 | miss 5  | run 1 |          10, then 13 and 14, then 20
//! +-----+---------+-------+---------+-------+----
//!  head   body: numbers in LEB128, each from 1 up, in their shortest form
//! ```

use super::limits::{RANGES, RANGES_LEN, SPAN};
use super::seq::Seq;

/// Consecutive numbers, both ends included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SeqRange {
    /// First number.
    pub first: Seq,
    /// Last number.
    pub last: Seq,
}

impl SeqRange {
    /// Whether the range contains a number.
    #[must_use]
    pub const fn contains(self, seq: Seq) -> bool {
        seq.since(self.first) <= self.last.since(self.first)
    }
}

/// Set of received deliveries, decoded in place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Received<'a> {
    up_to: Seq,
    bytes: &'a [u8],
}

/// Error of malformed ranges.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRanges {
    /// More than [`RANGES`].
    #[error("more than {RANGES} ranges")]
    TooMany,
    /// The bytes end inside a range.
    #[error("ranges end inside a range")]
    Truncated,
    /// A number is zero, not in its shortest form, or above 32 bits.
    #[error("a range holds a number of a wrong form")]
    Number,
    /// The ranges reach so far that the order of their numbers is undefined.
    #[error("ranges reach more than {SPAN} numbers ahead")]
    TooFar,
}

impl<'a> Received<'a> {
    /// All numbers up to `up_to`, and none beyond it.
    #[must_use]
    pub const fn up_to_only(up_to: Seq) -> Self {
        Self { up_to, bytes: &[] }
    }

    /// Decodes ranges beyond `up_to`.
    ///
    /// # Errors
    ///
    /// [`BadRanges`] when the bytes do not have the form above.
    pub fn parse(up_to: Seq, bytes: &'a [u8]) -> Result<Self, BadRanges> {
        if bytes.len() > RANGES_LEN {
            return Err(BadRanges::TooMany);
        }
        let (mut rest, mut reach, mut count) = (bytes, 0u32, 0);
        while !rest.is_empty() {
            let (missing, run, after) = read_range(rest)?;
            let span = missing.checked_add(run).and_then(|span| reach.checked_add(span));
            reach = span.filter(|reach| *reach <= SPAN).ok_or(BadRanges::TooFar)?;
            count += 1;
            rest = after;
        }
        if count > RANGES { Err(BadRanges::TooMany) } else { Ok(Self { up_to, bytes }) }
    }

    /// All numbers up to this have arrived; [`Seq::NONE`]: none has.
    #[must_use]
    pub const fn up_to(self) -> Seq {
        self.up_to
    }

    /// Ranges received beyond, in order, with a hole before each.
    pub fn ranges(self) -> impl Iterator<Item = SeqRange> + 'a {
        let (mut end, mut rest) = (self.up_to, self.bytes);
        std::iter::from_fn(move || {
            let (missing, run, after) = read_range(rest).ok()?;
            let first = end.plus(missing).plus(1);
            end = end.plus(missing).plus(run);
            rest = after;
            Some(SeqRange { first, last: end })
        })
    }

    /// Whether a number has arrived; every number before [`up_to`](Self::up_to) has.
    #[must_use]
    pub fn contains(self, seq: Seq) -> bool {
        !seq.is_after(self.up_to) || self.ranges().any(|range| range.contains(seq))
    }

    /// The encoded ranges.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }
}

/// Builds a [`Received`] from ranges in order.
#[derive(Clone, Debug)]
pub struct ReceivedBuf {
    up_to: Seq,
    end: Seq,
    count: usize,
    bytes: Vec<u8>,
}

impl ReceivedBuf {
    /// All numbers up to `up_to`.
    #[must_use]
    pub const fn new(up_to: Seq) -> Self {
        Self { up_to, end: up_to, count: 0, bytes: Vec::new() }
    }

    /// Adds a range beyond the existing ones, with a hole before it.
    ///
    /// Returns whether it was added: ranges out of order or beyond [`RANGES`] are not. A range left
    /// out counts as missing, which costs a retransmission and no message.
    pub fn push(&mut self, range: SeqRange) -> bool {
        let (missing, run) = (range.first.since(self.end).wrapping_sub(1), range.run());
        let in_order = range.first.is_after(self.end) && missing > 0 && run > 0;
        let reaches = range.last.since(self.up_to) <= SPAN && range.last.is_after(self.end);
        if !in_order || !reaches || self.count == RANGES {
            return false;
        }
        prost::encoding::encode_varint(missing.into(), &mut self.bytes);
        prost::encoding::encode_varint(run.into(), &mut self.bytes);
        self.end = range.last;
        self.count += 1;
        true
    }

    /// The resulting set.
    #[must_use]
    pub fn as_received(&self) -> Received<'_> {
        Received { up_to: self.up_to, bytes: &self.bytes }
    }
}

impl SeqRange {
    /// Length of the range; 0 when its ends are reversed.
    const fn run(self) -> u32 {
        if self.first.is_after(self.last) { 0 } else { self.last.since(self.first) + 1 }
    }
}

fn read_range(bytes: &[u8]) -> Result<(u32, u32, &[u8]), BadRanges> {
    let (missing, rest) = read_number(bytes)?;
    let (run, rest) = read_number(rest)?;
    Ok((missing, run, rest))
}

/// A number from 1 up in LEB128, in its shortest form.
fn read_number(bytes: &[u8]) -> Result<(u32, &[u8]), BadRanges> {
    let mut number = 0u64;
    for (at, byte) in bytes.iter().take(5).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            // A last byte of zero is redundant: either the number is zero or it has a shorter form.
            let number = u32::try_from(number).ok().filter(|_| *byte != 0);
            return number.map(|number| (number, &bytes[at + 1..])).ok_or(BadRanges::Number);
        }
    }
    Err(if bytes.len() < 5 { BadRanges::Truncated } else { BadRanges::Number })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: u32, last: u32) -> SeqRange {
        SeqRange { first: Seq::new(first), last: Seq::new(last) }
    }

    fn parse(bytes: &[u8]) -> Result<Vec<SeqRange>, BadRanges> {
        Received::parse(Seq::new(10), bytes).map(|received| received.ranges().collect())
    }

    #[test]
    fn ranges_count_from_where_the_one_before_ended() {
        assert_eq!(parse(&[2, 2, 5, 1]), Ok(vec![range(13, 14), range(20, 20)]));
        assert_eq!(parse(&[]), Ok(vec![]));
        assert_eq!(parse(&[0x80, 1, 1]), Ok(vec![range(139, 139)]));
    }

    #[test]
    fn the_same_ranges_build_the_same_bytes() {
        let mut built = ReceivedBuf::new(Seq::new(10));
        assert!(built.push(range(13, 14)) && built.push(range(20, 20)));
        assert_eq!(built.as_received().as_bytes(), [2, 2, 5, 1]);
        assert!(!built.push(range(21, 22)), "no hole before it");
        assert!(!built.push(range(15, 16)), "out of order");
        assert!(!built.push(range(30, 29)), "ends the wrong way round");
    }

    #[test]
    fn more_than_thirty_two_ranges_do_not_fit() {
        let mut built = ReceivedBuf::new(Seq::NONE);
        assert!((1..=32).all(|at| built.push(range(at * 2, at * 2))));
        assert!(!built.push(range(66, 66)));
        let mut bytes = built.as_received().as_bytes().to_vec();
        assert_eq!(parse(&bytes).unwrap().len(), 32);
        bytes.extend([1, 1]);
        assert_eq!(parse(&bytes), Err(BadRanges::TooMany));
        assert_eq!(parse(&[1; RANGES_LEN + 2]), Err(BadRanges::TooMany));
    }

    #[test]
    fn wrong_forms_are_refused() {
        assert_eq!(parse(&[1]), Err(BadRanges::Truncated));
        assert_eq!(parse(&[1, 0x80]), Err(BadRanges::Truncated));
        assert_eq!(parse(&[0, 1]), Err(BadRanges::Number), "zero");
        assert_eq!(parse(&[1, 0]), Err(BadRanges::Number), "zero");
        assert_eq!(parse(&[0x81, 0, 1]), Err(BadRanges::Number), "a shorter form exists");
        assert_eq!(parse(&[0xff, 0xff, 0xff, 0xff, 0x1f, 1]), Err(BadRanges::Number), "33 bits");
        assert_eq!(parse(&[0xff, 0xff, 0xff, 0xff, 0xff]), Err(BadRanges::Number), "six bytes");
    }

    #[test]
    fn ranges_reach_half_the_circle_and_no_further() {
        let most = [0xfe, 0xff, 0xff, 0xff, 0x07, 1];
        assert_eq!(parse(&most), Ok(vec![range(0x8000_0009, 0x8000_0009)]));
        let more = [0xff, 0xff, 0xff, 0xff, 0x07, 1];
        assert_eq!(parse(&more), Err(BadRanges::TooFar));
        let together = [0x80, 0x80, 0x80, 0x80, 0x06, 1].repeat(2);
        assert_eq!(parse(&together), Err(BadRanges::TooFar));
        let mut built = ReceivedBuf::new(Seq::new(10));
        assert!(!built.push(range(0x8000_000a, 0x8000_000a)));
        assert!(built.push(range(0x8000_0009, 0x8000_0009)));
    }

    #[test]
    fn what_lies_before_or_in_a_range_has_arrived() {
        let received = Received::parse(Seq::new(10), &[2, 2, 5, 1]).unwrap();
        let arrived: Vec<u32> = (9..22).filter(|at| received.contains(Seq::new(*at))).collect();
        assert_eq!(arrived, [9, 10, 13, 14, 20]);
    }
}
