//! Settings as text: layered sources merged into one tree that keeps the origin of each value.
//!
//! Not here: the set of settings, and validation of their values (`config`).

mod fault;
mod place;
mod read;
mod section;
mod tree;

use std::ffi::OsString;
use std::path::Path;
use std::{fs, iter};

pub(crate) use self::fault::Fault;
use self::fault::Kind;
pub(crate) use self::section::Section;
use self::tree::{Node, Value};

/// Prefix of environment variables that are settings.
const PREFIX: &str = "COMET_";

/// All sources merged; later ones override earlier ones.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    root: Node,
}

impl Settings {
    /// Settings of a TOML text; `name` is its name in messages.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, Fault> {
        tree::parse(name, text).map(|root| Self { root })
    }

    /// Adds the settings of a TOML file.
    pub(crate) fn file(&mut self, path: &Path) -> Result<(), Fault> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|error| Fault::in_source(&name, Kind::Unreadable(error)))?;
        self.text(&name, &text)
    }

    /// Adds the settings of a TOML text; `name` is its name in messages.
    pub(crate) fn text(&mut self, name: &str, text: &str) -> Result<(), Fault> {
        self.root.overlay(tree::parse(name, text)?);
        Ok(())
    }

    /// Adds settings from the environment: `COMET_LISTEN__HTTP` sets `listen.http`.
    pub(crate) fn environment(
        &mut self,
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<(), Fault> {
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
                continue;
            };
            let Some(value) = value.to_str() else {
                let text = "is not UTF-8".to_owned();
                return Err(Fault::in_source(name, Kind::Other(text)));
            };
            let path = name[PREFIX.len()..].to_lowercase().replace("__", ".");
            self.root.overlay(tree::single(name, &path, value));
        }
        Ok(())
    }

    /// Adds a setting given as `SETTING=VALUE`, the value with or without quotes.
    pub(crate) fn assignment(&mut self, text: &str) -> Result<(), Fault> {
        let source = format!("--set {text}");
        let Some((path, value)) = text.split_once('=') else {
            let text = "must have the form SETTING=VALUE".to_owned();
            return Err(Fault::in_source(&source, Kind::Other(text)));
        };
        self.root.overlay(tree::single(&source, path.trim(), value.trim()));
        Ok(())
    }

    /// Adds the value of a flag.
    pub(crate) fn flag(&mut self, flag: &str, path: &str, value: &str) {
        let node = Node::text(path, flag, value);
        self.root.overlay(tree::nested(flag, path, node));
    }

    /// Adds the values of a flag that may be given several times.
    pub(crate) fn list(&mut self, flag: &str, path: &str, values: &[String]) {
        self.root.overlay(tree::list(flag, path, values));
    }

    /// Reads all settings as `read` says. Names that it does not ask for are faults.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&mut Section<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        Section::read(&self.root, read).map_err(|fault| fault.or_elsewhere(&self.leaves()))
    }

    /// A fault of the setting at this path, with the place that set it; `text` follows the path.
    pub(crate) fn fault(&self, path: &str, text: impl Into<String>) -> Fault {
        let mut fault = Fault::from(Kind::Rule(text.into()));
        if let Some(node) = self.get(path) {
            fault.place_at(&node.place, &node.path);
        }
        fault
    }

    /// Whether the setting was set by the source of this name.
    pub(crate) fn is_from(&self, source: &str, path: &str) -> bool {
        self.get(path).is_some_and(|node| node.place.is_in(source))
    }

    /// Paths of all settings that differ, in alphabetical order.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let mut paths = [self.leaves(), other.leaves()].concat();
        paths.sort_unstable();
        paths.dedup();
        paths.retain(|path| self.value(path) != other.value(path));
        paths
    }

    fn value(&self, path: &str) -> Option<&Value> {
        self.get(path).map(|node| &node.value)
    }

    fn get(&self, path: &str) -> Option<&Node> {
        path.split('.').try_fold(&self.root, |node, name| match &node.value {
            Value::Section(settings) => settings.get(name),
            _ => None,
        })
    }

    fn leaves(&self) -> Vec<String> {
        let mut open = vec![&self.root];
        iter::from_fn(|| {
            loop {
                let node = open.pop()?;
                match &node.value {
                    Value::Section(settings) => open.extend(settings.values()),
                    _ => return Some(node.path.clone()),
                }
            }
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        Settings::parse("test", text).unwrap()
    }

    #[test]
    fn differences_are_told_by_path_wherever_the_values_are_from() {
        let before = settings("a = 1\n[b]\nc = 'x'\nd = [1]\n");
        let mut after = settings("[b]\nd = [1]\nc = 'x'\n");
        after.assignment("a=1").unwrap();
        assert!(before.differences(&after).is_empty());
        after.assignment("b.c=y").unwrap();
        after.assignment("b.d=[1, 2]").unwrap();
        after.assignment("e.f=true").unwrap();
        assert_eq!(before.differences(&after), ["b.c", "b.d", "e.f"]);
        assert_eq!(after.differences(&before), ["b.c", "b.d", "e.f"]);
    }

    #[test]
    fn a_later_source_replaces_a_list_and_adds_to_a_section() {
        let mut settings = settings("list = [1, 2]\n[s]\na = 1\nb = 2\n");
        settings.assignment("list=[3]").unwrap();
        settings.flag("--b", "s.b", "4");
        let names = [("COMET_S__C", "x y"), ("OTHER", "1")];
        let names = names.map(|(name, value)| (name.into(), value.into()));
        settings.environment(names.into_iter()).unwrap();
        let expected = self::settings("list = [3]\n[s]\na = 1\nb = '4'\nc = 'x y'\n");
        assert_eq!(settings.root, expected.root);
    }
}
