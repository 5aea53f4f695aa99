//! The results of a suite as images for a document: for each load its first figure as bars, and
//! how long things took.

use super::Results;
use super::output::View;
use crate::page::latency_plot;

impl Results {
    /// Names of files, and what stands in them.
    #[must_use]
    pub fn drawings(&self) -> Vec<(String, String)> {
        self.views().flat_map(|view| drawings(&view)).collect()
    }
}

fn drawings(view: &View<'_>) -> Vec<(String, String)> {
    let (load, name) = (&view.load.name, file_name(&view.load.name));
    let of_load = |title: &str| format!("{load}: {title}");
    let bars = view.bars().into_iter().take(1);
    let bars = bars.map(|bars| (format!("{name}.svg"), bars.image(&of_load(&bars.title))));
    let latency = latency_plot(&view.reports.iter().collect::<Vec<_>>());
    let is_seen = !latency.is_empty();
    let image = || (format!("{name}-latency.svg"), latency.image(&of_load(&latency.title)));
    bars.chain(is_seen.then(image)).collect()
}

/// Small letters and digits, with a dash for what is between them; 1,000 is one number.
fn file_name(load: &str) -> String {
    let plain = load.to_lowercase().replace(',', "");
    let words = plain.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_like_its_load() {
        let name = file_name("Flat out: 1,000 members, window 32");
        assert_eq!(name, "flat-out-1000-members-window-32");
    }
}
