//! A serde deserializer over the tree: faults carry the place of the offending value.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, Unexpected};
use serde::de::{Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::fault::{Fault, Kind, found_in_words};
use super::tree::{Node, Value};

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.value {
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::Whole(number) => visitor.visit_i64(*number),
            Value::Real(number) => visitor.visit_f64(*number),
            Value::Switch(switch) => visitor.visit_bool(*switch),
            Value::List(nodes) => visitor.visit_seq(Items(nodes.iter())),
            Value::Section(settings) => visitor.visit_map(Entries::of(settings.iter())),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.as_text() {
            Some(text) => visitor.visit_borrowed_str(text),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.as_text() {
            Some(word) => visitor.visit_enum(Word(word)),
            None => Err(Kind::NoneOf { word: found_in_words(self.found()), known }.into()),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

impl Node {
    pub(super) fn found(&self) -> Unexpected<'_> {
        match &self.value {
            Value::Text(text) => Unexpected::Str(text),
            Value::Whole(number) => Unexpected::Signed(*number),
            Value::Real(number) => Unexpected::Float(*number),
            Value::Switch(switch) => Unexpected::Bool(*switch),
            Value::List(_) => Unexpected::Seq,
            Value::Section(_) => Unexpected::Map,
        }
    }

    pub(super) fn with_place<T>(&self, result: Result<T, Fault>) -> Result<T, Fault> {
        result.map_err(|mut fault| {
            fault.place_at(&self.place, &self.path);
            fault
        })
    }
}

struct Items<'de>(std::slice::Iter<'de, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some(node) = self.0.next() else { return Ok(None) };
        node.with_place(seed.deserialize(node)).map(Some)
    }
}

/// Settings of a section, by name.
pub(super) struct Entries<'de, I> {
    entries: I,
    value: Option<&'de Node>,
}

impl<I> Entries<'_, I> {
    pub(super) const fn of(entries: I) -> Self {
        Self { entries, value: None }
    }
}

impl<'de, I> MapAccess<'de> for Entries<'de, I>
where
    I: Iterator<Item = (&'de String, &'de Node)>,
{
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some((name, node)) = self.entries.next() else { return Ok(None) };
        self.value = Some(node);
        node.with_place(seed.deserialize(BorrowedStrDeserializer::new(name))).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        let node = self.value.take().ok_or_else(|| Kind::Other("a name without a value".into()))?;
        node.with_place(seed.deserialize(node))
    }
}

struct Word<'de>(&'de str);

impl<'de> EnumAccess<'de> for Word<'de> {
    type Error = Fault;
    type Variant = <serde::de::value::StrDeserializer<'de, Fault> as EnumAccess<'de>>::Variant;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), Fault> {
        let word: serde::de::value::StrDeserializer<'de, Fault> = self.0.into_deserializer();
        word.variant_seed(seed)
    }
}
