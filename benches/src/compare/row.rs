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
    pub others: Vec<ComparedFigure>,
}

/// A figure beside that of the baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ComparedFigure {
    /// The value; absent if the report does not have it, or violations took it.
    pub value: Option<f64>,
    /// Multiple of the baseline's; infinite if that is zero and this is not.
    pub ratio: f64,
    /// By which factor it is worse; below 1 it is better.
    pub loss: f64,
    /// Meaning of the difference.
    pub verdict: Difference,
}

/// Meaning of a difference.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Difference {
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
                .map(|(other, is_like)| ComparedFigure::new(base, other, noise).if_like(is_like))
                .collect(),
        }
    }
}

impl ComparedFigure {
    fn new(base: &Figure, other: Option<&Figure>, noise: f64) -> Self {
        let value = other.map(Figure::value).filter(|value| value.is_finite());
        let ratio = match value {
            // Nothing to nothing is the same; something to nothing is more than any factor.
            Some(value) if value == base.value() => 1.0,
            Some(value) if base.value() != 0.0 || value > 0.0 => value / base.value(),
            _ => f64::NAN,
        };
        let unknown = |verdict| Self { value, ratio, loss: f64::NAN, verdict };
        let Some(better) = base.better() else { return unknown(Difference::Unjudged) };
        let Some(other) = other.filter(|_| value.is_some()) else {
            return unknown(Difference::Absent);
        };
        if !base.value().is_finite() {
            return unknown(Difference::Baseless);
        }
        let loss = loss(ratio, better);
        let verdict = match loss {
            none if none.is_nan() => Difference::Unjudged,
            _ if is_noise(base, other, loss, noise) => Difference::Same,
            more if more > 1.0 => Difference::Worse,
            _ => Difference::Better,
        };
        Self { value, ratio, loss, verdict }
    }
}

impl ComparedFigure {
    /// No meaning unless the reports are of the same kind.
    const fn if_like(mut self, is_like: bool) -> Self {
        if !is_like
            && matches!(self.verdict, Difference::Better | Difference::Worse | Difference::Same)
        {
            self.verdict = Difference::Unlike;
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

impl fmt::Display for ComparedFigure {
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
            Difference::Better => f.write_str(" better"),
            Difference::Worse => f.write_str(" WORSE"),
            Difference::Unlike => f.write_str(" unlike"),
            _ => Ok(()),
        }
    }
}
