//! A tree of values, each with its path and the place that set it.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Kind};
use super::place::Place;

#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Names of sections and of the setting, joined by dots.
    pub(super) path: String,
    pub(super) place: Place,
    pub(super) value: Value,
    /// The source text of a value written outside TOML: a number may be meant as text.
    raw: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Whole(i64),
    Real(f64),
    Switch(bool),
    List(Vec<Node>),
    Section(BTreeMap<String, Node>),
}

/// Compares values and ignores their places.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Node {
    pub(super) fn text(path: &str, source: &str, value: &str) -> Self {
        let value = Value::Text(value.to_owned());
        Self { path: path.to_owned(), place: Place::source(source), value, raw: None }
    }

    /// The value as text, where text is expected.
    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => self.raw.as_deref(),
        }
    }

    /// Merges another tree over this one.
    pub(super) fn overlay(&mut self, over: Self) {
        match (&mut self.value, over.value) {
            (Value::Section(settings), Value::Section(later)) => {
                self.place = over.place;
                for (name, node) in later {
                    match settings.get_mut(&name) {
                        Some(below) => below.overlay(node),
                        None => drop(settings.insert(name, node)),
                    }
                }
            }
            (value, over_value) => {
                *value = over_value;
                (self.place, self.raw) = (over.place, over.raw);
            }
        }
    }
}

/// The tree of a TOML document.
pub(super) fn parse(name: &str, text: &str) -> Result<Node, Fault> {
    let document = Document { source: name.into(), text };
    let table = DeTable::parse(text).map_err(|error| {
        let message = error.message().trim().replace('\n', "; ");
        let mut fault = Fault::from(Kind::Syntax(message));
        fault.place(document.place(error.span().unwrap_or_default().start));
        fault
    })?;
    let root = Place { source: Arc::clone(&document.source), line: None };
    let value = document.section("", table.into_inner())?;
    Ok(Node { path: String::new(), place: root, value, raw: None })
}

/// A tree with one value, parsed as TOML if valid, else taken as text.
pub(super) fn single(source: &str, path: &str, raw: &str) -> Node {
    let document = Document { source: source.into(), text: "" };
    let value = DeValue::parse(raw).ok().and_then(|value| document.value(path, value).ok());
    let mut node = Node::text(path, source, raw);
    if let Some(value) = value {
        node.value = value;
        node.raw = Some(raw.to_owned());
    }
    nested(source, path, node)
}

/// A tree with one list of texts.
pub(super) fn list(source: &str, path: &str, values: &[String]) -> Node {
    let items = values.iter().enumerate();
    let items = items.map(|(n, value)| Node::text(&format!("{path}[{n}]"), source, value));
    let mut node = Node::text(path, source, "");
    node.value = Value::List(items.collect());
    nested(source, path, node)
}

/// A tree with this node as its only leaf, at this path.
pub(super) fn nested(source: &str, path: &str, leaf: Node) -> Node {
    let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
    let value = Value::Section(BTreeMap::from([(name.to_owned(), leaf)]));
    let place = Place::source(source);
    let node = Node { path: parent.to_owned(), place, value, raw: None };
    if parent.is_empty() { node } else { nested(source, parent, node) }
}

/// The document being parsed. Values of single settings have no lines.
struct Document<'a> {
    source: Arc<str>,
    text: &'a str,
}

impl Document<'_> {
    fn place(&self, offset: usize) -> Place {
        let before = self.text.as_bytes().get(..offset);
        let line = before.map(|before| 1 + before.iter().filter(|&&byte| byte == b'\n').count());
        let line = line.filter(|_| !self.text.is_empty());
        Place { source: Arc::clone(&self.source), line }
    }

    fn section(&self, path: &str, table: DeTable<'_>) -> Result<Value, Fault> {
        let mut settings = BTreeMap::new();
        for (name, value) in table {
            // The place of the name, since a list may span many lines.
            let offset = name.span().start;
            let name = name.into_inner().into_owned();
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let node = self.node(path, offset, value)?;
            settings.insert(name, node);
        }
        Ok(Value::Section(settings))
    }

    fn node(&self, path: String, at: usize, value: Spanned<DeValue<'_>>) -> Result<Node, Fault> {
        let place = self.place(at);
        match self.value(&path, value) {
            Ok(value) => Ok(Node { path, place, value, raw: None }),
            Err(mut fault) => {
                fault.place_at(&place, &path);
                Err(fault)
            }
        }
    }

    fn value(&self, path: &str, value: Spanned<DeValue<'_>>) -> Result<Value, Fault> {
        Ok(match value.into_inner() {
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Boolean(switch) => Value::Switch(switch),
            DeValue::Integer(number) => {
                let read = i64::from_str_radix(number.as_str(), number.radix());
                Value::Whole(read.map_err(|_| Kind::TooLarge(number.to_string()))?)
            }
            DeValue::Float(number) => {
                let read = number.as_str().parse();
                Value::Real(read.map_err(|_| Kind::TooLarge(number.to_string()))?)
            }
            // No setting is a date or time.
            DeValue::Datetime(time) => Value::Text(time.to_string()),
            DeValue::Table(table) => self.section(path, table)?,
            DeValue::Array(items) => {
                let items = items.into_iter().enumerate();
                let items = items.map(|(n, item)| {
                    let offset = item.span().start;
                    self.node(format!("{path}[{n}]"), offset, item)
                });
                Value::List(items.collect::<Result<_, _>>()?)
            }
        })
    }
}
