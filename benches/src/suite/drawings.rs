//! Results of a suite as images for a document: for each load its first figure as bars and its
//! latencies as a plot, and one overview.

use super::Results;
use super::output::View;
use crate::page::{file_name, latency_plot};

impl Results {
    /// File names and contents.
    #[must_use]
    pub fn drawings(&self) -> Vec<(String, String)> {
        let overview = self.overview().map(|image| ("overview.svg".to_owned(), image));
        overview.into_iter().chain(self.views().flat_map(|view| drawings(&view))).collect()
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
