//! Faults in the settings, worded for the author of the configuration.

use std::fmt;
use std::io;

use serde::de::{Expected, Unexpected};

use super::place::Place;

/// Minimum similarity of two names, from 0 to 1, for one to be a misspelling of the other.
const ALIKE: f64 = 0.8;

/// A fault, with the place and the path of the setting if known.
#[derive(Debug)]
pub(crate) struct Fault {
    place: Option<Place>,
    path: String,
    kind: Box<Kind>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Unreadable(io::Error),
    Syntax(String),
    TooLarge(String),
    Unknown {
        known: Vec<String>,
        elsewhere: Option<String>,
    },
    NoneOf {
        word: String,
        known: &'static [&'static str],
    },
    Mismatch {
        found: String,
        wanted: String,
    },
    Missing(&'static str),
    /// The text after the path.
    Rule(String),
    Other(String),
}

impl Fault {
    /// A fault of an entire source.
    pub(super) fn in_source(source: &str, kind: Kind) -> Self {
        Self { place: Some(Place::source(source)), ..kind.into() }
    }

    pub(super) fn place(&mut self, place: Place) {
        self.place = Some(place);
    }

    /// Sets the place, unless a more precise one is known.
    pub(super) fn place_at(&mut self, place: &Place, path: &str) {
        if self.place.is_none() {
            self.place = Some(place.clone());
            path.clone_into(&mut self.path);
        }
    }

    /// Looks up an unknown name among the names of all settings.
    pub(super) fn or_elsewhere(mut self, paths: &[String]) -> Self {
        if let Kind::Unknown { elsewhere, .. } = &mut *self.kind {
            let name = last(&self.path);
            let path = paths.iter().find(|path| last(path) == name && **path != self.path);
            *elsewhere = path.cloned();
        }
        self
    }
}

impl From<Kind> for Fault {
    fn from(kind: Kind) -> Self {
        Self { place: None, path: String::new(), kind: Box::new(kind) }
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        let path = &self.path;
        match &*self.kind {
            Kind::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Kind::Syntax(text) => write!(f, "this is not TOML: {text}"),
            Kind::TooLarge(number) => write!(f, "{path}: {number} is beyond all limits"),
            Kind::Unknown { known, elsewhere } => {
                let near = nearest(last(path), known.iter().map(String::as_str));
                write!(f, "there is no setting {path}")?;
                match (near, elsewhere) {
                    (Some(near), _) => {
                        let parent = path.strip_suffix(last(path)).unwrap_or_default();
                        write!(f, "; did you mean {parent}{near}?")
                    }
                    (None, Some(path)) => write!(f, "; did you mean {path}?"),
                    (None, None) => write!(f, "; there are {}", known.join(", ")),
                }
            }
            Kind::NoneOf { word, known } => {
                let words = known.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>();
                write!(f, "{path} must be one of {}, not {word}", words.join(", "))?;
                match nearest(word.trim_matches('"'), known.iter().copied()) {
                    Some(near) => write!(f, "; did you mean {near:?}?"),
                    None => Ok(()),
                }
            }
            Kind::Mismatch { found, wanted } => write!(f, "{path} must be {wanted}, not {found}"),
            Kind::Missing(name) => write!(f, "{path} has no {name}"),
            Kind::Rule(text) => write!(f, "{path} {text}"),
            Kind::Other(text) if path.is_empty() => f.write_str(text),
            Kind::Other(text) => write!(f, "{path}: {text}"),
        }
    }
}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Kind::Other(message.to_string()).into()
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Kind::Mismatch { found: found_in_words(found), wanted: wanted_in_words(wanted) }.into()
    }

    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::invalid_type(found, wanted)
    }

    fn unknown_field(_: &str, known: &'static [&'static str]) -> Self {
        let known = known.iter().map(|&name| name.to_owned()).collect();
        Kind::Unknown { known, elsewhere: None }.into()
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Kind::NoneOf { word: format!("{word:?}"), known }.into()
    }

    fn missing_field(name: &'static str) -> Self {
        Kind::Missing(name).into()
    }
}

pub(super) fn found_in_words(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Str(text) => format!("{text:?}"),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Unsigned(number) => number.to_string(),
        Unexpected::Float(number) => number.to_string(),
        Unexpected::Bool(switch) => switch.to_string(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a section".to_owned(),
        other => other.to_string(),
    }
}

/// Expected types in words; serde names types of Rust, which mean nothing to users.
fn wanted_in_words(wanted: &dyn Expected) -> String {
    let wanted = wanted.to_string();
    let below = |bits: u32| format!("a whole number from 0 to {}", (1_u64 << bits) - 1);
    match &*wanted {
        "u8" => below(8),
        "u16" => below(16),
        "u32" => below(32),
        "u64" | "usize" => "a whole number from 0".to_owned(),
        "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" | "path string" => "text".to_owned(),
        "a sequence" => "a list".to_owned(),
        other if other.starts_with("struct ") => "a section".to_owned(),
        _ => wanted,
    }
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or_default()
}

/// The known name that this one may be a misspelling of.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let alike = known.map(|known| (strsim::jaro_winkler(name, known), known));
    let nearest = alike.max_by(|(a, _), (b, _)| a.total_cmp(b));
    nearest.filter(|(alike, _)| *alike >= ALIKE).map(|(_, known)| known)
}
