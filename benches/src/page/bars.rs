//! A bar chart: one bar for each server, with the spread of its runs.

use std::fmt::Write as _;

use super::image::Drawing;
use super::markup::escaped;
use super::scale::Scale;
use crate::report::{Spread, shown};

/// Bars with a title.
#[derive(Clone, Debug)]
pub struct Bars {
    /// The title.
    pub title: String,
    /// The name of the bars.
    pub unit: String,
    /// From top to bottom.
    pub bars: Vec<Bar>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Bar {
    /// The label.
    pub name: String,
    /// The length; not a number if there is none.
    pub value: f64,
    /// Its class in the style: `subject`, `floor` or `peer`.
    pub class: &'static str,
    /// The runs of which it is the median.
    pub spread: Option<Spread>,
}

/// Widths in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measures {
    /// For everything.
    pub(super) width: f64,
    /// For the names at the left.
    pub(super) names: f64,
    /// For the values behind the longest bar.
    pub(super) values: f64,
    /// From one bar to the next.
    pub(super) step: f64,
}

/// Bars as elements of an image.
pub(super) struct Row {
    pub(super) body: String,
    pub(super) height: f64,
}

const ALONE: Measures = Measures { width: 640.0, names: 190.0, values: 90.0, step: 26.0 };

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
        let Row { body, height } = self.row(&ALONE);
        Drawing { body, size: (ALONE.width, height), keys: Vec::new() }
    }

    /// The bars below each other.
    pub(super) fn row(&self, measures: &Measures) -> Row {
        let most = |bar: &Bar| bar.spread.map_or(bar.value, |spread| spread.most);
        let longest =
            self.bars.iter().map(most).filter(|most| most.is_finite()).fold(0.0, f64::max);
        let longest = if longest > 0.0 { longest } else { 1.0 };
        let scale =
            Scale::between((0.0, longest), (measures.names, measures.width - measures.values));
        let mut body = String::new();
        for (at, bar) in (0_u16..).zip(&self.bars) {
            let top = 4.0 + measures.step * f64::from(at);
            self.bar(&mut body, &scale, bar, (measures.names, top, measures.step));
        }
        let count = u16::try_from(self.bars.len()).unwrap_or(u16::MAX);
        Row { body, height: 8.0 + measures.step * f64::from(count) }
    }

    fn bar(&self, svg: &mut String, scale: &Scale, bar: &Bar, (left, y, step): (f64, f64, f64)) {
        let (x, middle, name) = (left - 8.0, y + step / 2.0, escaped(&bar.name));
        let text = middle + 4.0;
        let _ = writeln!(svg, "<text class=\"end name\" x=\"{x}\" y=\"{text}\">{name}</text>");
        let value = shown(bar.value, &self.unit);
        if !bar.value.is_finite() {
            let _ = writeln!(svg, "<text x=\"{left}\" y=\"{text}\">{value}</text>");
            return;
        }
        let (width, height) = ((scale.at(bar.value) - left).max(1.0), step - 8.0);
        let (top, class) = (y + 4.0, bar.class);
        let _ = writeln!(
            svg,
            "<rect class=\"bar {class}\" x=\"{left}\" y=\"{top}\" width=\"{width:.1}\" \
             height=\"{height}\" rx=\"3\"><title>{name}: {value}</title></rect>"
        );
        let mut end = left + width;
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
