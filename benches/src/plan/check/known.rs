//! Options of each scenario.

use crate::plan::{Kind, Options, PlanError};

/// Options that every scenario has.
const ALWAYS: &[&str] = &[
    "scenario",
    "addr",
    "dialect",
    "carrier",
    "pid",
    "insecure",
    "ca",
    "demo",
    "token-file",
    "sign",
    "relay",
    "relay-flag",
    "delivery",
    "sessions",
    "rooms",
    "ramp",
    "concurrency",
    "heartbeat",
    "sources",
    "threads",
    "seed",
    "warmup",
    "duration",
    "settle",
    "interval",
    "json",
    "html",
    "label",
];

/// Options of a scenario beside the common ones.
const fn own(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Idle => &["memberships"],
        Kind::Connect => &["memberships", "rate", "fail-above"],
        Kind::Echo => &["size", "rate", "window", "limit", "share", "fail-above"],
        Kind::Fan => &["size", "rate", "window", "limit", "share", "fail-above", "publishers"],
        Kind::Chat => &[
            "size",
            "rate",
            "limit",
            "share",
            "fail-above",
            "publishers",
            "groups",
            "private",
            "friends",
            "http",
            "churn",
            "away",
            "breaks",
        ],
        Kind::Storm => &["size", "rate", "publishers", "stay", "back-within", "slower"],
        Kind::Tortoise => {
            &["size", "rate", "publishers", "stalled", "slower", "growth", "churn", "away"]
        }
    }
}

/// Every option that was given is one that the scenario has.
pub(super) fn check_applicable(kind: Kind, given: &Options) -> Result<(), PlanError> {
    for (key, _) in given.given() {
        if !is_known(kind, &key) {
            return Err(PlanError::Meaningless { key, kind });
        }
    }
    Ok(())
}

/// A session that only hears itself is in no room.
pub(in crate::plan) fn is_known(kind: Kind, key: &str) -> bool {
    let is_known = ALWAYS.contains(&key) || own(kind).contains(&key);
    is_known && !(kind == Kind::Echo && key == "rooms")
}
