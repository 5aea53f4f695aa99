//! Progress of a run: on a terminal a bar with live figures, elsewhere a plain line every few
//! seconds. All on standard error; standard output is for results.
//!
//! Not here: the report at the end (`report`).

mod lines;
mod live;

use std::io::{self, IsTerminal};
use std::time::Duration;

use comet_protocol::client::Time;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lines::Lines;
pub use live::LiveFigures;

use crate::clock;

/// Progress of a run on standard error.
#[derive(Debug)]
pub struct Progress {
    display: ProgressDisplay,
    phase: Phase,
}

/// A part of the run.
#[derive(Clone, Debug)]
struct Phase {
    name: String,
    began: Time,
    lasting: Option<Duration>,
}

#[derive(Debug)]
enum ProgressDisplay {
    /// No output.
    Silent,
    Bar(ProgressBar),
    Lines(Lines),
}

/// Redraws of a bar in a second, at most.
const HERTZ: u8 = 10;

impl Progress {
    /// A bar if standard error is a terminal, lines if not; nothing if `is_quiet`.
    #[must_use]
    pub fn new(is_quiet: bool) -> Self {
        let display = match (is_quiet, io::stderr().is_terminal()) {
            (true, _) => ProgressDisplay::Silent,
            (false, true) => ProgressDisplay::Bar(bar()),
            (false, false) => ProgressDisplay::Lines(Lines::new(Box::new(io::stderr()))),
        };
        Self::with(display)
    }

    /// Plain lines into a place of one's own.
    #[must_use]
    pub fn lines_into(out: Box<dyn io::Write + Send>) -> Self {
        Self::with(ProgressDisplay::Lines(Lines::new(out)))
    }

    fn with(display: ProgressDisplay) -> Self {
        Self { display, phase: Phase { name: String::new(), began: clock::now(), lasting: None } }
    }

    /// A part of the run begins; it has a bar if it is known how long it will take.
    pub fn phase(&mut self, name: &str, lasting: Option<Duration>) {
        let now = clock::now();
        self.phase = Phase { name: name.to_owned(), began: now, lasting };
        match &mut self.display {
            ProgressDisplay::Silent => {}
            ProgressDisplay::Bar(bar) => {
                bar.set_style(style(lasting.is_some()));
                bar.reset_elapsed();
                bar.set_prefix(name.to_owned());
                bar.set_message("");
                bar.set_length(lasting.map_or(0, millis));
                bar.set_position(0);
            }
            ProgressDisplay::Lines(lines) => lines.begin(now, &self.phase),
        }
    }

    /// Updates the live figures; to be called as often as they are known.
    pub fn update(&mut self, live: &LiveFigures) {
        let now = clock::now();
        match &mut self.display {
            ProgressDisplay::Silent => {}
            ProgressDisplay::Bar(bar) => {
                bar.set_position(millis(now.since(self.phase.began)));
                bar.set_message(live.to_string());
            }
            ProgressDisplay::Lines(lines) => lines.update(now, &self.phase, live),
        }
    }

    /// A line that stays.
    pub fn print(&mut self, line: &str) {
        match &mut self.display {
            ProgressDisplay::Silent => {}
            ProgressDisplay::Bar(bar) => bar.println(line),
            ProgressDisplay::Lines(lines) => lines.print(line),
        }
    }

    /// Clears the bar: the result comes next on the terminal.
    pub fn finish(&mut self) {
        if let ProgressDisplay::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

fn bar() -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(HERTZ);
    ProgressBar::with_draw_target(Some(0), target).with_style(style(false))
}

const BOUNDED: &str = "{prefix:>8.bold} {bar:24.green/dim} {elapsed:>3} {wide_msg}";
const OPEN: &str = "{prefix:>8.bold} {spinner:.green} {elapsed:>3} {wide_msg}";

/// A phase without a known end has no bar to fill.
fn style(has_end: bool) -> ProgressStyle {
    let style = ProgressStyle::with_template(if has_end { BOUNDED } else { OPEN });
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─")
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_of_bars_are_well_formed() {
        let broken = |template| ProgressStyle::with_template(template).err();
        assert!(broken(BOUNDED).is_none() && broken(OPEN).is_none());
    }
}
