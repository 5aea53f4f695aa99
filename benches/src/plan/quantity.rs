//! Quantities as people write them: `500ms`, `max`, `2000/s`, `64KiB`.
//!
//! Each reads the same from a command line and from a scenario file, where a plain number may
//! stand without quotes.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Deserializer, Error as _, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A text that is no such quantity.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{found:?} is not {wanted}")]
pub struct BadQuantity {
    /// The text.
    pub found: String,
    /// The expected form.
    pub wanted: &'static str,
}

fn bad(found: &str, wanted: &'static str) -> BadQuantity {
    BadQuantity { found: found.to_owned(), wanted }
}

/// A length of time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Span(pub Duration);

/// Messages a second, all publishers together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// At these moments, whether or not the last one has arrived.
    PerSecond(f64),
    /// As fast as a window of messages under way allows.
    Max,
    /// The highest at which the times stay below a limit is to be found.
    Find,
}

/// Pace of opening sessions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ramp {
    /// Sessions a second.
    PerSecond(f64),
    /// All of them, evenly within this time.
    Within(Duration),
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Size(pub usize);

const SPAN: &str = "a time such as 5s, 250ms or 1m";
const RATE: &str = "messages a second such as 50, `max` or `find`";
const RAMP: &str = "sessions a second such as 2000/s, or a time such as 10s";
const SIZE: &str = "a number of bytes such as 128 or 4KiB";

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)
}

fn time(text: &str) -> Option<Duration> {
    humantime::parse_duration(text.trim()).ok()
}

impl FromStr for Span {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        time(text).map(Self).ok_or_else(|| bad(text, SPAN))
    }
}

impl FromStr for Rate {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        match text.trim() {
            "max" => Ok(Self::Max),
            "find" => Ok(Self::Find),
            text => {
                let digits = text.strip_suffix("/s").unwrap_or(text);
                number(digits).map(Self::PerSecond).ok_or_else(|| bad(text, RATE))
            }
        }
    }
}

impl FromStr for Ramp {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        let rate = text.trim().strip_suffix("/s").and_then(number).map(Self::PerSecond);
        rate.or_else(|| time(text).map(Self::Within)).ok_or_else(|| bad(text, RAMP))
    }
}

impl FromStr for Size {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        let text = text.trim();
        let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("k", 1_000), ("B", 1)];
        let unit =
            units.into_iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)));
        let (digits, unit) = unit.unwrap_or((text, 1));
        let count: Option<usize> = digits.trim().parse().ok();
        count.and_then(|count| count.checked_mul(unit)).map(Self).ok_or_else(|| bad(text, SIZE))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PerSecond(rate) => rate.fmt(f),
            Self::Max => f.write_str("max"),
            Self::Find => f.write_str("find"),
        }
    }
}

impl fmt::Display for Ramp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PerSecond(rate) => write!(f, "{rate}/s"),
            Self::Within(time) => Span(*time).fmt(f),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads text, and numbers as if they were text.
pub(super) struct Written(pub(super) &'static str);

impl Visitor<'_> for Written {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_i64<E>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_u64<E>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_f64<E>(self, number: f64) -> Result<String, E> {
        Ok(number.to_string())
    }
}

macro_rules! written {
    ($($name:ident: $wanted:ident),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = from.deserialize_any(Written($wanted))?;
                text.parse().map_err(D::Error::custom)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }
    )*};
}

written!(Span: SPAN, Rate: RATE, Ramp: RAMP, Size: SIZE);

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn quantities_are_read_as_people_write_them() {
        assert_eq!("1m 30s".parse(), Ok(Span(90 * SECOND)));
        assert_eq!("250ms".parse(), Ok(Span(SECOND / 4)));
        assert_eq!("50".parse(), Ok(Rate::PerSecond(50.0)));
        assert_eq!("0.5/s".parse(), Ok(Rate::PerSecond(0.5)));
        assert_eq!(["max".parse(), "find".parse()], [Ok(Rate::Max), Ok(Rate::Find)]);
        assert_eq!("2000/s".parse(), Ok(Ramp::PerSecond(2_000.0)));
        assert_eq!("10s".parse(), Ok(Ramp::Within(10 * SECOND)));
        assert_eq!(
            ["4KiB", "2k", "10", "7B"].map(str::parse),
            [4_096, 2_000, 10, 7].map(|n| Ok(Size(n)))
        );
    }

    #[test]
    fn anything_else_is_refused_with_what_may_stand_there() {
        for wrong in ["", "5", "-1s", "5 bananas"] {
            assert_eq!(wrong.parse::<Span>(), Err(bad(wrong, SPAN)));
        }
        for wrong in ["", "0", "-3", "inf", "NaN", "50/m"] {
            assert_eq!(wrong.parse::<Rate>(), Err(bad(wrong, RATE)), "{wrong}");
        }
        for wrong in ["", "10", "0/s", "/s"] {
            assert_eq!(wrong.parse::<Ramp>(), Err(bad(wrong, RAMP)), "{wrong}");
        }
        for wrong in ["", "-1", "1.5", "18446744073709551615KiB"] {
            assert_eq!(wrong.parse::<Size>(), Err(bad(wrong, SIZE)), "{wrong}");
        }
        let told = "5".parse::<Span>().unwrap_err().to_string();
        assert_eq!(told, "\"5\" is not a time such as 5s, 250ms or 1m");
    }

    #[test]
    fn what_is_shown_is_what_can_be_read() {
        for text in ["1m 30s", "250ms"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        for text in ["12.5", "max", "find"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        for text in ["2000/s", "10s"] {
            assert_eq!(text.parse::<Ramp>().unwrap().to_string(), text);
        }
    }
}
