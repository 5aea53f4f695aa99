//! Results of a suite as text, as Markdown and as a page.

use super::{Load, Results};
use crate::compare::{Comparison, Difference, Row};
use crate::page::{Bar, Bars, Page, Tone, latency_plot};
use crate::report::{Report, Table, shown};

/// By which share single runs differ without meaning anything.
const NOISE: f64 = 0.05;
const RATIOS: &str = "ratios are to the first line of each table, those with ~ within the spread";
/// Figures that are drawn.
const DRAWN: usize = 3;

/// One load, ready to be shown.
pub(super) struct View<'a> {
    results: &'a Results,
    pub(super) load: &'a Load,
    /// The baseline first.
    pub(super) reports: Vec<Report>,
    /// Whether it is there.
    has_baseline: bool,
    /// The figures that count.
    rows: Vec<Row>,
}

impl<'a> View<'a> {
    fn new(results: &'a Results, load: &'a Load) -> Option<Self> {
        let reports = results.medians(&load.name);
        let (first, others) = reports.split_first()?;
        let all = Comparison::with(first, others, NOISE);
        let counts = |row: &&Row| match &load.figures[..] {
            [] => first.findings.find(&row.name).is_none_or(|figure| figure.better().is_some()),
            named => named.contains(&row.name),
        };
        let mut rows: Vec<Row> = all.rows().iter().filter(counts).cloned().collect();
        let place = |row: &Row| load.figures.iter().position(|name| *name == row.name);
        rows.sort_by_key(place);
        let has_baseline = results.have_baseline(&load.name, &reports);
        Some(Self { results, load, reports, has_baseline, rows })
    }

    /// A line for each server: each figure with its spread, and its ratio to the baseline.
    fn table(&self) -> Table {
        let figures = self.rows.iter().flat_map(|row| [row.name.clone(), "ratio".to_owned()]);
        let mut table = Table::new(std::iter::once("server".to_owned()).chain(figures));
        for (at, report) in self.reports.iter().enumerate() {
            let ratio = |row| if self.has_baseline { ratio(row, at) } else { String::new() };
            let cells = self.rows.iter().flat_map(|row| [value(row, report, at), ratio(row)]);
            table.row(std::iter::once(report.about.name().to_owned()).chain(cells));
        }
        table
    }

    pub(super) fn bars(&self) -> Vec<Bars> {
        self.rows.iter().take(DRAWN).map(|row| self.bars_of(row)).collect()
    }

    /// The bars of one figure, if it is among those that count.
    pub(super) fn bars_named(&self, figure: &str) -> Option<Bars> {
        self.rows.iter().find(|row| row.name == figure).map(|row| self.bars_of(row))
    }

    fn bars_of(&self, row: &Row) -> Bars {
        let bars = self.reports.iter().enumerate().map(|(at, report)| Bar {
            name: report.about.name().to_owned(),
            value: plain(row, at).unwrap_or(f64::NAN),
            class: self.results.class_of(report.about.name()),
            spread: report.findings.find(&row.name).and_then(crate::report::Figure::spread),
        });
        Bars { title: row.name.clone(), unit: row.unit.clone(), bars: bars.collect() }
    }

    /// The load, and the number of its runs.
    fn plan_line(&self) -> String {
        let plan = self.reports.first().map(|it| it.about.plan_line()).unwrap_or_default();
        let cells = self.results.cells.iter().filter(|cell| cell.load == self.load.name);
        let runs = cells.map(|cell| cell.runs.len()).max().unwrap_or_default();
        format!("{plan}; {runs} {}", if runs == 1 { "run" } else { "runs" })
    }
}

fn plain(row: &Row, at: usize) -> Option<f64> {
    match at.checked_sub(1) {
        None => Some(row.base),
        Some(other) => row.others.get(other).and_then(|it| it.value),
    }
}

