//! The section `[push]`: vendors of pushes to phones, and their limits.

use comet_push::Secret;
use serde::{Deserialize, Deserializer};

use crate::settings::{Fault, Section, Settings};

/// Pushes to phones.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Push {
    pub(crate) limits: Limits,
    pub(crate) webhook: Webhook,
    pub(crate) umeng: Umeng,
    pub(crate) apns: Apns,
    pub(crate) fcm: Fcm,
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
    /// Certificates to be trusted besides those of the system; empty for none.
    pub(crate) ca_file: String,
}

/// Vendor of pushes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Vendor {
    #[serde(rename = "")]
    None,
    Webhook,
    Umeng,
    Apns,
    Fcm,
    Log,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Webhook {
    pub(crate) url: String,
    #[serde(deserialize_with = "secret")]
    pub(crate) secret: Secret,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Umeng {
    pub(crate) url: String,
    pub(crate) env: Env,
    pub(crate) android: UmengApp,
    pub(crate) ios: UmengApp,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Env {
    Debug,
    Release,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct UmengApp {
    pub(crate) app_key: String,
    #[serde(deserialize_with = "secret")]
    pub(crate) app_master_secret: Secret,
    pub(crate) mi_activity: String,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Apns {
    pub(crate) url: String,
    pub(crate) key_file: String,
    pub(crate) key_id: String,
    pub(crate) team_id: String,
    pub(crate) topic: String,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fcm {
    pub(crate) url: String,
    pub(crate) service_account: String,
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
    String::deserialize(from).map(Secret::from)
}

impl Push {
    pub(super) fn read(settings: &mut Section<'_>) -> Result<Self, Fault> {
        Ok(Self {
            limits: settings.part()?,
            webhook: settings.setting("webhook")?,
            umeng: settings.setting("umeng")?,
            apns: settings.setting("apns")?,
            fcm: settings.setting("fcm")?,
        })
    }

    /// Rejects values that make no sense.
    pub(super) fn check(&self, settings: &Settings) -> Result<(), Fault> {
        let limits = &self.limits;
        if limits.limit_seconds <= limits.after_seconds {
            let text = "must be more than push.after_seconds, or nothing is pushed".to_owned();
            return Err(settings.fault("push.limit_seconds", text));
        }
        if limits.android == Vendor::Apns {
            let text = "must be a vendor for Android: umeng, fcm, webhook or log".to_owned();
            return Err(settings.fault("push.android", text));
        }
        Ok(())
    }
}
