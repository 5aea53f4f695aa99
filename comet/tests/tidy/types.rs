//! The size of types, and the place of their `impl` blocks, which no limit on files can see.
//!
//! Fields of structs and all functions of inherent `impl` blocks count, whatever their visibility,
//! and the functions of a trait. Types of one name in different modules are different types.
//! Functions that a macro makes are not seen.

use std::collections::BTreeMap;

use crate::check;
use crate::imports::{Modules, Path, modules, roots};
use crate::source::{Source, all, matching_brace};

const FIELDS: usize = 15;
const METHODS: usize = 40;

/// Words before a type's name.
const KINDS: [&str; 4] = ["struct ", "enum ", "union ", "trait "];

/// A type with what belongs to it.
#[derive(Debug, Default, Eq, PartialEq)]
struct Type {
    /// The file of its definition.
    file: String,
    fields: usize,
    methods: usize,
    /// Files of inherent `impl` blocks.
    blocks: Vec<String>,
}

#[test]
fn a_type_has_a_size_that_a_reader_keeps_in_mind() {
    let reason =
        "A type with more is several: state that nobody else touches has a type of its own";
    let rule = format!("at most {FIELDS} fields and {METHODS} methods in a type");
    let broken = large(&all()).into_iter();
    check(&rule, reason, broken.map(|(place, size)| format!("{}: {} {size}", place.0, place.1)));
}

#[test]
fn an_impl_block_stands_in_the_folder_of_its_type() {
    let reason = "Fields that distant code reaches have no owner";
    let rule = "an `impl` block stands beside the type's file, or in that module's folder";
    let broken = away(&all()).into_iter();
    check(rule, reason, broken.map(|(file, name)| format!("{file}: impl {name}")));
}

/// Types with too many fields or methods, and their numbers.
fn large(sources: &[Source]) -> Vec<((String, String), String)> {
    let types = types(sources).into_iter();
    let large = types.filter(|(_, it)| it.fields > FIELDS || it.methods > METHODS);
    large
        .map(|((_, name), it)| {
            let size = format!("has {} fields and {} methods", it.fields, it.methods);
            ((it.file, name), size)
        })
        .collect()
}

/// `impl` blocks outside the folder of their type.
fn away(sources: &[Source]) -> Vec<(String, String)> {
    let types = types(sources).into_iter();
    let mut away: Vec<(String, String)> = types
        .flat_map(|((_, name), it)| {
            let (folder, file) = it.file.rsplit_once('/').unwrap_or_default();
            let own = format!("{folder}/{}", file.trim_end_matches(".rs"));
            let is_away = move |block: &String| {
                let place = block.rsplit_once('/').map_or("", |(place, _)| place);
                place != folder && place != own
            };
            let blocks = it.blocks.iter().filter(|block| is_away(block)).cloned();
            blocks.map(|block| (block, name.clone())).collect::<Vec<_>>()
        })
        .collect();
    away.dedup();
    away
}

/// All types of all crates, by module (with the crate's folder in front) and name.
fn types(sources: &[Source]) -> BTreeMap<(Path, String), Type> {
    let roots = roots(sources);
    roots.iter().flat_map(|root| types_of(root, &modules(root, sources))).collect()
}

fn types_of(root: &str, modules: &Modules) -> BTreeMap<(Path, String), Type> {
    let mut types = BTreeMap::new();
    for (module, code) in &modules.code {
        for (name, fields, methods) in definitions(code) {
            let file = format!("{root}/{}", modules.files[module]);
            let found = Type { file, fields, methods, blocks: Vec::new() };
            types.insert((module.clone(), name.to_owned()), found);
        }
    }
    for (module, code) in &modules.code {
        for (path, methods) in blocks(code) {
            let key = modules.definition(module, path);
            // Names that come with a `*` are looked for in the whole crate.
            let key = if types.contains_key(&key) {
                Some(key)
            } else {
                let mut same = types.keys().filter(|(_, name)| *name == key.1);
                same.next().filter(|_| same.next().is_none()).cloned()
            };
            let known = key.and_then(|key| types.get_mut(&key));
            let known = known.unwrap_or_else(|| panic!("{root}: {module:?} has an impl of {path}"));
            known.methods += methods;
            known.blocks.push(format!("{root}/{}", modules.files[module]));
        }
    }
    let root = || root.split('/').map(str::to_owned);
    types
        .into_iter()
        .map(|((module, name), it)| ((root().chain(module).collect(), name), it))
        .collect()
}

