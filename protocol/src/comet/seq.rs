//! Circular sequence numbers.

use std::fmt;

/// Number of a delivery or of a message, ordered as in RFC 1982.
///
/// Numbering starts at 1 and wraps from `u32::MAX` to 1, so that 0 is never assigned; it has its
/// place on the circle all the same. The order is defined for numbers less than 2^31 apart; there
/// is no `Ord`, because it is not a total order.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Seq(u32);

impl Seq {
    /// Before the first number: none yet.
    pub const NONE: Self = Self(0);
    /// The first number.
    pub const FIRST: Self = Self(1);

    /// From the number on the wire.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number on the wire.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Whether this is [`NONE`](Self::NONE).
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The next number.
    #[must_use]
    pub const fn next(self) -> Self {
        match self.0 {
            u32::MAX => Self::FIRST,
            number => Self(number + 1),
        }
    }

    /// The previous number; [`NONE`](Self::NONE) before the first.
    #[must_use]
    pub const fn prev(self) -> Self {
        Self(self.0.wrapping_sub(1))
    }

    /// Whether this comes after `other`.
    #[must_use]
    pub const fn is_after(self, other: Self) -> bool {
        self.0.wrapping_sub(other.0).cast_signed() > 0
    }

    /// Distance on the circle: 0 for the same number, 1 for the next one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }

    /// The number assigned after `numbers` others, counted from this one.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the remainder is below 2^32")]
    pub const fn counted(self, numbers: usize) -> Self {
        if numbers < (u32::MAX - self.0) as usize {
            // No wrap, which is nearly always the case.
            return Self(self.0 + numbers as u32);
        }
        let from = self.0.wrapping_sub(1) as u64;
        Self(((from + numbers as u64) % (u32::MAX as u64)) as u32 + 1)
    }

    /// Count of numbers assigned from `first` on before this one; the inverse of
    /// [`counted`](Self::counted). For [`NONE`](Self::NONE) greater than any real count.
    #[must_use]
    pub const fn count_from(self, first: Self) -> usize {
        if self.is_none() {
            return usize::MAX;
        }
        let span = self.0.wrapping_sub(first.0);
        // A wrap passes 0, which is not assigned.
        (if self.0 < first.0 { span.wrapping_sub(1) } else { span }) as usize
    }

    /// The number `places` further on the circle.
    #[must_use]
    pub const fn plus(self, places: u32) -> Self {
        Self(self.0.wrapping_add(places))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Seq> for u32 {
    fn from(seq: Seq) -> Self {
        seq.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_skips_zero() {
        assert_eq!(Seq::NONE.next(), Seq::FIRST);
        assert_eq!(Seq::new(u32::MAX).next(), Seq::new(1));
        assert_eq!(Seq::new(1).prev(), Seq::NONE);
    }

    #[test]
    fn numbers_are_counted_round_the_circle_without_zero() {
        let last = Seq::new(u32::MAX);
        assert_eq!([0, 1, 2].map(|count| last.counted(count).get()), [u32::MAX, 1, 2]);
        assert_eq!([0, 7].map(|count| Seq::FIRST.counted(count).get()), [1, 8]);
        for (first, count) in [(1, 0), (5, 9), (u32::MAX, 3), (u32::MAX - 1, 1)] {
            let first = Seq::new(first);
            assert_eq!(first.counted(count).count_from(first), count);
        }
        assert_eq!(Seq::NONE.count_from(Seq::FIRST), usize::MAX);
    }

    #[test]
    fn order_goes_round_the_circle() {
        let (last, first) = (Seq::new(u32::MAX), Seq::FIRST);
        assert!(first.is_after(last) && !last.is_after(first));
        assert!(Seq::NONE.is_after(last) && first.is_after(Seq::NONE));
        assert!(!first.is_after(first));
        assert_eq!(first.since(last), 2);
        assert_eq!(last.plus(2), first);
    }

    #[test]
    fn half_the_circle_away_is_the_limit() {
        let here = Seq::new(7);
        assert!(here.plus(i32::MAX as u32).is_after(here));
        assert!(!here.plus(1 << 31).is_after(here));
    }
}
