//! Parts of requests: the group, users, texts.
//!
//! One client sends the id of a group as a number, another as a string under another name. Absent
//! fields and `null` are empty.

use comet_dtalk::code::Code;
use comet_dtalk::http::Int64;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::member::distinct;
use crate::user;

/// Longest name of a group, in characters: ciphertext.
pub(super) const MAX_NAME: usize = 1_000;
/// Longest public name, nickname, note and reason.
pub(super) const MAX_SHORT: usize = 255;
/// Longest URL of an avatar: the width of its column elsewhere.
pub(super) const MAX_AVATAR: usize = 1_000;
/// Longest description.
pub(super) const MAX_INTRODUCE: usize = 10_000;

/// Request about one group.
#[derive(Debug, Deserialize)]
pub(super) struct InGroup<T> {
    #[serde(flatten)]
    group: GroupRef,
    #[serde(flatten)]
    pub(super) rest: T,
}

/// Request with nothing but the group.
#[derive(Debug, Deserialize)]
pub(super) struct Only {}

#[derive(Debug, Deserialize)]
struct GroupRef {
    #[serde(default, deserialize_with = "number")]
    id: Option<i64>,
    #[serde(default, rename = "idStr", deserialize_with = "number")]
    id_str: Option<i64>,
}

impl<T> InGroup<T> {
    /// The group; the string counts if both are given.
    pub(super) fn group(&self) -> Result<i64, Code> {
        let id = self.group.id_str.or(self.group.id);
        id.filter(|id| *id > 0).ok_or(Code::BAD_PARAMETERS)
    }
}

/// Integer or its digits; absent if empty.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        value => {
            let Int64(number) = Int64::deserialize(value).map_err(D::Error::custom)?;
            Ok(Some(number))
        }
    }
}

/// Value, or the default for `null`.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Text of at most so many characters, which every database can store.
pub(super) fn text(text: String, max: usize) -> Result<String, Code> {
    let fits = text.len() <= max || text.chars().count() <= max;
    if fits && !text.contains('\0') { Ok(text) } else { Err(Code::BAD_PARAMETERS) }
}

/// Stored ids of users in a list of this caller, without repeats.
pub(super) fn users(caller: &str, ids: &[String], max: u32) -> Result<Vec<String>, Code> {
    if ids.len() > max as usize {
        return Err(Code::BAD_PARAMETERS);
    }
    let users = ids.iter().map(|id| user::stored(caller, id));
    Ok(distinct(users.collect::<Result<_, _>>()?, |uid| uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(json: &str) -> Option<i64> {
        let request: InGroup<Only> = serde_json::from_str(json).ok()?;
        request.group().ok()
    }

    #[test]
    fn the_id_may_be_a_number_or_a_string_and_the_string_counts() {
        assert_eq!(group(r#"{"id":181234567890123}"#), Some(181_234_567_890_123));
        assert_eq!(group(r#"{"id":"7"}"#), Some(7));
        assert_eq!(group(r#"{"idStr":"9223372036854775807"}"#), Some(i64::MAX));
        assert_eq!(group(r#"{"id":7,"idStr":"8"}"#), Some(8));
        assert_eq!(group(r#"{"id":0,"idStr":"8","more":[1]}"#), Some(8));
        assert_eq!(group(r#"{"id":7,"idStr":""}"#), Some(7));
        assert_eq!(group(r#"{"id":7,"idStr":null}"#), Some(7));
    }

    #[test]
    fn anything_else_is_no_group() {
        for json in [
            "{}",
            r#"{"id":0}"#,
            r#"{"id":-7}"#,
            r#"{"id":1.5}"#,
            r#"{"idStr":"x"}"#,
            r#"{"id":7,"idStr":"x"}"#,
            r#"{"id":9223372036854775808}"#,
            r#"{"id":[7]}"#,
        ] {
            assert_eq!(group(json), None, "{json}");
        }
    }

    #[test]
    fn texts_are_limited_in_characters() {
        assert!(text("é".repeat(255), 255).is_ok());
        assert_eq!(text("é".repeat(256), 255), Err(Code(-1012)));
        assert_eq!(text("a\0b".into(), 255), Err(Code(-1012)));
    }

    #[test]
    fn users_are_named_once() {
        let ids = ["bob", "carol", "bob"].map(String::from);
        assert_eq!(users("alice", &ids, 3).unwrap(), ["bob", "carol"]);
        assert_eq!(users("zoo:alice", &ids, 3).unwrap(), ["zoo:bob", "zoo:carol"]);
        assert_eq!(users("alice", &ids, 2), Err(Code(-1012)));
        assert_eq!(users("alice", &["zoo:bob".into()], 3), Err(Code(-1012)));
    }
}
