//! Descriptions of a device for the other devices of its user, as a [`SignalEndpointLogin`]: the
//! announcement of its login, and the refusal of a phone that it has superseded.

use comet::{Delivery, Gateway};
use comet_dtalk::message::{Device, EventType, Proto, Signal, SignalEndpointLogin, SignalType};
use prost::Message;

use crate::announcer::{self, User};
use crate::registry::Registered;
use crate::superseded::ANNOUNCED;

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

/// Announces a login to the other devices of the user. Skips the device itself, which would receive
/// its own announcement when it returns to a session, and devices without a connection: they learn
/// of it when they reconnect.
pub(crate) fn announce(gateway: &Gateway, (app, uid): &User, device: &Registered) {
    let signal = Signal {
        r#type: SignalType::EndpointLogin as i32,
        body: endpoint_login(device).encode_to_vec().into(),
        ..Signal::default()
    };
    let body = Proto { event_type: EventType::Signal as i32, body: signal.encode_to_vec().into() };
    let body = body.encode_to_vec();
    // Superseded phones are waited for; other devices need not know that the login was before.
    let delivery = match device.info.is_phone() {
        true => Delivery::acked(body).tag(ANNOUNCED),
        false => Delivery::best_effort(body),
    };
    let (uuid, most) = (&device.info.uuid, announcer::DEVICES);
    if let Err(error) = gateway.push_others(app, uid, uuid, most, delivery) {
        tracing::debug!(%error, "login not announced");
    }
}
