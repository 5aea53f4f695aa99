//! Sections whose settings are spread over several types, and lists of names that such a section
//! knows.
//!
//! `serde(flatten)` is not used for this: with it unknown names pass, and faults lose their place.

use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::fault::{Fault, Kind, found_in_words};
use super::read::Entries;
use super::tree::{Node, Value};

/// A section while it is read. Every name that no part has asked for is a fault.
pub(crate) struct Section<'a> {
    node: &'a Node,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// Reads this section as `read` says, which asks for all of its settings.
    pub(super) fn read<T>(
        node: &'a Node,
        read: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut section = Self { node, known: Vec::new() };
        let value = match &node.value {
            Value::Section(settings) => {
                let value = read(&mut section)?;
                let unknown = settings.iter().find(|(name, _)| !section.knows(name));
                unknown.map_or(Ok(value), |(_, node)| node.with_place(Err(section.unknown())))
            }
            _ => Err(Kind::Mismatch {
                found: found_in_words(node.found()),
                wanted: "a section".to_owned(),
            }
            .into()),
        };
        node.with_place(value)
    }

    /// Reads the settings that are fields of this struct.
    pub(crate) fn part<T: DeserializeOwned>(&mut self) -> Result<T, Fault> {
        let node = self.node;
        node.with_place(T::deserialize(Part { node, known: &mut self.known }))
    }

    /// Reads one setting, or a section that is one type.
    pub(crate) fn setting<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<T, Fault> {
        let node = self.get(name)?;
        node.with_place(T::deserialize(node))
    }

    /// Reads a section that is spread over several types itself.
    pub(crate) fn section<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        Section::read(self.get(name)?, read)
    }

    fn get(&mut self, name: &'static str) -> Result<&'a Node, Fault> {
        self.known.push(name);
        let node = match &self.node.value {
            Value::Section(settings) => settings.get(name),
            _ => None,
        };
        node.ok_or_else(|| Kind::Missing(name).into())
    }

    fn knows(&self, name: &str) -> bool {
        self.known.contains(&name)
    }

    fn unknown(&self) -> Fault {
        let known = self.known.iter().map(|&name| name.to_owned()).collect();
        Kind::Unknown { known, elsewhere: None }.into()
    }
}

/// Those settings of a section that are fields of the struct that is read.
struct Part<'a, 'de> {
    node: &'de Node,
    /// Names that the section knows so far.
    known: &'a mut Vec<&'static str>,
}

impl<'de> Deserializer<'de> for Part<'_, 'de> {
    type Error = Fault;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.known.extend(fields);
        let Value::Section(settings) = &self.node.value else {
            return self.node.deserialize_any(visitor);
        };
        let own = settings.iter().filter(|(name, _)| fields.contains(&name.as_str()));
        visitor.visit_map(Entries::of(own))
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.node.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
