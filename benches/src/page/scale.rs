//! Scale of an axis: positions of values, and ticks.

/// Spacing of values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Spacing {
    /// Evenly, from nothing.
    Linear,
    /// Each ten times as far as the one before.
    Logarithmic,
    /// Shares of a whole: 90 %, 99 %, 99.9 % are as far from each other.
    Percentile,
}

/// One axis: which values it holds, on how many pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    spacing: Spacing,
    /// Its ends, as they are laid out.
    ends: (f64, f64),
    /// Range in the drawing.
    pixels: (f64, f64),
}

/// Shares beyond this are all of them.
const MOST_NINES: f64 = 5.0;

impl Scale {
    /// An axis that holds all of the values.
    pub(super) fn over(
        spacing: Spacing,
        values: impl Iterator<Item = f64>,
        pixels: (f64, f64),
    ) -> Self {
        let laid = values.map(|value| place(spacing, value)).filter(|value| value.is_finite());
        let (least, most) = laid.fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(v), b.max(v)));
        let ends = match spacing {
            _ if least > most => (0.0, 1.0),
            Spacing::Linear => (0.0, if most > 0.0 { most * 1.06 } else { 1.0 }),
            Spacing::Logarithmic => (least - 0.1, (most + 0.1).max(least + 0.9)),
            Spacing::Percentile => (0.0, most.max(1.0)),
        };
        Self { spacing, ends, pixels }
    }

    /// An axis from one value to another.
    pub(super) const fn between(ends: (f64, f64), pixels: (f64, f64)) -> Self {
        Self { spacing: Spacing::Linear, ends, pixels }
    }

    /// The pixel of a value; those outside are at the ends.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = (place(self.spacing, value) - self.ends.0) / (self.ends.1 - self.ends.0);
        let (from, to) = self.pixels;
        from + share.clamp(0.0, 1.0) * (to - from)
    }

    /// Ticks, with their labels.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        match self.spacing {
            Spacing::Linear => linear(self.ends),
            Spacing::Logarithmic => logarithmic(self.ends),
            Spacing::Percentile => {
                const SHARES: [(f64, &str); 6] = [
                    (0.5, "50 %"),
                    (0.9, "90 %"),
                    (0.99, "99 %"),
                    (0.999, "99.9 %"),
                    (0.9999, "99.99 %"),
                    (0.99999, "99.999 %"),
                ];
                let fits = |share: f64| place(Spacing::Percentile, share) <= self.ends.1 + 1e-6;
                let shares = SHARES.iter().filter(|(share, _)| fits(*share));
                shares.map(|(share, text)| (*share, (*text).to_owned())).collect()
            }
        }
    }
}

fn place(spacing: Spacing, value: f64) -> f64 {
    match spacing {
        Spacing::Linear => value,
        Spacing::Logarithmic => value.log10(),
        Spacing::Percentile => (-(1.0 - value).log10()).min(MOST_NINES),
    }
}

/// Three to six round numbers.
fn linear((from, to): (f64, f64)) -> Vec<(f64, String)> {
    let rough = (to - from) / 6.0;
    let decade = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * decade);
    let step = step.into_iter().find(|step| *step >= rough).unwrap_or(rough);
    let mut ticks = Vec::new();
    let mut value = (from / step).ceil() * step;
    while value <= to && ticks.len() < 12 {
        ticks.push((value, short(value)));
        value += step;
    }
    ticks
}

/// The decades, and between them 2 and 5 if there are few.
fn logarithmic((from, to): (f64, f64)) -> Vec<(f64, String)> {
    let steps: &[f64] = if to - from <= 3.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let mut ticks = Vec::new();
    let mut decade = from.floor();
    while decade <= to {
        let values = steps.iter().map(|step| step * 10_f64.powf(decade));
        let within = values.filter(|value| (from..=to).contains(&value.log10()));
        ticks.extend(within.map(|value| (value, short(value))));
        decade += 1.0;
    }
    ticks
}

/// Few digits: 0.05, 2.5, 40, 15k, 2M.
fn short(value: f64) -> String {
    let (value, suffix) = match value.abs() {
        large if large >= 1e6 => (value / 1e6, "M"),
        large if large >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = format!("{value:.4}");
    format!("{}{suffix}", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(scale: &Scale) -> Vec<String> {
        scale.ticks().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn a_linear_axis_begins_with_nothing_and_has_round_numbers() {
        let scale = Scale::over(Spacing::Linear, [10_000.0, 47_000.0].into_iter(), (0.0, 100.0));
        assert_eq!(texts(&scale), ["0", "10k", "20k", "30k", "40k"]);
        assert_eq!((scale.at(0.0), scale.at(1e9)), (0.0, 100.0));
        assert!((scale.at(24_910.0) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn a_logarithmic_axis_has_decades_and_what_is_between_them_if_these_are_few() {
        let scale = Scale::over(Spacing::Logarithmic, [0.03, 400.0].into_iter(), (100.0, 0.0));
        assert_eq!(texts(&scale), ["0.1", "1", "10", "100"]);
        assert!(scale.at(0.03) > scale.at(0.1) && scale.at(0.1) > scale.at(400.0));
        let few = Scale::over(Spacing::Logarithmic, [2.0, 4.0].into_iter(), (0.0, 1.0));
        assert_eq!(texts(&few), ["2", "5", "10"]);
    }

    #[test]
    fn shares_are_as_far_apart_as_they_have_nines() {
        let scale = Scale::over(Spacing::Percentile, [0.0, 0.9999].into_iter(), (0.0, 400.0));
        assert_eq!(texts(&scale), ["50 %", "90 %", "99 %", "99.9 %", "99.99 %"]);
        assert!((scale.at(0.99) - 200.0).abs() < 1e-6 && (scale.at(0.999) - 300.0).abs() < 1e-6);
        assert_eq!(scale.at(1.0), 400.0);
    }

    #[test]
    fn an_axis_without_values_is_no_trouble() {
        for spacing in [Spacing::Linear, Spacing::Logarithmic, Spacing::Percentile] {
            for values in [vec![], vec![0.0], vec![f64::NAN, f64::INFINITY]] {
                let scale = Scale::over(spacing, values.into_iter(), (0.0, 1.0));
                assert!(!scale.ticks().is_empty() && scale.at(0.5).is_finite(), "{scale:?}");
            }
        }
    }
}
