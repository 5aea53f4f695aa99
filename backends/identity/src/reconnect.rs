//! The rule that ends the quarrel of two phones.
//!
//! A phone that reconnects by itself is refused once the user has logged in on another phone, or
//! the two would throw each other out for ever. Logging in by hand always wins. Desktops and
//! browsers are never refused. The refused phone is told of the newer one in a
//! [`SignalEndpointLogin`].

use comet_dtalk::device::DeviceInfo;
use comet_dtalk::message::{Device, SignalEndpointLogin};
use prost::Message;

use crate::registry::Registered;

/// Whether the user's newest phone stands against this phone's reconnecting.
pub(crate) fn supersedes(newest: &Registered, device: &DeviceInfo) -> bool {
    device.is_phone() && newest.info.uuid != device.uuid
}

/// What a refused device is told of the one that stays: never empty, which would let it in.
pub(crate) fn refusal(stays: &Registered) -> Vec<u8> {
    let body = endpoint_login(stays).encode_to_vec();
    // An Android phone that did not say which.
    if body.is_empty() { vec![0x10, 0] } else { body }
}

/// What the other devices are told of a login.
pub(crate) fn endpoint_login(device: &Registered) -> SignalEndpointLogin {
    SignalEndpointLogin {
        uuid: device.info.uuid.to_string(),
        // A registered device has a type.
        device: device.info.device.unwrap_or(Device::Web) as i32,
        device_name: device.info.name.to_string(),
        datetime: device.login_ms,
    }
}
