//! A broken promise.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A broken promise and its evidence.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// In a line.
    pub what: String,
    /// The first cases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
}

impl<T: Into<String>> From<T> for Violation {
    fn from(what: T) -> Self {
        Self { what: what.into(), evidence: Vec::new() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.evidence.iter().try_for_each(|case| write!(f, "\n    {case}"))
    }
}
