//! What clients are told before they connect: the sections `[discovery]` and `[advertise]`, and the
//! list `[[modules]]`.

use serde::{Deserialize, Serialize};

/// All that clients are told.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub(crate) struct Announced {
    pub(crate) discovery: Discovery,
    pub(crate) advertise: Advertise,
    #[serde(default)]
    pub(crate) modules: Vec<Module>,
}

/// The servers that clients are told about.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Discovery {
    pub(crate) servers: Vec<Node>,
    pub(crate) nodes: Vec<Node>,
}

/// The ways to a session that clients are told about.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Advertise {
    pub(crate) transports: Vec<Transport>,
}

/// A way to a session.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transport {
    pub(crate) kind: String,
    pub(crate) url: String,
}

/// A named address.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) address: String,
}

/// A module that clients may display.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) is_enabled: bool,
    pub(crate) end_points: Vec<String>,
}
