//! Pages as a whole.

use std::time::Duration;

use super::*;
use crate::latency::Latency;
use crate::report::{Report, Sample, Window};

fn report() -> Report {
    let mut report = Report::new("fan");
    report.about.set_label("<relay> & \"others\"");
    report.about.set_subject("address", "ws://127.0.0.1:3102/sub");
    report.findings.window(Window::new("measure", 1.0, 5.0));
    report.findings.throughput("deliveries", 51_234.0, "/s");
    let mut latency = Latency::new();
    (1..=2_000).for_each(|n| latency.record(Duration::from_micros(100 + n * n)));
    report.findings.distribution("delivery", &latency);
    for at in 0..6_u32 {
        report.findings.sample(Sample {
            at: at.into(),
            sessions: Some(1_000),
            deliveries: Some(50_000.0 + f64::from(at)),
            server_cpu: Some(0.4),
            server_memory: Some(40 << 20),
            own_cpu: Some(0.5),
            p50: Some(0.4),
            p99: (at != 3).then_some(1.5),
        });
    }
    report
}

/// Every element is closed where it was opened; returns the names in their order.
fn elements(html: &str) -> Vec<String> {
    let (mut open, mut seen) = (Vec::new(), Vec::new());
    let html = html.strip_prefix("<!DOCTYPE html>").unwrap_or(html);
    for part in html.split('<').skip(1) {
        let (tag, _) = part.split_once('>').unwrap_or_else(|| panic!("<{part} does not end"));
        let name = tag.split([' ', '\n', '/']).find(|name| !name.is_empty()).unwrap().to_owned();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{part}");
        } else {
            seen.push(name.clone());
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
    }
    assert_eq!(open, Vec::<String>::new());
    seen
}

#[test]
fn a_page_is_well_formed_and_has_all_plots() {
    let html = page_of(&report()).html();
    let elements = elements(&html);
    let count = |name: &str| elements.iter().filter(|element| *element == name).count();
    assert_eq!((count("svg"), count("table"), count("h1")), (6, 2, 1));
    assert!(html.contains("&lt;relay&gt; &amp; &quot;others&quot;") && !html.contains("<relay>"));
    assert!(html.contains(">51,234 /s<"), "{html}");
}

#[test]
fn a_page_refers_to_nothing_outside_itself() {
    let html = page_of(&report()).html();
    for word in ["http:", "https:", "src=", "href", "url(", "@import", "<script", "<link", "<img"] {
        assert!(!html.contains(word), "{word}");
    }
}

#[test]
fn violations_come_first_and_take_the_throughput_along() {
    let mut report = report();
    report.findings.violation("3 x lost");
    report.findings.at_most("p99", 3.0, 2.0, "ms");
    report.about.set_interrupted();
    let html = page_of(&report).html();
    elements(&html);
    let at = |what: &str| html.find(what).unwrap_or_else(|| panic!("no {what}"));
    assert!(at("3 x lost") < at("<svg") && at("p99 is 3 ms, more than 2 ms") < at("<svg"));
    assert!(at("the run was interrupted") < at("<svg"));
    assert!(!html.contains("51,234") && !html.contains("deliveries a second"));
}

#[test]
fn a_report_without_anything_is_a_page_too() {
    let html = page_of(&Report::new("idle")).html();
    assert!(!elements(&html).contains(&"svg".to_owned()));
}

#[test]
fn bars_show_their_spread_and_say_where_there_is_none() {
    let bar = |name: &str, values: &[f64]| {
        let figure = crate::report::Figure::new(name, 0.0, "us").of_runs(values);
        Bar { name: name.into(), value: figure.value(), class: "subject", spread: figure.spread() }
    };
    let bars = vec![bar("floor", &[1.0, 2.0, 4.0]), bar("broken", &[])];
    let mut page = Page::new("bars");
    page.charts(&[Bars { title: "cost".into(), unit: "us".into(), bars }], &[]);
    let html = page.html();
    elements(&html);
    // 1, 2 and 4 of 4 on the 360 pixels from 190 on.
    assert!(html.contains("M280.0 17H550.0") && html.contains("width=\"180.0\""), "{html}");
    assert!(html.contains(">none<"));
}

#[test]
fn an_image_has_all_that_it_needs_and_says_it_in_both_schemes() {
    let line = |name: &str| Line { name: name.into(), points: vec![(0.0, 1.0), (0.9, 2.0)] };
    let plot = Plot {
        title: "latency".into(),
        across: (Spacing::Percentile, "share of all"),
        up: Spacing::Logarithmic,
        lines: ["floor", "a & b", "c", "d"].map(line).to_vec(),
        window: None,
    };
    let svg = plot.image("flat out: <latency>");
    let elements = elements(&svg);
    assert_eq!((elements[0].as_str(), svg.matches("<svg").count()), ("svg", 1));
    assert!(
        svg.contains("xmlns=\"http://www.w3.org/2000/svg\"") && svg.contains("a &amp; b</text>")
    );
    assert!(svg.contains(">flat out: &lt;latency&gt;</text>") && svg.contains("dark"), "{svg}");
    // Two rows of keys, the title and a margin above and below 280 pixels.
    assert!(svg.contains("viewBox=\"0 0 664 362\""), "{svg}");
    for word in ["https:", "src=", "href", "url(", "@import", "<script"] {
        assert!(!svg.contains(word), "{word}");
    }
    // What a page draws has the same classes in an image.
    for class in ["grid", "axis", "line", "mid", "end", "c3", "title", "paper"] {
        assert!(svg.contains(&format!(".{class} ")), "{class}");
    }
}
