//! One figure in all reports.

use std::fmt;

use super::loss;
use crate::report::Figure;

/// A figure of the baseline, and the same of the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Name of the figure.
    pub name: String,
    /// The unit.
    pub unit: String,
    /// Value in the baseline.
    pub base: f64,
    /// Values in the others, in their order.
    pub others: Vec<Against>,
}

/// A figure beside that of the baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Against {
    /// The value; absent if the report does not have it, or violations took it.
    pub value: Option<f64>,
    /// Multiple of the baseline's; infinite if that is zero and this is not.
    pub ratio: f64,
    /// By which factor it is worse; below 1 it is better.
    pub loss: f64,
    /// Meaning of the difference.
    pub verdict: Verdict,
}

/// Meaning of a difference.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// It is better, and not by noise.
    Better,
    /// It is worse, and not by noise.
    Worse,
    /// The difference is within the noise.
    Same,
    /// The baseline has it and the other does not: unknown.
    Absent,
    /// The baseline's is no number: unknown.
    Baseless,
    /// The two reports are of unlike things: neither is better.
    Unlike,
    /// Of neither direction is it known that it is better, or there is nothing to compare with.
    Unjudged,
}

impl Row {
    pub(super) fn new<'a>(
        base: &Figure,
        others: impl Iterator<Item = (Option<&'a Figure>, bool)>,
        noise: f64,
    ) -> Self {
        Self {
            name: base.name().to_owned(),
            unit: base.unit().to_owned(),
            base: base.value(),
            others: others
                .map(|(other, is_like)| Against::new(base, other, noise).if_like(is_like))
                .collect(),
        }
    }
}

impl Against {
    fn new(base: &Figure, other: Option<&Figure>, noise: f64) -> Self {
        let value = other.map(Figure::value).filter(|value| value.is_finite());
        let ratio = match value {
            // Nothing to nothing is the same; something to nothing is more than any factor.
            Some(value) if value == base.value() => 1.0,
            Some(value) if base.value() != 0.0 || value > 0.0 => value / base.value(),
            _ => f64::NAN,
        };
        let unknown = |verdict| Self { value, ratio, loss: f64::NAN, verdict };
        let Some(better) = base.better() else { return unknown(Verdict::Unjudged) };
        let Some(other) = other.filter(|_| value.is_some()) else {
            return unknown(Verdict::Absent);
        };
        if !base.value().is_finite() {
            return unknown(Verdict::Baseless);
        }
        let loss = loss(ratio, better);
        let verdict = match loss {
            none if none.is_nan() => Verdict::Unjudged,
            _ if is_noise(base, other, loss, noise) => Verdict::Same,
            more if more > 1.0 => Verdict::Worse,
            _ => Verdict::Better,
        };
        Self { value, ratio, loss, verdict }
    }
}

impl Against {
    /// No meaning unless the reports are of the same kind.
    const fn if_like(mut self, is_like: bool) -> Self {
        if !is_like && matches!(self.verdict, Verdict::Better | Verdict::Worse | Verdict::Same) {
            self.verdict = Verdict::Unlike;
        }
        self
    }
}

fn is_noise(base: &Figure, other: &Figure, loss: f64, noise: f64) -> bool {
    let range = |of: &Figure| {
        of.spread().map_or((of.value(), of.value()), |spread| (spread.least, spread.most))
    };
    if base.spread().is_some() || other.spread().is_some() {
        let (a, b) = (range(base), range(other));
        return a.0 <= b.1 && b.0 <= a.1;
    }
    loss <= 1.0 + noise && loss >= 1.0 / (1.0 + noise)
}

impl fmt::Display for Against {
    /// The ratio, and its meaning if it has one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ratio.is_nan() {
            return Ok(());
        }
        if self.ratio.is_infinite() {
            f.write_str("from 0")?;
        } else {
            write!(f, "{:.2}", self.ratio)?;
        }
        match self.verdict {
            Verdict::Better => f.write_str(" better"),
            Verdict::Worse => f.write_str(" WORSE"),
            Verdict::Unlike => f.write_str(" unlike"),
            _ => Ok(()),
        }
    }
}
