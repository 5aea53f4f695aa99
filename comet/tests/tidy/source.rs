//! The sources of all crates, and as much of their grammar as the rules need.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold crates, or are one.
const CRATES: [&str; 6] = ["protocol", "comet", "backends", "examples", "benches", "fuzz"];

/// One file.
pub(crate) struct Source {
    /// From the workspace's root.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text without comments and without what strings say, line by line where it was.
    pub(crate) code: String,
}

/// A function with a body.
pub(crate) struct Function<'a> {
    pub(crate) name: &'a str,
    /// Where it begins.
    pub(crate) line: usize,
    /// Lines from its name to its last brace.
    pub(crate) len: usize,
    /// Parameters and return type.
    pub(crate) signature: &'a str,
    pub(crate) body: &'a str,
    pub(crate) is_test: bool,
    pub(crate) is_expected_to_panic: bool,
}

impl Function<'_> {
    pub(crate) fn takes_self(&self) -> bool {
        let parameters = self.signature.split_once('(').map_or("", |(_, after)| after);
        let first = parameters.split([',', ')', ':']).next().unwrap_or_default();
        first.split([' ', '&']).any(|word| word == "self")
    }

    /// Whether a caller gets no value to compare.
    pub(crate) fn returns_nothing(&self) -> bool {
        let mut depth = 0;
        let end = self.signature.char_indices().skip_while(|(_, c)| *c != '(').find(|(_, c)| {
            depth += i32::from(*c == '(') - i32::from(*c == ')');
            depth == 0
        });
        let after = end.map_or("", |(at, _)| &self.signature[at + 1..]);
        after.trim_start().strip_prefix("->").is_none_or(|it| it.trim_start().starts_with('!'))
    }
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_path_buf()
}

/// A file that is no source, if it is there.
pub(crate) fn document(path: &str) -> Option<String> {
    fs::read_to_string(root().join(path)).ok()
}

/// Every Rust file of the workspace.
pub(crate) fn all() -> Vec<Source> {
    let mut sources = Vec::new();
    CRATES.iter().for_each(|name| collect(&root().join(name), &mut sources));
    assert!(sources.len() > 50, "the sources are somewhere else");
    sources
}

/// Every manifest of the workspace, from its root.
pub(crate) fn manifests() -> Vec<String> {
    fn find(folder: &Path, found: &mut Vec<String>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().unwrap_or_default();
            if path.is_dir() && name != "target" && name != "node_modules" {
                find(&path, found);
            } else if name == "Cargo.toml" {
                let path = path.strip_prefix(root()).expect("inside");
                found.push(path.display().to_string());
            }
        }
    }
    let mut found = vec!["Cargo.toml".to_owned()];
    CRATES.iter().for_each(|name| find(&root().join(name), &mut found));
    found
}

fn collect(folder: &Path, sources: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() && name != "target" && name != "node_modules" {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && let Ok(text) = fs::read_to_string(&path)
        {
            let path = path.strip_prefix(root()).expect("inside").display().to_string();
            sources.push(Source { path, code: code_of(&text), text });
        }
    }
}

impl Source {
    /// Whether it is part of a program or library, not of its tests or of what they stand on.
    pub(crate) fn is_shipped(&self) -> bool {
        !self.path.split('/').any(|part| ["tests", "tests.rs", "testkit"].contains(&part))
    }

    /// What comes before the tests at the end of the file.
    pub(crate) fn untested_code(&self) -> &str {
        let tests = self.code.find("#[cfg(test)]\nmod tests {").unwrap_or(self.code.len());
        &self.code[..tests]
    }

    /// The places of a piece of code, as `path:line`.
    pub(crate) fn places(&self, what: &str) -> Vec<String> {
        places(self.untested_code(), what)
            .map(|line| format!("{}:{line}: {what}", self.path))
            .collect()
    }

