//! One number with its name, unit, direction, limit and spread.

use serde::{Deserialize, Deserializer, Serialize};

/// One number of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    name: String,
    /// JSON has no word for "not a number"; there it is `null`.
    #[serde(deserialize_with = "number_or_none")]
    value: f64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    unit: String,
    #[serde(default)]
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    better: Option<Better>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<Limit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spread: Option<Spread>,
}

/// Basis of a number.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// It holds by itself.
    #[default]
    Measurement,
    /// It counts deliveries, or divides by them: it is meaningless unless all of them were right.
    Throughput,
}

/// Direction of improvement.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

/// Limit of a number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Limit {
    /// It must not be above this.
    AtMost(f64),
    /// It must not be below this.
    AtLeast(f64),
}

/// The runs of which a number is the median.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The least of them.
    pub least: f64,
    /// The most of them.
    pub most: f64,
    /// The number of runs.
    pub runs: usize,
}

impl Figure {
    /// A number that holds by itself; of neither direction is it known that it is better.
    #[must_use]
    pub fn new(name: impl Into<String>, value: f64, unit: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value,
            unit: unit.into(),
            kind: Kind::Measurement,
            better: None,
            limit: None,
            spread: None,
        }
    }

    /// A rate, more being better.
    #[must_use]
    pub fn throughput(name: impl Into<String>, value: f64, unit: impl Into<String>) -> Self {
        Self { kind: Kind::Throughput, ..Self::new(name, value, unit).higher_is_better() }
    }

    /// Cost of one delivery, less being better.
    #[must_use]
    pub fn cost(name: impl Into<String>, value: f64, unit: impl Into<String>) -> Self {
        Self { kind: Kind::Throughput, ..Self::new(name, value, unit).lower_is_better() }
    }

    /// The median of several runs, with their spread; not a number if there are none.
    #[must_use]
    pub fn of_runs(mut self, values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        self.value = median_of_sorted(&sorted);
        self.spread = match sorted[..] {
            [least, .., most] => Some(Spread { least, most, runs: sorted.len() }),
            _ => None,
        };
        self
    }

    /// Less of it is better.
    #[must_use]
    pub const fn lower_is_better(mut self) -> Self {
        self.better = Some(Better::Lower);
        self
    }

    /// More of it is better.
    #[must_use]
    pub const fn higher_is_better(mut self) -> Self {
        self.better = Some(Better::Higher);
        self
    }

    /// It must not be above this, and less is better.
    #[must_use]
    pub const fn at_most(mut self, most: f64) -> Self {
        self.limit = Some(Limit::AtMost(most));
        self.lower_is_better()
    }

    /// It must not be below this, and more is better.
    #[must_use]
    pub const fn at_least(mut self, least: f64) -> Self {
        self.limit = Some(Limit::AtLeast(least));
        self.higher_is_better()
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value.
    #[must_use]
    pub const fn value(&self) -> f64 {
        self.value
    }

    /// The unit; empty for a plain number.
    #[must_use]
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// The basis.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The better direction, where that is known.
    #[must_use]
    pub const fn better(&self) -> Option<Better> {
        self.better
    }

    /// The limit.
    #[must_use]
    pub const fn limit(&self) -> Option<Limit> {
        self.limit
    }

    /// The runs of which it is the median.
    #[must_use]
    pub const fn spread(&self) -> Option<Spread> {
        self.spread
    }

    /// Whether it does not keep its limit; not-a-number keeps none.
    #[must_use]
    pub fn is_missed(&self) -> bool {
        self.limit.is_some_and(|limit| !limit.is_kept_by(self.value))
    }
}

impl Limit {
    fn is_kept_by(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }
}

/// The one in the middle, or the mean of the two.
fn median_of_sorted(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        even if even % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

pub(super) fn number_or_none<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_kept_up_to_itself_and_never_by_no_number() {
        let figure = |value| Figure::new("x", value, "");
        assert!(!figure(1.2).at_most(1.2).is_missed());
        assert!(figure(1.21).at_most(1.2).is_missed());
        assert!(!figure(1.2).at_least(1.2).is_missed());
        assert!(figure(1.19).at_least(1.2).is_missed());
        assert!(figure(f64::NAN).at_most(1.2).is_missed());
        assert!(figure(f64::NAN).at_least(1.2).is_missed());
        assert!(!figure(9.0).is_missed());
    }

    #[test]
    fn the_median_of_runs_has_their_spread() {
        let of = |values: &[f64]| Figure::new("x", 0.0, "us").of_runs(values);
        let odd = of(&[3.0, 1.0, 2.5]);
        assert_eq!(odd.value(), 2.5);
        assert_eq!(odd.spread(), Some(Spread { least: 1.0, most: 3.0, runs: 3 }));
        assert_eq!(of(&[1.0, 4.0, 2.0, 3.0]).value(), 2.5);
        assert_eq!((of(&[7.0]).value(), of(&[7.0]).spread()), (7.0, None));
        assert!(of(&[]).value().is_nan());
    }

    #[test]
    fn what_is_not_a_number_is_null_in_json_and_comes_back() {
        let json = serde_json::to_string(&Figure::new("x", f64::NAN, "ms")).unwrap();
        assert_eq!(json, r#"{"name":"x","value":null,"unit":"ms","kind":"measurement"}"#);
        let back: Figure = serde_json::from_str(&json).unwrap();
        assert!(back.value().is_nan());
    }
}
