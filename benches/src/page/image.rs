//! A drawing as an image of its own: an SVG file that any document can show, with its style, title
//! and legend inside. A browser shows it dark if the reader prefers that.

use super::markup::escaped;

const STYLE: &str = concat!(include_str!("image.css"), include_str!("chart.css"));

/// Content of an image.
#[derive(Clone, Debug)]
pub(super) struct Drawing {
    /// Elements, from the corner at the top left.
    pub(super) body: String,
    /// Width and height.
    pub(super) size: (f64, f64),
    /// Classes of elements, and their names in the legend.
    pub(super) keys: Vec<(String, String)>,
}

const MARGIN: f64 = 12.0;
const TITLE: f64 = 34.0;
const KEY: f64 = 18.0;
/// Keys beside each other.
const COLUMNS: usize = 3;

/// File name of an image: small letters and digits, with a dash for anything between them; 1,000 is
/// one number.
#[must_use]
pub fn file_name(title: &str) -> String {
    let plain = title.to_lowercase().replace(',', "");
    let words = plain.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

impl Drawing {
    /// The image with a title.
    pub(super) fn image(&self, title: &str) -> String {
        let (title, (across, down)) = (escaped(title), self.size);
        let (keys, rows) = self.legend();
        let top = TITLE + KEY * f64::from(rows);
        let (width, height) = (across + 2.0 * MARGIN, down + top + MARGIN);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{title}\">\n\
             <style>\n{STYLE}</style>\n\
             <rect class=\"paper\" width=\"{width}\" height=\"{height}\" rx=\"10\"/>\n\
             <text class=\"title\" x=\"{MARGIN}\" y=\"24\">{title}</text>\n{keys}\
             <g transform=\"translate({MARGIN} {top})\">\n{}</g>\n</svg>\n",
            self.body
        )
    }

    /// The keys in rows, and how many rows they take.
    fn legend(&self) -> (String, u16) {
        let step = self.size.0 / 3.0;
        let mut keys = String::new();
        let columns = (0_u8..).map(|at| f64::from(at) * step + MARGIN);
        let mut rows = 0;
        for row in self.keys.chunks(COLUMNS) {
            let y = TITLE + KEY * f64::from(rows) + 10.0;
            for ((class, name), x) in row.iter().zip(columns.clone()) {
                let (end, text, name) = (x + 16.0, x + 22.0, escaped(name));
                let line = y - 4.0;
                keys.push_str(&format!(
                    "<path class=\"line {class}\" d=\"M{x:.1} {line}H{end:.1}\"/>\
                     <text x=\"{text:.1}\" y=\"{y}\">{name}</text>\n"
                ));
            }
            rows += 1;
        }
        (keys, rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_like_what_it_shows() {
        let name = file_name("Flat out: 1,000 members, window 32");
        assert_eq!(name, "flat-out-1000-members-window-32");
    }
}
