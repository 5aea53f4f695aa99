//! The sections of the backends: `[devices]`, `[store]` and `[group]`.

use std::time::Duration;

use comet::Winner;
use comet_store::Keep;
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
    pub(crate) retention: Retention,
}

/// Limits of what is kept; 0 for none.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retention {
    pub(crate) private_days: u32,
    pub(crate) private_messages: u32,
    pub(crate) group_days: u32,
    pub(crate) group_messages: u32,
    pub(crate) signal_days: u32,
    pub(crate) id_days: u32,
}

impl Retention {
    pub(crate) fn limits(self) -> comet_store::Retention {
        let (private, group) = (
            Keep { age: days(self.private_days), count: positive(self.private_messages) },
            Keep { age: days(self.group_days), count: positive(self.group_messages) },
        );
        let retention = comet_store::Retention::default().private(private).group(group);
        let signals = days(self.signal_days);
        let retention = signals.map_or(retention, |age| retention.signals(age));
        days(self.id_days).map_or(retention, |age| retention.deduplication(age))
    }
}

fn positive(number: u32) -> Option<u32> {
    (number > 0).then_some(number)
}

fn days(number: u32) -> Option<Duration> {
    positive(number).map(|days| Duration::from_secs(u64::from(days) * 86_400))
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    pub(crate) members: u32,
    pub(crate) groups_per_user: u32,
}
