//! Tests wait for conditions, not for time.
//!
//! A pause belongs into a loop that looks again. On a paused clock it costs nothing and is exact. A
//! timer that is not awaited on the spot, such as an arm of a `select!`, is not a pause.

use crate::check;
use crate::source::{Source, all, code_of};

/// Calls that let time pass. The last one waits for a condition that never holds.
const PAUSES: [&str; 4] = ["sleep(", "sleep_until(", "park_timeout(", "until(time, || false"];

/// Pauses that are the subject of a test: file, function and reason.
const MEANT: [(&str, &str, &str); 4] = [
    ("examples/server/tests/attacks/line.rs", "pass", "attacks measure what happens in a time"),
    ("examples/server/tests/attacks/quic.rs", "pass", "the same, for those that are tasks"),
    ("examples/server/tests/it/push/load.rs", "pause", "the rate of a load is a matter of time"),
    ("examples/server/tests/it/resume/flow.rs", "pause", "random moments for the next failure"),
];

#[test]
fn tests_do_not_sleep() {
    let broken = all().into_iter().flat_map(|source| {
        let mut lines = sleeps(&source);
        lines.retain(|(_, name)| {
            !MEANT.iter().any(|(path, function, _)| *path == source.path && function == name)
        });
        lines.into_iter().map(move |(line, name)| format!("{}:{line}: {name}", source.path))
    });
    let reason = "A sleep is too short on one machine and too long on all others: wait for the \
                  condition, with a deadline";
    check("nothing sleeps, and a pause is a part of a loop that polls", reason, broken);
}

#[test]
fn pauses_that_are_gone_are_not_excused() {
    let sources = all();
    let broken = MEANT.iter().filter(|(path, function, _)| {
        let source = sources.iter().find(|source| source.path == *path);
        !source.is_some_and(|source| sleeps(source).iter().any(|(_, name)| name == function))
    });
    let reason = "An exception that is not needed lets the next sleep in";
    check("only pauses are in `MEANT`", reason, broken.map(|it| format!("{}: {}", it.0, it.1)));
}

/// Lines with a pause outside of a loop, and the functions that they are in. A thread that sleeps
/// is found everywhere, pauses of other kinds in tests only.
fn sleeps(source: &Source) -> Vec<(usize, String)> {
    let code = &source.code;
    let tests = if source.is_shipped() { source.untested_code().len() } else { 0 };
    let found = PAUSES.iter().flat_map(|pause| code.match_indices(pause));
    let mut lines: Vec<(usize, String)> = found
        .filter(|(at, what)| is_pause(code, *at, what))
        .filter_map(|(at, what)| {
            let heads = enclosing(&code[..at]);
            let function = heads.iter().rposition(|head| has_word(head, "fn"))?;
            let polls = ["while", "loop"];
            let polls =
                heads[function..].iter().any(|head| polls.iter().any(|it| has_word(head, it)));
            let is_virtual = heads[function].contains("start_paused");
            let is_sleep = what.starts_with("sleep") && code[..at].ends_with("thread::");
            let name = words(heads[function]).skip_while(|word| *word != "fn").nth(1);
            let line = 1 + code[..at].matches('\n').count();
            (is_sleep || at >= tests && !polls && !is_virtual)
                .then(|| (line, name.unwrap_or_default().to_owned()))
        })
        .collect();
    lines.sort();
    lines
}

/// Whether the call takes time here: a future has to be awaited for that.
fn is_pause(code: &str, at: usize, what: &str) -> bool {
    let (before, after) = (&code[..at], &code[at..]);
    let is_other = before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.')
        || before.ends_with("fn ");
    let blocks = !what.starts_with("sleep") || before.ends_with("thread::");
    !is_other && (blocks || after_call(after).trim_start().starts_with(".await"))
}

/// The code after the parenthesis that closes the first one.
fn after_call(code: &str) -> &str {
    let mut depth = 0;
    let end = code.char_indices().find(|(_, c)| {
        depth += i32::from(*c == '(') - i32::from(*c == ')');
        *c == ')' && depth == 0
    });
    end.map_or("", |(at, _)| &code[at + 1..])
}

/// What stands before each brace that is still open at the end.
fn enclosing(code: &str) -> Vec<&str> {
    let (mut heads, mut start) = (Vec::new(), 0);
    for (at, c) in code.char_indices() {
        match c {
            '{' => heads.push(&code[start..at]),
            '}' => drop(heads.pop()),
            ';' => {}
            _ => continue,
        }
        start = at + 1;
    }
    heads
}

fn has_word(head: &str, word: &str) -> bool {
    words(head).any(|it| it == word)
}

fn words(head: &str) -> impl Iterator<Item = &str> {
    head.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

#[test]
fn a_pause_in_a_loop_or_on_a_paused_clock_is_no_sleep() {
    let text = "
        fn thread() { loop { thread::sleep(x) } }
        async fn tokio() { tokio::time::sleep(x()).await }
        async fn short() { for _ in 0..3 { sleep(x).await } }
        async fn until_then() { sleep_until(x).await; }
        fn park() { if a { std::thread::park_timeout(x) } }
        fn outside() { loop { fn inside() { park_timeout(x) } } }
        fn pass() { until(time, || false) }
        fn polls() { while !is_so() { park_timeout(x) } loop { match a { _ => sleep(b).await } } }
        async fn first() { tokio::select! { _ = sleep(x) => {} } }
        #[tokio::test(start_paused = true)] async fn virtual_time() { sleep(x).await }
    ";
    let path = "a/tests/b.rs".to_owned();
    let source = Source { path, text: text.to_owned(), code: code_of(text) };
    let names: Vec<String> = sleeps(&source).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["thread", "tokio", "short", "until_then", "park", "inside", "pass"]);
}
