//! Where what tests stand on may be used.

use crate::check;
use crate::source::{all, document, manifests, places};

/// Crates for tests, and who may depend on them as other crates do: each other, in this order.
const KITS: [&str; 2] = ["comet-testkit", "comet-server-testkit"];

/// Whether a line of a manifest names one of the kits as a dependency.
fn names_a_kit(line: &str) -> bool {
    KITS.iter().any(|kit| {
        line.trim_start().strip_prefix(kit).is_some_and(|rest| rest.starts_with([' ', '.', '=']))
    })
}

/// Lines of a manifest that name a kit below other headings than `[dev-dependencies]`.
fn shipped_kits(manifest: &str) -> Vec<&str> {
    let mut heading = "";
    let lines = manifest.lines().filter(|line| {
        if line.starts_with('[') {
            heading = line;
        }
        !heading.contains("dev-dependencies") && names_a_kit(line)
    });
    lines.collect()
}

#[test]
fn what_is_for_tests_is_shipped_with_nothing() {
    let manifests = manifests();
    assert!(manifests.len() > 10, "the manifests are somewhere else: {manifests:?}");
    let others = manifests.iter().filter(|path| !path.contains("testkit") && *path != "Cargo.toml");
    let broken = others.flat_map(|path| {
        let text = document(path).expect("a manifest");
        let found = shipped_kits(&text).into_iter().map(|line| format!("{path}: {line}"));
        found.collect::<Vec<_>>()
    });
    let reason =
        "It panics where a test would fail, and what it does not use is not what is tested";
    check("test kits are dev-dependencies", reason, broken);
}

#[test]
fn a_kit_knows_nothing_of_the_code_under_test() {
    let manifest = document("comet/testkit/Cargo.toml").expect("the test kit");
    let broken = manifest.lines().filter(|line| line.starts_with("comet-")).map(str::to_owned);
    let reason =
        "A mistake of an encoder must not meet the same mistake in the client of its tests";
    check("the test kit depends on no crate of the workspace", reason, broken);
}

#[test]
fn no_file_is_a_module_of_two_crates() {
    let broken = all().into_iter().flat_map(|source| {
        let lines = places(&source.code, "#[path").map(|line| format!("{}:{line}", source.path));
        lines.collect::<Vec<_>>()
    });
    let reason =
        "It is compiled twice and in each place half used; what two tests need is in a kit";
    check("no `#[path]`", reason, broken);
}

#[test]
fn a_kit_among_dependencies_is_found() {
    let manifest = "[dependencies]\ncomet-testkit.workspace = true\ncomet-testkits = \"1\"\n\n\
                    [dev-dependencies]\ncomet-testkit.workspace = true\n\n\
                    [build-dependencies]\ncomet-server-testkit = { path = \"x\" }\n";
    let found = shipped_kits(manifest);
    let expected = ["comet-testkit.workspace = true", "comet-server-testkit = { path = \"x\" }"];
    assert_eq!(found, expected);
}
