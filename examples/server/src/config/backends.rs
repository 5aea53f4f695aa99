//! The sections of the backends.

use std::path::PathBuf;
use std::time::Duration;

use comet::Winner;
use comet_identity::JwtAlgorithm;
use comet_store::Keep;
use serde::{Deserialize, Deserializer};

/// The backends.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Backends {
    pub(crate) devices: Devices,
    pub(crate) jwt: JwtTokens,
    pub(crate) store: Store,
    pub(crate) group: Group,
}

/// Tokens of another system.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct JwtTokens {
    /// None: no such tokens are accepted.
    #[serde(deserialize_with = "algorithm")]
    pub(crate) algorithm: Option<JwtAlgorithm>,
    pub(crate) key_file: PathBuf,
    pub(crate) user: String,
    /// Empty: any. The same holds for the audience.
    pub(crate) issuer: String,
    pub(crate) audience: String,
}

fn algorithm<'de, D: Deserializer<'de>>(from: D) -> Result<Option<JwtAlgorithm>, D::Error> {
    #[derive(Deserialize)]
    enum Name {
        #[serde(rename = "")]
        None,
        #[serde(rename = "HS256")]
        Hs256,
        #[serde(rename = "RS256")]
        Rs256,
        #[serde(rename = "ES256")]
        Es256,
        #[serde(rename = "EdDSA")]
        EdDsa,
    }
    Ok(match Name::deserialize(from)? {
        Name::None => None,
        Name::Hs256 => Some(JwtAlgorithm::Hs256),
        Name::Rs256 => Some(JwtAlgorithm::Rs256),
        Name::Es256 => Some(JwtAlgorithm::Es256),
        Name::EdDsa => Some(JwtAlgorithm::EdDsa),
    })
}

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
