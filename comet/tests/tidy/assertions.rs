//! Tests assert something, in their own bodies or through helpers of the test tree.
//!
//! A helper counts if it returns nothing: one that returns a value is a fixture, and what it gives
//! is still to be compared. Helpers are found by name and by the way they are called, so all
//! helpers of a crate that share a name must assert before a call of that name counts.

use std::collections::{BTreeMap, HashSet};

use crate::check;
use crate::source::{Function, Source, all, code_of};

/// Beginnings of the macros that assert.
const MACROS: [&str; 4] = ["assert", "prop_assert", "panic!", "unreachable!"];

/// The way a function is called: crate, whether it takes `self`, and name.
type Call = (String, bool, String);

#[test]
fn a_test_asserts_something() {
    let broken = silent(&all());
    let reason = "A test that cannot fail says nothing, and `unwrap` on the way is not a claim";
    check("a test contains an assertion, or calls a helper that asserts", reason, broken);
}

/// Tests without an assertion.
fn silent(sources: &[Source]) -> Vec<String> {
    let asserting = asserting(sources);
    let tests = sources.iter().flat_map(|source| {
        let tests = source.functions().into_iter().filter(|function| function.is_test);
        tests.map(move |test| (source, test))
    });
    let silent = tests.filter(|(source, test)| {
        // What a macro calls is written where it is used.
        let is_given = ["super::$", "$crate::run("].iter().any(|it| test.body.contains(it));
        !test.is_expected_to_panic
            && !is_given
            && !asserts(&crate_of(source), test.body, &asserting)
    });
    silent.map(|(source, test)| format!("{}:{}: {}", source.path, test.line, test.name)).collect()
}

/// Helpers of the test trees that assert, by themselves or through others.
fn asserting(sources: &[Source]) -> HashSet<Call> {
    let mut helpers: BTreeMap<Call, Vec<&str>> = BTreeMap::new();
    for source in sources {
        let name = crate_of(source);
        let functions = source.functions().into_iter().filter(|it| is_helper(source, it));
        for function in functions {
            let call = (name.clone(), function.takes_self(), function.name.to_owned());
            // A fixture with the same name makes the name useless.
            let body = if function.returns_nothing() { function.body } else { "" };
            helpers.entry(call).or_default().push(body);
        }
    }
    let mut known = HashSet::new();
    loop {
        let found = helpers.iter().filter(|(call, bodies)| {
            !known.contains(*call) && bodies.iter().all(|body| asserts(&call.0, body, &known))
        });
        let found: Vec<Call> = found.map(|(call, _)| call.clone()).collect();
        if found.is_empty() {
            return known;
        }
        known.extend(found);
    }
}

/// Whether the function belongs to tests and is not itself one.
fn is_helper(source: &Source, function: &Function<'_>) -> bool {
    let first_test_line = 1 + source.untested_code().matches('\n').count();
    !function.is_test && (!source.is_shipped() || function.line > first_test_line)
}

fn asserts(crate_name: &str, body: &str, known: &HashSet<Call>) -> bool {
    has_macro(body)
        || calls(body).any(|(is_method, name)| {
            let is_known = |it: &str| known.contains(&(it.to_owned(), is_method, name.to_owned()));
            is_known(crate_name) || KITS.into_iter().any(is_known)
        })
}

fn has_macro(body: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let found = MACROS.iter().flat_map(|name| body.match_indices(name));
    found
        .filter(|(at, _)| !body[..*at].ends_with(is_word))
        .any(|(at, _)| body[at..].trim_start_matches(is_word).starts_with('!'))
}

/// Names that are called, and whether as a method.
fn calls(body: &str) -> impl Iterator<Item = (bool, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    body.match_indices('(').filter_map(move |(at, _)| {
        let before = &body[..at];
        let start = before.trim_end_matches(is_word).len();
        let name = &before[start..];
        (!name.is_empty()).then(|| (before[..start].trim_end().ends_with('.'), name))
    })
}

/// The crates that tests of all others may use.
const KITS: [&str; 2] = ["comet/testkit", "examples/server/testkit"];

fn crate_of(source: &Source) -> String {
    let mut parts: Vec<&str> = source.path.split('/').collect();
    let end = parts.iter().position(|part| ["src", "tests", "fuzz_targets"].contains(part));
    parts.truncate(end.unwrap_or(1));
    parts.join("/")
}

#[test]
fn fixtures_and_unwrapped_results_are_no_assertions() {
    let text = "
        fn fixture() -> u8 { assert!(true); 1 }
        fn ok() { assert_eq!(1, 2) }
        fn through() { ok() }
        impl A { fn ok(&self) {} fn sure(&self) { through() } }
        #[test] fn t1() { fixture(); }
        #[test] fn t2() { x().unwrap(); y().expect(\"\") }
        #[test] fn t3() { a.ok() }
        #[test] fn t4() { my_assert(); let assertion = 1; }
        #[test] fn t5() { through() }
        #[test] fn t6() { a.sure() }
        #[test] fn t7() { debug(|| matches!(x, Y)); prop_assert!(x) }
        #[test] #[should_panic(expected = \"a\")] fn t8() { x() }
    ";
    let path = "a/tests/b.rs".to_owned();
    let source = Source { path, text: text.to_owned(), code: code_of(text) };
    let silent: Vec<String> = silent(&[source]);
    let names: Vec<&str> = silent.iter().filter_map(|it| it.rsplit(' ').next()).collect();
    assert_eq!(names, ["t1", "t2", "t3", "t4"]);
}
