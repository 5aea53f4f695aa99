//! Reconnect rule for two phones of one user.
//!
//! A phone that reconnects automatically is refused once the user has logged in on another phone;
//! otherwise the two would replace each other endlessly. A manual login always wins. Desktops and
//! browsers are never refused. The refusal names the newer phone in a [`SignalEndpointLogin`].

use comet_dtalk::device::DeviceInfo;
use comet_dtalk::message::{Device, SignalEndpointLogin};
use prost::Message;

use crate::registry::Registered;

/// Whether the newest phone of the user blocks the reconnect of this phone.
pub(crate) fn supersedes(newest: &Registered, device: &DeviceInfo) -> bool {
    device.is_phone() && newest.info.uuid != device.uuid
}

/// Body of a refusal, describing the device that stays: never empty, which would admit the peer.
pub(crate) fn refusal(stays: &Registered) -> Vec<u8> {
    let body = endpoint_login(stays).encode_to_vec();
    // An Android phone without further fields.
    if body.is_empty() { vec![0x10, 0] } else { body }
}

/// Announcement of a login to the other devices.
pub(crate) fn endpoint_login(device: &Registered) -> SignalEndpointLogin {
    SignalEndpointLogin {
        uuid: device.info.uuid.to_string(),
        // A registered device has a type.
        device: device.info.device.unwrap_or(Device::Web) as i32,
        device_name: device.info.name.to_string(),
        datetime: device.login_ms,
    }
}
