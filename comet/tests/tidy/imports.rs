//! Imports between the modules of a crate, read from `use` lines and from paths in code.
//!
//! A re-export is followed to the module that defines the name. `#[cfg(test)]` does not count.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::source::Source;

/// A module's path inside its crate; empty for the root.
pub(crate) type Path = Vec<String>;

/// Imports between the modules of each folder: from, to, and a path that says so.
pub(crate) type Imports = BTreeMap<Path, BTreeMap<(String, String), String>>;

/// The modules of one crate, without what is there for tests only.
#[derive(Default)]
pub(crate) struct Modules {
    pub(crate) code: BTreeMap<Path, String>,
    /// Their files, from the crate's root.
    pub(crate) files: BTreeMap<Path, String>,
    /// Names that modules import, and what they stand for.
    names: HashMap<Path, HashMap<String, Path>>,
}

/// Folders of crates: those with a `lib.rs` or `main.rs` that is shipped.
pub(crate) fn roots(sources: &[Source]) -> BTreeSet<String> {
    let shipped = sources.iter().filter(|source| source.is_shipped());
    let root = |source: &Source| {
        let (folder, file) = source.path.rsplit_once('/')?;
        ["lib.rs", "main.rs"].contains(&file).then(|| folder.to_owned())
    };
    shipped.filter_map(root).collect()
}

/// The imports inside the crate in this folder.
pub(crate) fn imports(root: &str, sources: &[Source]) -> Imports {
    let (modules, references) = read(root, sources);
    let mut imports = Imports::new();
    for (module, path) in references {
        let target = modules.resolve(path.clone());
        let common = module.iter().zip(&target).take_while(|(a, b)| a == b).count();
        if let (Some(from), Some(to)) = (module.get(common), target.get(common)) {
            let why = format!("{} -> {}", module.join("::"), path.join("::"));
            let folder = imports.entry(module[..common].to_vec()).or_default();
            folder.entry((from.clone(), to.clone())).or_insert(why);
        }
    }
    imports
}

/// The modules of the crate in this folder.
pub(crate) fn modules(root: &str, sources: &[Source]) -> Modules {
    read(root, sources).0
}

fn read(root: &str, sources: &[Source]) -> (Modules, Vec<(Path, Path)>) {
    let files = sources.iter().filter_map(|source| {
        let file = source.path.strip_prefix(root)?.strip_prefix('/')?;
        Some((file, source.code.as_str()))
    });
    let mut modules = Modules::declared(&files.collect());
    let references = modules.references();
    (modules, references)
}

impl Modules {
    /// The module that defines what a path in the code of another module names, and its name.
    pub(crate) fn definition(&self, module: &Path, path: &str) -> (Path, String) {
        let name = path.split("::").next().unwrap_or_default();
        let imported = self.names.get(module).and_then(|names| names.get(name)).cloned();
        let imported = imported
            .map(|it| it.into_iter().chain(path.split("::").skip(1).map(str::to_owned)).collect());
        let here = || module.iter().cloned().chain([path.to_owned()]).collect();
        let path: Path = imported.or_else(|| self.absolute(module, path)).unwrap_or_else(here);
        let name = path.last().cloned().unwrap_or_default();
        (self.resolve(path), name)
    }

    /// Those that the root declares, and theirs, without what is there for tests only.
    fn declared(files: &HashMap<&str, &str>) -> Self {
        let mut modules = Self::default();
        let root = ["lib.rs", "main.rs"].into_iter().find(|name| files.contains_key(name));
        let root = root.map(|name| (Path::new(), name.to_owned()));
        let mut found: Vec<(Path, String)> = root.into_iter().collect();
        while let Some((path, file)) = found.pop() {
            let code = untested(files[file.as_str()]);
            for name in declarations(&code) {
                let child: Path = path.iter().cloned().chain([name.to_owned()]).collect();
                let file = child.join("/");
                let names = [format!("{file}.rs"), format!("{file}/mod.rs")];
                let file = names.into_iter().find(|name| files.contains_key(name.as_str()));
                found.extend(file.map(|file| (child, file)));
            }
            modules.files.insert(path.clone(), file);
            modules.code.insert(path, code);
        }
        modules
    }

    /// Every path in the code that leads to a module of the crate, with the module that has it.
    fn references(&mut self) -> Vec<(Path, Path)> {
        let (mut references, mut names) = (Vec::new(), HashMap::new());
        for (module, code) in &self.code {
            let (uses, rest) = uses(code);
            let known: &mut HashMap<String, Path> = names.entry(module.clone()).or_default();
            for (path, name) in uses.iter().flat_map(|tree| leaves(tree)) {
                if let Some(path) = self.absolute(module, &path) {
                    known.insert(name, path.clone());
                    references.push((module.clone(), path));
                }
            }
            let paths = paths(&rest).filter_map(|path| self.absolute(module, path));
            references.extend(paths.map(|path| (module.clone(), path)));
        }
        self.names = names;
        references
    }

    /// A path from the crate's root on; `None` for paths that lead out of it.
    fn absolute(&self, module: &Path, path: &str) -> Option<Path> {
        let mut parts = path.split("::").peekable();
        let mut base = module.clone();
        match *parts.peek()? {
            "crate" => {
                base.clear();
                parts.next();
            }
            "self" => drop(parts.next()),
            "super" => {
                while parts.next_if_eq(&"super").is_some() {
                    base.pop()?;
                }
            }
            name => {
                let child: Path = base.iter().cloned().chain([name.to_owned()]).collect();
                self.code.get(&child)?;
            }
        }
        base.extend(parts.filter(|part| *part != "self").map(str::to_owned));
        Some(base)
    }

