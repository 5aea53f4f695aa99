//! Bar charts of several loads in one image, each with a scale of its own.

use super::Bars;
use super::bars::{Measures, Row};
use super::image::Drawing;
use super::markup::escaped;

/// Drawings of bars that belong together.
#[derive(Clone, Debug)]
pub struct Panels {
    /// The title.
    pub title: String,
    /// Classes of bars, and their names in the legend.
    pub keys: Vec<(&'static str, String)>,
    /// From left to right, and then below.
    pub panels: Vec<Bars>,
}

/// Narrow enough for two in a document's column.
const MEASURES: Measures = Measures { width: 430.0, names: 172.0, values: 66.0, step: 21.0 };
const BETWEEN: f64 = 16.0;
const HEAD: f64 = 28.0;
const COLUMNS: usize = 2;

impl Panels {
    /// The image.
    #[must_use]
    pub fn image(&self) -> String {
        let mut body = String::new();
        let mut top = 0.0;
        for row in self.panels.chunks(COLUMNS) {
            let mut deepest: f64 = 0.0;
            let mut left = 0.0;
            for bars in row {
                let Row { body: inside, height } = bars.row(&MEASURES);
                let title = escaped(&bars.title);
                body.push_str(&format!(
                    "<g transform=\"translate({left} {top})\">\n\
                     <text class=\"head\" x=\"0\" y=\"20\">{title}</text>\n\
                     <g transform=\"translate(0 {HEAD})\">\n{inside}</g>\n</g>\n"
                ));
                deepest = deepest.max(HEAD + height);
                left += MEASURES.width + BETWEEN;
            }
            top += deepest + BETWEEN;
        }
        let keys = self.keys.iter().map(|(class, name)| ((*class).to_owned(), name.clone()));
        let size = (2.0 * MEASURES.width + BETWEEN, top);
        Drawing { body, size, keys: keys.collect() }.image(&self.title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Bar;

    fn bars(title: &str, count: usize) -> Bars {
        let bar = Bar { name: "a <b>".into(), value: 0.5, class: "peer", spread: None };
        Bars { title: title.into(), unit: "us".into(), bars: vec![bar; count] }
    }

    #[test]
    fn panels_stand_two_by_two_and_the_deeper_one_says_where_the_next_begin() {
        let panels = vec![bars("one", 1), bars("two", 3), bars("three", 1)];
        let keys = vec![("peer", "others".to_owned())];
        let image = Panels { title: "cost".into(), keys, panels }.image();
        let places: Vec<&str> = image.matches("<g transform=\"translate(0 115)\">").collect();
        assert_eq!(places.len(), 1, "28 + 8 + 3 x 21 + 16\n{image}");
        assert!(image.contains("<g transform=\"translate(446 0)\">"), "{image}");
        assert_eq!(image.matches("class=\"bar peer\"").count(), 5);
        assert!(image.contains(">a &lt;b&gt;</text>") && image.contains("class=\"line peer\""));
    }
}
