//! The vendors of the configuration.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use comet_dtalk::message::Device::{self, Android, Ios};
use comet_push::vendors::{Apns, Fcm, Log, Umeng, VendorError, Webhook};
use comet_push::{PushVendor, Secret, Trust, Vendors};

use super::PushError;
use crate::config::{Env, Push, UmengApp, Vendor};

/// A vendor for each device type that has one. Types with the same share it, but for Umeng, which
/// has an app for each.
pub(super) fn of(config: &Push) -> Result<Vendors, PushError> {
    let (android, ios) = (config.limits.android, config.limits.ios);
    let shared = android == ios && android != Vendor::Umeng;
    let types: &[(&[Device], Vendor)] = if shared {
        &[(&[Android, Ios], android)]
    } else {
        &[(&[Android], android), (&[Ios], ios)]
    };
    let mut vendors = Vendors::default();
    for (devices, vendor) in types {
        if *vendor != Vendor::None {
            let trust = trust(&config.limits.ca_file)?;
            vendors = vendors.with(devices, one(config, *vendor, devices[0], &trust)?);
        }
    }
    Ok(vendors)
}

fn one(
    config: &Push,
    vendor: Vendor,
    device: Device,
    trust: &Trust,
) -> Result<Arc<dyn PushVendor>, PushError> {
    Ok(match vendor {
        Vendor::None | Vendor::Log => Arc::new(Log),
        Vendor::Webhook => {
            let webhook = Webhook::new(&config.webhook.url, &config.webhook.secret, trust);
            Arc::new(webhook.map_err(bad("webhook"))?)
        }
        Vendor::Umeng => {
            let umeng = &config.umeng;
            let app = if device == Ios { &umeng.ios } else { &umeng.android };
            let UmengApp { app_key, app_master_secret, mi_activity } = app.clone();
            let (keys, is_production) = ((app_key, app_master_secret), umeng.env == Env::Release);
            let umeng = Umeng::new(&umeng.url, keys, mi_activity, is_production, trust);
            Arc::new(umeng.map_err(bad("umeng"))?)
        }
        Vendor::Apns => {
            let apns = &config.apns;
            let key = (&read("apns.key_file", &apns.key_file)?, apns.key_id.clone());
            let apns = Apns::new(&apns.url, key, apns.team_id.clone(), &apns.topic, trust);
            Arc::new(apns.map_err(bad("apns"))?)
        }
        Vendor::Fcm => {
            let account = read("fcm.service_account", &config.fcm.service_account)?;
            let fcm = Fcm::new(&config.fcm.url, &account, trust);
            Arc::new(fcm.map_err(bad("fcm"))?)
        }
    })
}

fn trust(file: &str) -> Result<Trust, PushError> {
    let file = Some(file).filter(|file| !file.is_empty()).map(Path::new);
    Trust::load(file).map_err(PushError::Trust)
}

fn bad(section: &'static str) -> impl Fn(VendorError) -> PushError {
    move |source| PushError::Vendor { section, source }
}

/// A file with a secret.
fn read(setting: &'static str, file: &str) -> Result<Secret, PushError> {
    let path = PathBuf::from(file);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.into()),
        Err(source) => Err(PushError::File { setting, path, source }),
    }
}
