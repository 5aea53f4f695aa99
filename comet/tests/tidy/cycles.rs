//! Imports that go one way: between the modules of each folder, and in the harness from top to
//! bottom.

use std::collections::{BTreeMap, BTreeSet};

use crate::check;
use crate::imports::{Imports, imports, roots};
use crate::source::all;

/// Modules of the harness, from top to bottom: each may import what stands below it.
const HARNESS: [&str; 23] = [
    "command", "suite", "scenario", "compare", "page", "report", "run", "plan", "audience",
    "oracle", "proxy", "driver", "dialect", "account", "server", "floor", "terminal", "host",
    "schedule", "clock", "latency", "timeline", "number",
];

/// Modules of the harness that show what was measured, and those that measure.
const SHOWING: [&str; 4] = ["suite", "compare", "page", "report"];
const MEASURING: [&str; 5] = ["scenario", "run", "audience", "oracle", "driver"];

/// Each circle, as the folder and the imports that are part of it.
fn cycles() -> BTreeMap<String, Vec<String>> {
    let sources = all();
    let mut cycles = BTreeMap::new();
    for root in roots(&sources) {
        for (folder, edges) in imports(&root, &sources) {
            let path: Vec<&str> =
                [root.as_str()].into_iter().chain(folder.iter().map(String::as_str)).collect();
            let graph = reachable(edges.keys());
            let leads_back = |(from, to): &(String, String)| graph[to].contains(from);
            let circle = edges.iter().filter(|(edge, _)| leads_back(edge));
            let lines: Vec<String> = circle.map(|(_, why)| why.clone()).collect();
            if !lines.is_empty() {
                cycles.insert(path.join("/"), lines);
            }
        }
    }
    cycles
}

/// The modules that each leads to, by any number of imports.
fn reachable<'a>(
    edges: impl Iterator<Item = &'a (String, String)>,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to) in edges {
        graph.entry(from.clone()).or_default().insert(to.clone());
        graph.entry(to.clone()).or_default();
    }
    loop {
        let before: usize = graph.values().map(BTreeSet::len).sum();
        for name in graph.keys().cloned().collect::<Vec<_>>() {
            let further: BTreeSet<String> =
                graph[&name].iter().flat_map(|next| graph[next].iter().cloned()).collect();
            graph.entry(name).or_default().extend(further);
        }
        if graph.values().map(BTreeSet::len).sum::<usize>() == before {
            return graph;
        }
    }
}

#[test]
fn modules_of_a_folder_do_not_import_each_other_in_a_circle() {
    let broken = cycles()
        .into_iter()
        .flat_map(|(folder, lines)| lines.into_iter().map(move |line| format!("{folder}: {line}")));
    let reason = "Modules that need each other are one module: neither can be read, tested or \
                  moved without the other";
    check("no import cycle between the modules of one folder", reason, broken);
}

#[test]
fn a_circle_is_found_however_long_it_is() {
    let edges = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")];
    let edges = edges.map(|(from, to)| (from.to_owned(), to.to_owned()));
    let graph = reachable(edges.iter());
    let in_circle = |name: &&str| graph[*name].contains(*name);
    let circle: Vec<&str> = ["a", "b", "c", "d"].into_iter().filter(in_circle).collect();
    assert_eq!(circle, ["a", "b", "c"]);
}

fn harness() -> BTreeMap<(String, String), String> {
    let imports: Imports = imports("benches/src", &all());
    imports.get(&Vec::new()).cloned().unwrap_or_default()
}

#[test]
fn the_harness_imports_from_top_to_bottom() {
    let place = |name: &str| HARNESS.iter().position(|known| *known == name);
    let broken = harness()
        .into_iter()
        .filter(|((from, to), _)| place(from).zip(place(to)).is_none_or(|(from, to)| from >= to));
    let reason = "The list in `benches/src/lib.rs` says what may be known where";
    check("a module of the harness imports what stands below it", reason, broken.map(|it| it.1));
}

#[test]
fn reports_of_the_harness_know_no_engine() {
    let broken = harness().into_iter().filter(|((from, to), _)| {
        SHOWING.contains(&from.as_str()) && MEASURING.contains(&to.as_str())
    });
    let reason = "Reports are read, compared and drawn without anything being measured";
    check("reports, pages and suites import nothing that measures", reason, broken.map(|it| it.1));
}
