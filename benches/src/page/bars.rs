//! Bars that lie beside each other, one for each server, with the spread of their runs.

use std::fmt::Write as _;

use super::image::Drawing;
use super::markup::escaped;
use super::scale::Scale;
use crate::report::{Spread, shown};

/// Bars with a title.
#[derive(Clone, Debug)]
pub struct Bars {
    /// What is seen.
    pub title: String,
    /// Of what the bars are.
    pub unit: String,
    /// From top to bottom.
    pub bars: Vec<Bar>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What it is called.
    pub name: String,
    /// How long it is; not a number if there is none to show.
    pub value: f64,
    /// The runs of which it is the median.
    pub spread: Option<Spread>,
}

const WIDTH: f64 = 640.0;
const NAMES: f64 = 190.0;
const VALUES: f64 = 90.0;
const STEP: f64 = 26.0;

impl Bars {
    /// The drawing with its title.
    #[must_use]
    pub fn svg(&self) -> String {
        let Drawing { body, size: (width, height), .. } = self.drawing();
        let title = escaped(&self.title);
        format!(
            "<figure>\n<figcaption>{title}</figcaption>\n\
             <svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\">\n\
             {body}</svg>\n</figure>\n"
        )
    }

    /// An image of its own, for a document.
    #[must_use]
    pub fn image(&self, title: &str) -> String {
        self.drawing().image(title)
    }

    fn drawing(&self) -> Drawing {
        let most = |bar: &Bar| bar.spread.map_or(bar.value, |spread| spread.most);
        let longest =
            self.bars.iter().map(most).filter(|most| most.is_finite()).fold(0.0, f64::max);
        let longest = if longest > 0.0 { longest } else { 1.0 };
        let scale = Scale::between((0.0, longest), (NAMES, WIDTH - VALUES));
        let mut body = String::new();
        for (at, bar) in (0_u16..).zip(&self.bars) {
            self.bar(&mut body, &scale, bar, 4.0 + STEP * f64::from(at));
        }
        let height = 8.0 + STEP * f64::from(u16::try_from(self.bars.len()).unwrap_or(u16::MAX));
        Drawing { body, size: (WIDTH, height), keys: Vec::new() }
    }

    fn bar(&self, svg: &mut String, scale: &Scale, bar: &Bar, y: f64) {
        let (x, middle, name) = (NAMES - 8.0, y + STEP / 2.0, escaped(&bar.name));
        let text = middle + 4.0;
        let _ = writeln!(svg, "<text class=\"end name\" x=\"{x}\" y=\"{text}\">{name}</text>");
        let value = shown(bar.value, &self.unit);
        if !bar.value.is_finite() {
            let _ = writeln!(svg, "<text x=\"{NAMES}\" y=\"{text}\">{value}</text>");
            return;
        }
        let (width, height) = ((scale.at(bar.value) - NAMES).max(1.0), STEP - 8.0);
        let top = y + 4.0;
        let _ = writeln!(
            svg,
            "<rect class=\"bar\" x=\"{NAMES}\" y=\"{top}\" width=\"{width:.1}\" \
             height=\"{height}\" rx=\"3\"><title>{name}: {value}</title></rect>"
        );
        let mut end = NAMES + width;
        if let Some(spread) = bar.spread {
            let (least, most) = (scale.at(spread.least), scale.at(spread.most));
            let (above, below) = (middle - 4.0, middle + 4.0);
            let _ = writeln!(
                svg,
                "<path class=\"spread\" d=\"M{least:.1} {middle}H{most:.1}\
                 M{least:.1} {above}V{below}M{most:.1} {above}V{below}\"/>"
            );
            end = end.max(most);
        }
        let x = end + 8.0;
        let _ = writeln!(svg, "<text class=\"value\" x=\"{x:.1}\" y=\"{text}\">{value}</text>");
    }
}