fn value(row: &Row, report: &Report, at: usize) -> String {
    let Some(value) = plain(row, at) else { return "none".to_owned() };
    let text = shown(value, &row.unit);
    match report.findings.find(&row.name).and_then(crate::report::Figure::spread) {
        Some(spread) => {
            // Bytes have the unit that fits; with others one is enough.
            let unit = if row.unit == "bytes" { "bytes" } else { "" };
            let (least, most) = (shown(spread.least, unit), shown(spread.most, unit));
            format!("{text} ({least} to {most})")
        }
        None => text,
    }
}

/// A difference that means nothing is only about so large.
fn ratio(row: &Row, at: usize) -> String {
    match at.checked_sub(1).and_then(|other| row.others.get(other)) {
        None => "1".to_owned(),
        Some(it) if !it.ratio.is_finite() => String::new(),
        Some(it) if it.verdict == Difference::Same => format!("~{:.2}", it.ratio),
        Some(it) => format!("{:.2}", it.ratio),
    }
}

impl Results {
    pub(super) fn views(&self) -> impl Iterator<Item = View<'_>> {
        self.loads.iter().filter_map(|load| View::new(self, load))
    }

    /// Remarks on all of it.
    fn preface(&self) -> Vec<String> {
        let partial = "partial: the suite was interrupted".to_owned();
        let partial = (!self.complete).then_some(partial);
        let left_out = self.skipped.iter().map(|it| format!("{}: {}", it.server, it.why));
        partial.into_iter().chain(left_out).collect()
    }

    /// Tables for a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.suite.clone();
        self.preface().iter().for_each(|line| text.push_str(&format!("\n  {line}")));
        for view in self.views() {
            text.push_str(&format!("\n\n{}\n\n{}", view.load.name, view.table()));
            let remarks = self.remarks(&view.load.name);
            remarks.iter().for_each(|line| text.push_str(&format!("\n  {line}")));
        }
        text
    }

    /// Tables for a document.
    #[must_use]
    pub fn markdown(&self) -> String {
        let machine = &self.machine;
        let mut text = format!(
            "## {}\n\n{}, {} cores, Linux {}, {}. Medians, in brackets the least and the most; \
             {RATIOS}.\n",
            self.suite, machine.cpu, machine.cores, machine.kernel, self.started,
        );
        self.preface().iter().for_each(|line| text.push_str(&format!("\n* {line}")));
        for view in self.views() {
            let plan = view.plan_line();
            let (name, table) = (&view.load.name, view.table().markdown());
            text.push_str(&format!("\n### {name}\n\n{plan}\n\n{table}"));
            let remarks = self.remarks(name);
            if !remarks.is_empty() {
                text.push('\n');
            }
            remarks.iter().for_each(|line| text.push_str(&format!("* {line}\n")));
        }
        text
    }

    /// The page for a browser.
    #[must_use]
    pub fn page(&self) -> Page {
        let mut page = Page::new(format!("comet-bench: {}", self.suite));
        let machine = &self.machine;
        page.head(
            &self.suite,
            &format!("{}, {} cores, Linux {}", machine.cpu, machine.cores, machine.kernel),
        );
        let preface = self.preface();
        if !preface.is_empty() {
            page.banner(Tone::Warning, "Not everything is here", &preface);
        }
        for view in self.views() {
            page.heading(&view.load.name);
            page.remark(&view.plan_line());
            let remarks = self.remarks(&view.load.name);
            if !remarks.is_empty() {
                page.banner(Tone::Warning, "Before you read the figures", &remarks);
            }
            let latency = latency_plot(&view.reports.iter().collect::<Vec<_>>());
            page.charts(&view.bars(), &[latency]);
            page.table(&view.table());
        }
        page.heading("The suite");
        page.details(&[
            ("began".into(), self.started.clone()),
            ("figures".into(), format!("medians, in brackets the least and the most; {RATIOS}")),
        ]);
        page
    }
}
