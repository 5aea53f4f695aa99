//! The section `[push]`: vendors of pushes to phones, and their limits.

use serde::Deserialize;

use crate::settings::{Fault, Section};

/// Pushes to phones.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Push {
    pub(crate) limits: Limits,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    pub(crate) android: Vendor,
    pub(crate) ios: Vendor,
    pub(crate) after_seconds: u64,
    pub(crate) limit_seconds: u64,
    pub(crate) text: String,
    pub(crate) queue: usize,
    pub(crate) requests: usize,
}

/// Vendor of pushes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Vendor {
    #[serde(rename = "")]
    None,
    Log,
}

impl Push {
    pub(super) fn read(settings: &mut Section<'_>) -> Result<Self, Fault> {
        Ok(Self { limits: settings.part()? })
    }
}