/// Types that the code defines: name, fields of a struct, and functions of a trait.
fn definitions(code: &str) -> impl Iterator<Item = (&str, usize, usize)> {
    let found = KINDS.iter().flat_map(|kind| items(code, kind).map(|rest| (*kind, rest)));
    found.filter_map(|(kind, rest)| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
        let (name, rest) = rest.split_at(end);
        // A name in a macro, or a word of another kind, such as a variable called `union`.
        if name.is_empty() {
            return None;
        }
        let open = outside_angles(rest).find(|(_, c)| ['{', '(', ';'].contains(c));
        let body = open.map_or("", |(at, _)| &rest[at..]);
        let close = closing(body).unwrap_or(0);
        match kind {
            "struct " => Some((name, parts(&body[..close]), 0)),
            "trait " => Some((name, 0, functions(&body[..close]))),
            _ => Some((name, 0, 0)),
        }
    })
}

/// Inherent `impl` blocks: the path of the type, and the functions.
fn blocks(code: &str) -> impl Iterator<Item = (&str, usize)> {
    items(code, "impl").filter_map(|rest| {
        let after_generics = match rest.trim_start().strip_prefix('<') {
            Some(_) => outside_angles(rest).find(|(_, c)| c.is_alphanumeric() || *c == '&')?.0,
            None => rest.len() - rest.trim_start().len(),
        };
        let rest = &rest[after_generics..];
        let open = outside_angles(rest).find(|(_, c)| *c == '{')?.0;
        let head: String = outside_angles(&rest[..open]).map(|(_, c)| c).collect();
        let is_of_trait = head.split_whitespace().any(|word| word == "for");
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':')?;
        let (path, body) = (&rest[..end], &rest[open..]);
        let body = &body[..matching_brace(body)?];
        (!is_of_trait && !path.is_empty() && path != "dyn").then(|| (path, functions(body)))
    })
}

/// The code after each item that begins with this word.
fn items<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    code.match_indices(word).filter_map(move |(at, _)| {
        let rest = &code[at + word.len()..];
        let is_word = word.ends_with(' ') || rest.starts_with([' ', '<', '\n']);
        let before = code[..at].trim_end();
        let before = before.strip_suffix("unsafe").unwrap_or(before).trim_end();
        (is_word && begins_item(without_visibility(before))).then_some(rest)
    })
}

/// Whether an item can come next; in a macro it comes after a repetition.
fn begins_item(before: &str) -> bool {
    before.is_empty() || before.ends_with(['{', '}', ';', ']', '*'])
}

fn without_visibility(before: &str) -> &str {
    let scope = before.strip_suffix(')').and_then(|it| it.rsplit_once('('));
    let public = scope.map_or(before, |(public, _)| public);
    public.strip_suffix("pub").map_or(before, str::trim_end)
}

/// Functions directly in a block.
fn functions(block: &str) -> usize {
    let starts = block.match_indices("fn ");
    let word = |at: usize| !block[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let depth = |at: usize| {
        let open = block[..at].matches('{').count();
        open - block[..at].matches('}').count()
    };
    starts.filter(|(at, _)| word(*at) && depth(*at) == 1).count()
}

/// Parts of a list in brackets that commas separate.
fn parts(list: &str) -> usize {
    let Some(inside) = list.get(1..list.len().saturating_sub(1)) else { return 0 };
    let mut depth = 0;
    let (mut parts, mut is_empty) = (0, true);
    for (_, c) in outside_angles(inside) {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts += usize::from(!is_empty);
                is_empty = true;
                continue;
            }
            _ => {}
        }
        // An attribute alone is no part.
        is_empty &= c.is_whitespace() || c == '#' || c == ']' || depth > 0;
    }
    parts + usize::from(!is_empty)
}