    /// The module that defines what a path names.
    fn resolve(&self, mut path: Path) -> Path {
        // Names may be re-exported in a circle, if only by a mistake.
        for _ in 0..8 {
            let len = (0..=path.len()).rev().find(|len| self.code.contains_key(&path[..*len]));
            let len = len.unwrap_or(0);
            let known = path.get(len).and_then(|name| self.names.get(&path[..len])?.get(name));
            let Some(target) = known.filter(|target| **target != path) else {
                path.truncate(len);
                return path;
            };
            path = [&target[..], &path[len + 1..]].concat();
        }
        path
    }
}

/// Code without the items that exist for tests only.
fn untested(code: &str) -> String {
    let (mut kept, mut rest) = (String::new(), code);
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        rest = &rest[item_len(rest)..];
    }
    kept + rest
}

/// Length of an item: up to its semicolon or last brace.
fn item_len(code: &str) -> usize {
    let mut depth = 0;
    for (at, c) in code.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '}' if depth == 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// Names of modules with files of their own.
fn declarations(code: &str) -> impl Iterator<Item = &str> {
    let words = code.split([';', '{', '}']).map(str::trim_end);
    words.filter_map(|item| {
        let (before, name) = item.rsplit_once("mod ")?;
        let is_word = name.chars().all(|c| c.is_alphanumeric() || c == '_');
        (is_word && !before.ends_with(|c: char| c.is_alphanumeric())).then_some(name)
    })
}

/// The trees of all `use` lines, without blanks, and the code between them.
fn uses(code: &str) -> (Vec<String>, String) {
    let (mut trees, mut between) = (Vec::new(), String::new());
    let mut rest = code;
    while let Some(at) = rest.find("use ") {
        let is_word = !rest[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let end = at + rest[at..].find(';').unwrap_or(rest.len() - at);
        between.push_str(&rest[..at]);
        if is_word {
            trees.push(rest[at + 4..end].split_whitespace().collect::<Vec<_>>().join(" "));
            rest = &rest[end..];
        } else {
            rest = &rest[at + 4..];
        }
    }
    between.push_str(rest);
    (trees, between)
}

/// The paths of a `use` tree, and the names that they get.
fn leaves(tree: &str) -> Vec<(String, String)> {
    let tree = tree.trim();
    if let Some((prefix, list)) = tree.split_once('{') {
        let list = list.strip_suffix('}').unwrap_or(list);
        let nested = branches(list).into_iter().flat_map(leaves);
        let module = prefix.trim_end_matches("::").rsplit("::").next().unwrap_or_default();
        let named = |name: String| if name == "self" { module.to_owned() } else { name };
        return nested.map(|(path, name)| (format!("{prefix}{path}"), named(name))).collect();
    }
    let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, it)| (path, Some(it)));
    let path = path.trim_end_matches("::self").trim_end_matches("::*");
    let name = alias.or_else(|| path.rsplit("::").next()).unwrap_or(path);
    if path.is_empty() { Vec::new() } else { vec![(path.to_owned(), name.to_owned())] }
}

/// The parts of a list in braces.
fn branches(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[start..]);
    parts
}

/// Paths in code that begin with `crate`, `super` or `self`.
fn paths(code: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = code.split(move |c: char| !is_part(c)).map(|word| word.trim_matches(':'));
    words.filter(|word| ["crate::", "super::", "self::"].iter().any(|it| word.starts_with(it)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let source = |(path, text): &(&str, &str)| Source {
            path: format!("a/src/{path}"),
            text: (*text).to_owned(),
            code: crate::source::code_of(text),
        };
        let sources: Vec<Source> = files.iter().map(source).collect();
        let imports = imports("a/src", &sources);
        let in_folder = |(folder, imports): (Path, BTreeMap<(String, String), String>)| {
            let folder = folder.join("::");
            imports.into_keys().map(move |(from, to)| format!("{folder}: {from} -> {to}"))
        };
        imports.into_iter().flat_map(in_folder).collect()
    }

    #[test]
    fn an_import_is_found_in_a_tree_a_path_and_behind_a_re_export() {
        let found = found(&[
            ("lib.rs", "mod one;\npub mod two;\nmod three;"),
            ("one.rs", "use std::fmt;\nuse crate::{two::{self, Deep}, three as other};"),
            ("two/mod.rs", "mod deep;\nmod flat;\npub use deep::Deep;"),
            ("two/deep.rs", "fn f() -> super::flat::Flat { crate::three::make() }"),
            ("two/flat.rs", "use super::Deep;"),
            ("three.rs", "fn make() {}"),
        ]);
        let expected = [
            ": one -> three",
            ": one -> two",
            ": two -> three",
            "two: deep -> flat",
            "two: flat -> deep",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn tests_strings_and_comments_import_nothing() {
        let found = found(&[
            ("lib.rs", "mod one;\n#[cfg(test)]\nmod tests;\nmod two;"),
            ("one.rs", "// use crate::two;\nfn f() -> &'static str { \"crate::two\" }"),
            ("tests.rs", "use crate::one;"),
            (
                "two.rs",
                "#[cfg(test)]\nmod tests {\n use crate::one;\n}\n#[cfg(test)]\nuse crate::one::x;",
            ),
        ]);
        assert_eq!(found, Vec::<String>::new());
    }
}
