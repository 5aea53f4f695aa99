//! Routers around other routers.

use crate::check;
use crate::source::all;

/// Implementations of `Router` for one that is generic over another.
const GENERIC: [&str; 2] = ["impl<R: Router> Router for", "impl<R: Router + ?Sized> Router for"];

/// Implementations that forward by hand.
const BY_HAND: [&str; 1] = ["comet/src/gateway/router.rs"];

#[test]
fn wrappers_forward_by_default() {
    let shipped = all().into_iter().filter(|source| source.is_shipped());
    let broken = shipped
        .filter(|source| !BY_HAND.contains(&source.path.as_str()))
        .flat_map(|source| GENERIC.iter().flat_map(|it| source.places(it)).collect::<Vec<_>>());
    let reason = "A call that a wrapper does not implement never reaches the router inside";
    check("routers that wrap another one implement `Middleware`", reason, broken);
}

#[test]
fn each_wrapper_is_tested_with_every_call() {
    let sources = all();
    let tests: Vec<String> = sources
        .iter()
        .filter(|source| source.code.contains("swallowed_calls("))
        .map(|source| source.code.clone())
        .collect();
    let wrappers = sources.iter().filter(|source| source.is_shipped()).flat_map(|source| {
        let code = source.untested_code();
        code.match_indices(" Middleware for ").map(move |(at, found)| {
            let name = &code[at + found.len()..];
            let end = name.find(|c: char| !c.is_alphanumeric()).unwrap_or(name.len());
            (source.path.clone(), name[..end].to_owned())
        })
    });
    let wrappers: Vec<_> = wrappers.collect();
    assert!(wrappers.len() >= 2, "the wrappers are called otherwise: {wrappers:?}");
    let is_tested = |name: &str| tests.iter().any(|test| test.contains(&format!("{name}::new(")));
    let broken = wrappers
        .into_iter()
        .filter(|(_, name)| !is_tested(name))
        .map(|(path, name)| format!("{path}: {name}"));
    let reason = "A wrapper that overrides a method may keep it from the router inside";
    check("wrappers are tested with `swallowed_calls`", reason, broken);
}
