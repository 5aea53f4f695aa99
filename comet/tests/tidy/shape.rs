//! How long things are, and how they begin.

use crate::check;
use crate::source::{Source, all};

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 70;
const COLUMNS: usize = 100;

#[test]
fn a_file_has_no_more_lines_than_a_reader_keeps_in_mind() {
    let broken = all().into_iter().filter_map(|source| {
        let lines = source.untested_code().lines().count();
        (lines > FILE_LINES).then(|| format!("{}: {lines} lines", source.path))
    });
    let reason = "A longer file does two things: one mechanism is one file";
    check(&format!("at most {FILE_LINES} lines before the tests"), reason, broken);
}

#[test]
fn a_function_fits_on_a_screen() {
    let broken = all().into_iter().flat_map(|source| {
        let long = source.functions().into_iter().filter(|function| function.len > FUNCTION_LINES);
        long.map(|function| {
            let (name, line, len) = (function.name, function.line, function.len);
            format!("{}:{line}: {name} has {len} lines", source.path)
        })
        .collect::<Vec<_>>()
    });
    let reason = "Control flow that does not fit on a screen is not seen as a whole";
    check(&format!("at most {FUNCTION_LINES} lines in a function"), reason, broken);
}

#[test]
fn a_line_is_read_without_scrolling() {
    let broken = all().into_iter().flat_map(|source| {
        let lines = source.text.lines().zip(1..);
        // A long word, a token or an address, is no easier to read in two pieces.
        let is_word = |line: &str| line.split_whitespace().any(|word| word.len() > COLUMNS / 2);
        let long = lines.filter(|(line, _)| line.chars().count() > COLUMNS && !is_word(line));
        long.map(|(_, number)| format!("{}:{number}", source.path)).collect::<Vec<_>>()
    });
    let reason = "Two files stand side by side on one screen; the formatter leaves strings alone";
    check(&format!("at most {COLUMNS} columns"), reason, broken);
}

#[test]
fn a_module_begins_by_saying_what_it_is() {
    let is_generated = |source: &Source| source.text.starts_with("// @generated");
    let broken = all().into_iter().filter(|source| !is_generated(source)).filter_map(|source| {
        let begins = source.text.lines().find(|line| !line.is_empty() && !line.starts_with("#!["));
        let has_doc = begins.is_some_and(|line| line.starts_with("//!"));
        (!has_doc).then_some(source.path)
    });
    let reason = "Who opens a file wants to know whether it is the right one, and what is not here";
    check("a module begins with `//!`", reason, broken);
}
