//! The vendors of the configuration.

use std::sync::Arc;

use comet_dtalk::message::Device;
use comet_push::vendors::Log;
use comet_push::{PushVendor, Vendors};

use super::PushError;
use crate::config::{Push, Vendor};

/// A vendor for each device type that has one.
pub(super) fn of(config: &Push) -> Result<Vendors, PushError> {
    let mut vendors = Vendors::default();
    let limits = &config.limits;
    for (device, vendor) in [(Device::Android, limits.android), (Device::Ios, limits.ios)] {
        let vendor: Arc<dyn PushVendor> = match vendor {
            Vendor::None => continue,
            Vendor::Log => Arc::new(Log),
        };
        vendors = vendors.with(&[device], vendor);
    }
    Ok(vendors)
}