    /// Every function with a body.
    pub(crate) fn functions(&self) -> Vec<Function<'_>> {
        let code = &self.code;
        let starts = code.match_indices("fn ").filter(|(at, _)| !follows_word(code, *at));
        starts.filter_map(|(at, _)| function(code, at)).collect()
    }
}

/// The lines on which something is found.
pub(crate) fn places<'a>(text: &'a str, what: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.lines().zip(1..).filter(move |(line, _)| line.contains(what)).map(|(_, number)| number)
}

fn follows_word(code: &str, at: usize) -> bool {
    code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
}

fn function(code: &str, start: usize) -> Option<Function<'_>> {
    let rest = &code[start + 3..];
    let name_len = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    let open = body_of(rest)?;
    let close = open + matching_brace(&rest[open..])?;
    let before = code[..start].trim_end_matches(|c: char| c != '}' && c != ';' && c != '{');
    let attributes = &code[before.len()..start];
    Some(Function {
        name: &rest[..name_len],
        line: 1 + code[..start].matches('\n').count(),
        len: rest[..close].lines().count(),
        signature: &rest[name_len..open],
        body: &rest[open..close],
        is_test: attributes.contains("#[test]") || attributes.contains("::test"),
        is_expected_to_panic: attributes.contains("#[should_panic"),
    })
}

/// Where the body begins; a function without one ends in a semicolon before that.
fn body_of(signature: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in signature.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            ';' if depth == 0 => return None,
            '{' if depth == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

pub(crate) fn matching_brace(code: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in code.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return Some(at + 1),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Blanks comments, and what stands in strings and characters; lines stay where they are.
pub(crate) fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (skip, keep) = token(rest, code.chars().last());
        if skip == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        code.push_str(keep);
        code.extend(rest[..skip].chars().filter(|&c| c == '\n'));
        code.push_str(keep);
        rest = &rest[skip..];
    }
    code
}

/// Length of the comment, string or character that begins here, 0 if none does, and the quote that
/// stays on both sides of it.
fn token(rest: &str, before: Option<char>) -> (usize, &'static str) {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), "");
    }
    if rest.starts_with("/*") {
        return (rest.find("*/").map_or(rest.len(), |end| end + 2), "");
    }
    let raw = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'));
    if let (false, Some(raw)) = (in_word, raw)
        && raw.trim_start_matches('#').starts_with('"')
    {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let end = format!("\"{}", "#".repeat(hashes));
        let inside = rest.len() - raw.len() + hashes + 1;
        return (rest[inside..].find(&end).map_or(rest.len(), |at| inside + at + end.len()), "\"");
    }
    match rest.as_bytes()[0] {
        b'"' => (quoted(rest, '"'), "\""),
        // A lifetime has no quote after its first character.
        b'\'' if rest[1..].starts_with('\\') => (quoted(rest, '\''), "'"),
        b'\'' if rest[1..].chars().nth(1) == Some('\'') => (quoted(rest, '\''), "'"),
        _ => (0, ""),
    }
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[test]
fn comments_strings_and_characters_are_no_code() {
    let text =
        "let a = \"{ // \\\" }\"; // {\nlet b = '{'; let c: &'a str = r#\"{\"\n\"#; /* {\n */ b";
    let code = "let a = \"\"; \nlet b = ''; let c: &'a str = \"\n\n\"; \n b";
    assert_eq!(code_of(text), code.replace("\"\n\n\"", "\"\n\""));
}

#[test]
fn a_function_is_found_with_its_length_and_its_attributes() {
    let text = "#[test]\nfn one() {\n  if a { b }\n}\n\nfn two(a: [u8; 2]);\nfn three() {}\n";
    let source = Source { path: String::new(), text: text.into(), code: code_of(text) };
    let found: Vec<_> =
        source.functions().iter().map(|f| (f.name, f.line, f.len, f.is_test)).collect();
    assert_eq!(found, [("one", 2, 3, true), ("three", 7, 1, false)]);
}
