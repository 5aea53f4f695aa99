//! Descriptions of a device for the other devices of its user, as a [`SignalEndpointLogin`]: the
//! announcement of its login, and the refusal of a phone that it has superseded.

use comet_dtalk::message::{Device, SignalEndpointLogin};
use prost::Message;

use crate::registry::Registered;

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
