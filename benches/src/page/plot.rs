//! A line plot as SVG, with the colours of the page.

use std::fmt::Write as _;

use super::image::Drawing;
use super::markup::escaped;
use super::scale::{Scale, Spacing};

/// Lines over a common axis.
#[derive(Clone, Debug)]
pub struct Plot {
    /// The title, with the unit of the vertical axis.
    pub title: String,
    /// Spacing and label of the horizontal axis.
    pub across: (Spacing, &'static str),
    /// Spacing of the vertical axis.
    pub up: Spacing,
    /// The lines.
    pub lines: Vec<Line>,
    /// A part of the axis below that is shaded: where the figures come from.
    pub window: Option<(f64, f64)>,
}

/// One of the lines.
#[derive(Clone, Debug)]
pub struct Line {
    /// The label.
    pub name: String,
    /// From left to right.
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 28.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 40.0;
/// Colours that the page knows.
const COLOURS: usize = 8;

impl Plot {
    /// Whether there is a line to see.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| line.points.len() < 2)
    }

    /// The drawing with its title and the names of its lines.
    #[must_use]
    pub fn svg(&self) -> String {
        let Drawing { body, size: (width, height), keys } = self.drawing();
        let title = escaped(&self.title);
        format!(
            "<figure>\n<figcaption>{title}{}</figcaption>\n\
             <svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\">\n\
             {body}</svg>\n</figure>\n",
            legend(&keys),
        )
    }

    /// An image of its own, for a document.
    #[must_use]
    pub fn image(&self, title: &str) -> String {
        self.drawing().image(title)
    }

    fn drawing(&self) -> Drawing {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let shown = |(from, to): (f64, f64)| [from, to].into_iter();
        let window = self.window.into_iter().flat_map(shown);
        let across =
            Scale::over(self.across.0, points().map(|p| p.0).chain(window), (LEFT, WIDTH - RIGHT));
        let up = Scale::over(self.up, points().map(|p| p.1), (HEIGHT - BOTTOM, TOP));
        let mut svg = String::new();
        self.shade(&mut svg, &across);
        self.axes(&mut svg, &across, &up);
        for (at, line) in self.lines.iter().enumerate() {
            let (path, name) = (path(&line.points, &across, &up), escaped(&line.name));
            let class = class(at);
            let _ = writeln!(svg, "<path class=\"line {class}\" d=\"{path}\">");
            let _ = writeln!(svg, "<title>{name}</title></path>");
        }
        let keys = self.lines.iter().enumerate().map(|(at, line)| (class(at), line.name.clone()));
        let keys = if self.lines.len() < 2 { Vec::new() } else { keys.collect() };
        Drawing { body: svg, size: (WIDTH, HEIGHT), keys }
    }

    fn shade(&self, svg: &mut String, across: &Scale) {
        if let Some((from, to)) = self.window {
            let (x, width) = (across.at(from), across.at(to) - across.at(from));
            let height = HEIGHT - TOP - BOTTOM;
            let _ = writeln!(
                svg,
                "<rect class=\"window\" x=\"{x:.1}\" y=\"{TOP}\" width=\"{width:.1}\" \
                 height=\"{height}\"/>"
            );
        }
    }

    fn axes(&self, svg: &mut String, across: &Scale, up: &Scale) {
        let (right, below) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for (value, text) in up.ticks() {
            let y = up.at(value);
            let _ = writeln!(svg, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>");
            let (x, y) = (LEFT - 8.0, y + 4.0);
            let _ = writeln!(svg, "<text class=\"end\" x=\"{x}\" y=\"{y:.1}\">{text}</text>");
        }
        for (value, text) in across.ticks() {
            let (x, end, y) = (across.at(value), below + 5.0, below + 18.0);
            let _ = writeln!(svg, "<path class=\"grid\" d=\"M{x:.1} {below}V{end}\"/>");
            let _ = writeln!(svg, "<text class=\"mid\" x=\"{x:.1}\" y=\"{y}\">{text}</text>");
        }
        let _ = writeln!(svg, "<path class=\"axis\" d=\"M{LEFT} {below}H{right}\"/>");
        let (x, y, name) = (f64::midpoint(LEFT, right), HEIGHT - 4.0, self.across.1);
        let _ = writeln!(svg, "<text class=\"mid\" x=\"{x}\" y=\"{y}\">{name}</text>");
    }
}

fn legend(keys: &[(String, String)]) -> String {
    let key = |(class, name): &(String, String)| {
        format!("<span class=\"key {class}\">{}</span>", escaped(name))
    };
    keys.iter().map(key).collect()
}

/// A colour of its own; when all are used up, the same ones dashed.
fn class(at: usize) -> String {
    let dashed = if (at / COLOURS) % 2 == 1 { " dashed" } else { "" };
    format!("c{}{dashed}", at % COLOURS)
}

/// Through all points that are numbers; where one is missing, there is a gap in the line.
fn path(points: &[(f64, f64)], across: &Scale, up: &Scale) -> String {
    let mut path = String::new();
    let mut pen = 'M';
    for (x, y) in points {
        if x.is_finite() && y.is_finite() {
            let _ = write!(path, "{pen}{:.1} {:.1}", across.at(*x), up.at(*y));
            pen = 'L';
        } else {
            pen = 'M';
        }
    }
    path
}
