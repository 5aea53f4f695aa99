//! A report as a page for a browser, complete in one file: it loads nothing, so it can be sent on
//! and opened in ten years.
//!
//! Not here: the content of a report ([`report`](crate::report)).

mod bars;
mod charts;
mod image;
mod markup;
mod panels;
mod plot;
mod scale;
mod view;

use std::fmt::Write as _;

pub use bars::{Bar, Bars};
pub use charts::{images, latency_plot, plots};
pub use image::file_name;
pub use panels::Panels;
pub use plot::{Line, Plot};
pub use scale::Spacing;
pub use view::page_of;

use self::markup::escaped;
use crate::report::{Align, Table};

/// Style of a page. The style of drawings comes last: legends take its colours.
const STYLE: &str = concat!(include_str!("style.css"), include_str!("chart.css"));

/// A page that grows from top to bottom.
#[derive(Clone, Debug)]
pub struct Page {
    title: String,
    body: String,
}

/// Meaning of a box on the page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tone {
    /// All is well.
    Good,
    /// Something to know.
    Warning,
    /// Something was not as promised.
    Bad,
}

impl Page {
    /// An empty page.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), body: String::new() }
    }

    /// The title, and a line below it.
    pub fn head(&mut self, title: &str, below: &str) {
        let (title, below) = (escaped(title), escaped(below));
        self.push(format_args!("<header><h1>{title}</h1><p>{below}</p></header>\n"));
    }

    /// A part with a heading begins.
    pub fn heading(&mut self, text: &str) {
        self.push(format_args!("<h2>{}</h2>\n", escaped(text)));
    }

    /// A line of small print.
    pub fn remark(&mut self, text: &str) {
        self.push(format_args!("<p class=\"remark\">{}</p>\n", escaped(text)));
    }

    /// A box that is seen first.
    pub fn banner(&mut self, tone: Tone, what: &str, more: &[String]) {
        let class = match tone {
            Tone::Good => "good",
            Tone::Warning => "warning",
            Tone::Bad => "bad",
        };
        self.push(format_args!("<div class=\"banner {class}\"><b>{}</b>", escaped(what)));
        if !more.is_empty() {
            let items: String =
                more.iter().map(|line| format!("<li>{}</li>", escaped(line))).collect();
            self.push(format_args!("<ul>{items}</ul>"));
        }
        self.push(format_args!("</div>\n"));
    }

    /// Numbers in large letters, with their names.
    pub fn cards(&mut self, cards: &[(String, String)]) {
        if cards.is_empty() {
            return;
        }
        self.push(format_args!("<div class=\"cards\">"));
        for (name, value) in cards {
            let (name, value) = (escaped(name), escaped(value));
            self.push(format_args!("<div><b>{value}</b><span>{name}</span></div>"));
        }
        self.push(format_args!("</div>\n"));
    }

    /// Bars and plots beside each other, as many as fit; plots without a line are left out.
    pub fn charts(&mut self, bars: &[Bars], plots: &[Plot]) {
        let plots = plots.iter().filter(|plot| !plot.is_empty()).map(Plot::svg);
        let drawings: String = bars.iter().map(Bars::svg).chain(plots).collect();
        if !drawings.is_empty() {
            self.push(format_args!("<div class=\"charts\">\n{drawings}</div>\n"));
        }
    }

    /// A table; empty ones are left out.
    pub fn table(&mut self, table: &Table) {
        if table.is_empty() {
            return;
        }
        let aligns = table.columns().iter().map(|column| column.align);
        let cell = |tag: &str, align: Align, text: &str| {
            let class = if align == Align::Right { " class=\"number\"" } else { "" };
            format!("<{tag}{class}>{}</{tag}>", escaped(text))
        };
        let heads = table.columns().iter();
        let heads: String = heads.map(|head| cell("th", head.align, &head.head)).collect();
        let mut rows = String::new();
        for row in table.rows() {
            let cells = row.iter().zip(aligns.clone());
            let cells: String = cells.map(|(text, align)| cell("td", align, text)).collect();
            let _ = writeln!(rows, "<tr>{cells}</tr>");
        }
        self.push(format_args!(
            "<div class=\"table\"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\
             \n</table></div>\n"
        ));
    }

    /// Small print: names and values.
    pub fn details(&mut self, pairs: &[(String, String)]) {
        let pairs: String = pairs
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("<dt>{}</dt><dd>{}</dd>\n", escaped(name), escaped(value)))
            .collect();
        self.push(format_args!("<dl>\n{pairs}</dl>\n"));
    }

    /// The page as it stands in a file.
    #[must_use]
    pub fn html(&self) -> String {
        let (title, body) = (escaped(&self.title), &self.body);
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
             <meta name=\"color-scheme\" content=\"light dark\"/>\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n\
             <body>\n<main>\n{body}</main>\n</body>\n</html>\n"
        )
    }

    fn push(&mut self, what: std::fmt::Arguments<'_>) {
        // Writing into a string does not fail.
        let _ = self.body.write_fmt(what);
    }
}

#[cfg(test)]
mod tests;
