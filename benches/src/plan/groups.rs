//! Sizes of groups.
//!
//! Most groups of a product are small and a few are large, so sizes are drawn from a distribution
//! with bounds. The same seed draws the same sizes.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use rand::{Rng, RngExt};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};

use super::quantity::BadQuantity;

/// Distribution of sizes.
#[derive(Clone, Debug, PartialEq)]
pub enum Sizes {
    /// All the same.
    Fixed(usize),
    /// Each as likely as any other.
    Uniform(RangeInclusive<usize>),
    /// A size is as likely as its inverse to this power.
    Zipf(RangeInclusive<usize>, f64),
    /// The logarithm is normal: the median, and the standard deviation of the logarithm. What is
    /// beyond the bounds is drawn again.
    LogNormal(RangeInclusive<usize>, f64, f64),
}

/// Draws of one size until the bound is taken instead: bounds far from the median must not hold
/// the run up.
const DRAWS: usize = 100;

impl Sizes {
    /// One size.
    pub fn draw(&self, rng: &mut impl Rng) -> usize {
        match self {
            Self::Fixed(size) => *size,
            Self::Uniform(bounds) => rng.random_range(bounds.clone()),
            Self::Zipf(bounds, power) => zipf(bounds, *power, rng),
            Self::LogNormal(bounds, median, deviation) => {
                let mut draw = || rounded(median * (deviation * normal(rng)).exp());
                let drawn = (0..DRAWS).map(|_| draw()).find(|size| bounds.contains(size));
                drawn.unwrap_or_else(|| rounded(*median).clamp(*bounds.start(), *bounds.end()))
            }
        }
    }

    /// The largest that can be drawn.
    #[must_use]
    pub const fn most(&self) -> usize {
        match self {
            Self::Fixed(size) => *size,
            Self::Uniform(bounds) | Self::Zipf(bounds, _) | Self::LogNormal(bounds, ..) => {
                *bounds.end()
            }
        }
    }
}

/// The inverse of the sum of weights, found by walking it: bounds are small.
fn zipf(bounds: &RangeInclusive<usize>, power: f64, rng: &mut impl Rng) -> usize {
    let weight = |size: usize| real(size).powf(-power);
    let all: f64 = bounds.clone().map(weight).sum();
    let mut left = rng.random::<f64>() * all;
    for size in bounds.clone() {
        left -= weight(size);
        if left < 0.0 {
            return size;
        }
    }
    *bounds.end()
}

/// By Box and Muller.
fn normal(rng: &mut impl Rng) -> f64 {
    let (radius, angle) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

#[expect(clippy::cast_precision_loss, reason = "sizes of groups are small")]
const fn real(size: usize) -> f64 {
    size as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast stops at both ends, and bounds are checked later"
)]
fn rounded(size: f64) -> usize {
    size.round() as usize
}

const WANTED: &str =
    "sizes such as 20, uniform:2..50, zipf:2..200:1.1 or lognormal:2..200:8:1 (median, deviation)";

impl FromStr for Sizes {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        read(text).ok_or_else(|| BadQuantity { found: text.to_owned(), wanted: WANTED })
    }
}

fn read(text: &str) -> Option<Sizes> {
    let parts: Vec<&str> = text.trim().split(':').collect();
    let number = |text: &str| text.parse().ok().filter(|number: &f64| number.is_finite());
    match parts[..] {
        [size] => size.parse().ok().filter(|size| *size > 0).map(Sizes::Fixed),
        ["uniform", sizes] => Some(Sizes::Uniform(bounds(sizes)?)),
        ["zipf", sizes, power] => Some(Sizes::Zipf(bounds(sizes)?, number(power)?)),
        ["lognormal", sizes, median, deviation] => {
            let (median, deviation) = (number(median)?, number(deviation)?);
            let is_meant = median > 0.0 && deviation >= 0.0;
            is_meant.then_some(Sizes::LogNormal(bounds(sizes)?, median, deviation))
        }
        _ => None,
    }
}

fn bounds(text: &str) -> Option<RangeInclusive<usize>> {
    let (least, most) = text.split_once("..")?;
    let (least, most) = (least.parse().ok()?, most.parse().ok()?);
    (0 < least && least <= most).then_some(least..=most)
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range =
            |bounds: &RangeInclusive<usize>| format!("{}..{}", bounds.start(), bounds.end());
        match self {
            Self::Fixed(size) => write!(f, "{size}"),
            Self::Uniform(bounds) => write!(f, "uniform:{}", range(bounds)),
            Self::Zipf(bounds, power) => write!(f, "zipf:{}:{power}", range(bounds)),
            Self::LogNormal(bounds, median, deviation) => {
                write!(f, "lognormal:{}:{median}:{deviation}", range(bounds))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Sizes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(super::quantity::Written(WANTED))?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for Sizes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn drawn(text: &str) -> Vec<usize> {
        let (sizes, mut rng) = (text.parse::<Sizes>().unwrap(), StdRng::seed_from_u64(1));
        let mut drawn: Vec<usize> = (0..10_001).map(|_| sizes.draw(&mut rng)).collect();
        drawn.sort_unstable();
        drawn
    }

    #[test]
    fn sizes_stay_within_their_bounds_and_follow_their_distribution() {
        assert_eq!(drawn("20"), [20; 10_001]);
        let uniform = drawn("uniform:10..30");
        assert_eq!((uniform[0], uniform[5_000], uniform[10_000]), (10, 20, 30));
        let normal = drawn("lognormal:2..200:8:1");
        assert!(normal[0] == 2 && (190..=200).contains(&normal[10_000]), "{}", normal[10_000]);
        assert!((8..=10).contains(&normal[5_000]), "{}", normal[5_000]);
        // A third of the harmonic sum of 1 to 10 (2.929) is that of 1 alone.
        let zipf = drawn("zipf:1..10:1");
        let ones = zipf.iter().filter(|size| **size == 1).count();
        assert!((3_250..3_580).contains(&ones), "{ones}");
        assert_eq!(zipf[10_000], 10);
    }

    #[test]
    fn bounds_far_from_the_median_hold_nobody_up() {
        assert_eq!(drawn("lognormal:2..4:1000:0")[5_000], 4);
    }

    #[test]
    fn sizes_are_shown_as_they_are_written_and_others_refused() {
        for text in ["20", "uniform:2..50", "zipf:2..200:1.1", "lognormal:2..200:8:1"] {
            assert_eq!(text.parse::<Sizes>().unwrap().to_string(), text);
        }
        for wrong in ["", "0", "zipf:2..200", "uniform:5..2", "uniform:0..2", "lognormal:1..2:0:1"]
        {
            assert_eq!(wrong.parse::<Sizes>().unwrap_err().found, wrong);
        }
    }
}
