//! Thresholds of a run: `p99=20ms`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{BadQuantity, Span};
use crate::latency::QUANTILES;

/// The most that a quantile of the times may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    name: &'static str,
    /// The share of the times that it is about.
    pub share: f64,
    /// The longest that they may be.
    pub most: Duration,
}

const WANTED: &str = "a quantile and a time such as p99=20ms, with p50, p90, p99, p99.9, p99.99 \
                      or max";

impl Threshold {
    /// The quantile: `p99`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl FromStr for Threshold {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        let parse = || {
            let (quantile, most) = text.split_once('=')?;
            let known = QUANTILES.iter().find(|(name, _)| *name == quantile.trim());
            let (name, share) = *known?;
            let Span(most) = most.parse().ok()?;
            Some(Self { name, share, most })
        };
        parse().ok_or_else(|| BadQuantity { found: text.to_owned(), wanted: WANTED })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, Span(self.most))
    }
}

impl Serialize for Threshold {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Threshold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_a_quantile_and_a_time() {
        let of = |text: &str| text.parse::<Threshold>();
        let p99 = of("p99=20ms").unwrap();
        assert_eq!((p99.share, p99.most), (0.99, Duration::from_millis(20)));
        assert_eq!(of("max = 1s").unwrap().to_string(), "max=1s");
        for wrong in ["p98=20ms", "p99", "p99=fast", "=20ms"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
