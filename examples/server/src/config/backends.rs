//! The sections of the backends: `[devices]`, `[store]` and `[group]`.

use comet::Winner;
use serde::Deserialize;

/// Sessions a user may have, per device class; 0 for no limit.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Devices {
    pub(crate) phone: u16,
    pub(crate) desktop: u16,
    pub(crate) web: u16,
    #[serde(deserialize_with = "WinnerName::deserialize")]
    pub(crate) winner: Winner,
}

/// Names of [`Winner`] in files.
#[derive(Deserialize)]
#[serde(remote = "Winner", rename_all = "lowercase")]
enum WinnerName {
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

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    pub(crate) members: u32,
    pub(crate) groups_per_user: u32,
}