/// Where the first bracket closes, and one more.
fn closing(code: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in code.char_indices() {
        match c {
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' if depth == 1 => return Some(at + 1),
            ')' | '}' | ']' => depth -= 1,
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Characters that are not in angle brackets, nor these. The head of an arrow is none.
fn outside_angles(code: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut depth, mut before) = (0, ' ');
    code.char_indices().filter(move |&(_, c)| {
        let is_arrow = c == '>' && matches!(before, '-' | '=');
        before = c;
        match c {
            '<' => depth += 1,
            '>' if !is_arrow => {
                depth -= 1;
                return false;
            }
            _ => {}
        }
        depth == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::code_of;

    fn found(files: &[(&str, &str)]) -> (Vec<String>, Vec<(String, String)>) {
        let source = |(path, text): &(&str, &str)| Source {
            path: format!("a/src/{path}"),
            text: (*text).to_owned(),
            code: code_of(text),
        };
        let sources: Vec<Source> = files.iter().map(source).collect();
        let sizes = types(&sources).into_iter().map(|((module, name), it)| {
            format!("{}::{name} {} {}", module[2..].join("::"), it.fields, it.methods)
        });
        (sizes.collect(), away(&sources))
    }

    #[test]
    fn fields_and_methods_are_counted_in_all_blocks_whatever_their_form() {
        let (sizes, _) = found(&[
            ("lib.rs", "mod one;\nmod two;\npub trait Say { fn a(); fn b() {} }"),
            (
                "one.rs",
                "/// Doc, of a field.
                #[derive(Debug)] pub(crate) struct Named<T: Fn(u8, u8) -> u8> where T: Sized {
                    pub a: Map<u8, (u8, u8)>,
                    #[cfg(any(a, b))] pub(in crate::a) b: [u8; 2], c: fn(u8, u8),
                }
                struct Unit; struct Tuple(u8, Map<u8, u8>); enum Kind { A { a: u8, b: u8 }, B }
                impl<T: Fn(u8, u8) -> u8> Named<T> where T: Sized {
                    pub(in crate::a) fn a(&self, f: fn(u8)) -> impl Fn() { fn inner() {} || {} }
                    const fn b() {} pub async fn c() {}
                }
                impl<T> From<T> for Kind { fn from() {} }
                fn argument(it: impl Into<Kind>) -> impl Sized { it }
                #[cfg(test)] mod tests { impl super::Kind { fn a() {} } }",
            ),
            (
                "two.rs",
                "use crate::one::{self, Kind, Named as Other}; struct Unit { a: u8 }
                impl<T> Other<T> { fn d() {} } impl Unit { fn e() {} } unsafe impl Send for Unit {}
                impl one::Tuple { fn f() {} } impl Kind { fn g() {} fn h() {} }",
            ),
        ]);
        let expected = [
            "::Say 0 2",
            "one::Kind 0 2",
            "one::Named 3 4",
            "one::Tuple 2 1",
            "one::Unit 0 0",
            "two::Unit 1 1",
        ];
        assert_eq!(sizes, expected);
    }

    #[test]
    fn blocks_beside_the_type_or_in_its_module_are_at_home() {
        let (_, away) = found(&[
            ("lib.rs", "mod beside;\nmod deep;\nmod one;"),
            ("one.rs", "pub struct One; mod inside;"),
            ("one/inside.rs", "impl super::One {}"),
            ("beside.rs", "use crate::{deep::Deep, one::One}; impl One {} impl Deep {}"),
            ("deep/mod.rs", "pub struct Deep; mod below; impl crate::one::One {}"),
            ("deep/below.rs", "use super::*; impl Deep {}"),
        ]);
        let expected = [("a/src/deep/mod.rs", "One"), ("a/src/beside.rs", "Deep")];
        let away: Vec<_> = away.iter().map(|(file, name)| (file.as_str(), name.as_str())).collect();
        assert!(expected.iter().all(|it| away.contains(it)) && away.len() == 2, "{away:?}");
    }
}
