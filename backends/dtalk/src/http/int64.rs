//! 64-bit integers in JSON requests.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// Integer sent by clients either as a number or as a string of decimal digits: some of them cannot
/// represent numbers above 2^53 exactly.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Int64(pub i64);

impl From<Int64> for i64 {
    fn from(Int64(value): Int64) -> Self {
        value
    }
}

impl<'de> Deserialize<'de> for Int64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrDigits).map(Self)
    }
}

struct NumberOrDigits;

impl Visitor<'_> for NumberOrDigits {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a 64-bit integer or its decimal digits")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<i64, E> {
        Ok(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<i64, E> {
        i64::try_from(value).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<i64, E> {
        value.parse().map_err(|_| E::invalid_value(Unexpected::Str(value), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<i64> {
        serde_json::from_str(json).ok().map(|Int64(value)| value)
    }

    #[test]
    fn numbers_and_digits_are_the_same() {
        assert_eq!(read("181234567890123"), Some(181_234_567_890_123));
        assert_eq!(read(r#""181234567890123""#), Some(181_234_567_890_123));
        assert_eq!(read("9223372036854775807"), Some(i64::MAX));
        assert_eq!(read(r#""9223372036854775807""#), Some(i64::MAX));
        assert_eq!(read("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(read(r#""-1""#), Some(-1));
        assert_eq!(read("0"), Some(0));
    }

    #[test]
    fn anything_else_is_refused() {
        for json in [
            "9223372036854775808",
            r#""9223372036854775808""#,
            r#""""#,
            r#"" 1""#,
            r#""1.0""#,
            r#""0x1""#,
            "1.5",
            "null",
            "true",
            "[1]",
        ] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
