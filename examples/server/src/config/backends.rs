//! The sections of the backends: `[devices]` and `[store]`.

use serde::Deserialize;

/// Sessions a user may have, per device class; 0 for no limit.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Devices {
    pub(crate) phone: u16,
    pub(crate) desktop: u16,
    pub(crate) web: u16,
    pub(crate) winner: Winner,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Winner {
    Newest,
    Oldest,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Store {
    pub(crate) node: u8,
    pub(crate) queue: usize,
    pub(crate) readers: u16,
    pub(crate) answers: u16,
}
