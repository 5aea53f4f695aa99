//! Places in the sources of the settings.

use std::fmt;
use std::sync::Arc;

/// The place that set a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Place {
    pub(super) source: Arc<str>,
    /// Counted from 1; sources other than files have none.
    pub(super) line: Option<usize>,
}

impl Place {
    pub(super) fn source(source: &str) -> Self {
        Self { source: source.into(), line: None }
    }

    pub(super) fn is_in(&self, source: &str) -> bool {
        &*self.source == source
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.source),
            None => f.write_str(&self.source),
        }
    }
}
