//! The style of the workspace, held by a test: a rule is broken where it is broken, and the failure
//! says why the rule is there.

mod assertions;
mod cycles;
mod documents;
mod floors;
mod imports;
mod kits;
mod shape;
mod source;
mod types;
mod waiting;
mod words;
mod wrappers;

/// Fails unless nobody breaks the rule.
fn check(rule: &str, reason: &str, broken: impl IntoIterator<Item = String>) {
    let broken: Vec<String> = broken.into_iter().collect();
    assert!(broken.is_empty(), "\n\n{rule}:\n{reason}.\n\n{}\n", broken.join("\n"));
}
