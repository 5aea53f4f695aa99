//! Device of a session, as described by its login.
//!
//! The code that accepts a session stores a [`DeviceInfo`] in its context; every backend reads it
//! with `peer.context::<DeviceInfo>()`. Not here: the devices of a user (the identity backend).

use crate::message::{Device, Login};

/// Length limit of device names and ids, in bytes: they are stored and sent to others. Longer ones
/// are truncated.
pub const MAX_TEXT_LEN: usize = 255;

/// Device description sent at login; all empty if the login has none, which is allowed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DeviceInfo {
    /// Device type, if given and known.
    pub device: Option<Device>,
    /// Identifier among the devices of the user.
    pub uuid: Box<str>,
    /// Human-readable device name.
    pub name: Box<str>,
    /// Display name of the user.
    pub username: Box<str>,
    /// Whether the device is notified of missed messages and pulls them itself; others are sent
    /// them.
    pub pulls: bool,
    /// Login number among those of registered devices, increasing; 0 if the device is not
    /// registered.
    pub login: u64,
}

impl DeviceInfo {
    /// Device named by a login, not registered yet.
    #[must_use]
    pub fn of(login: &Login) -> Self {
        Self {
            device: Device::try_from(login.device).ok(),
            uuid: limited(&login.uuid).into(),
            name: limited(&login.device_name).into(),
            username: limited(&login.username).into(),
            pulls: false,
            login: 0,
        }
    }

    /// Device class, for limits on sessions per user: "phone", "desktop" or "web"; empty if the
    /// type is missing or unknown.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self.device {
            Some(Device::Android | Device::Ios) => "phone",
            Some(Device::Windows | Device::Linux | Device::MacOs) => "desktop",
            Some(Device::Web) => "web",
            None => "",
        }
    }

    /// Whether it is a phone: phones get a replay at login, and only their acks count as
    /// "received".
    #[must_use]
    pub fn is_phone(&self) -> bool {
        self.device.is_some_and(Device::is_phone)
    }
}

/// Prefix of the text of at most [`MAX_TEXT_LEN`] bytes, cut at a character boundary.
#[must_use]
pub fn limited(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT_LEN)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(device: i32, uuid: &str) -> Login {
        Login { device, uuid: uuid.into(), device_name: "Pixel".into(), ..Login::default() }
    }

    #[test]
    fn only_android_and_ios_are_phones() {
        let phones = (0..7).filter(|&device| DeviceInfo::of(&login(device, "u-1")).is_phone());
        assert_eq!(phones.collect::<Vec<_>>(), [0, 1]);
        assert!(!DeviceInfo::default().is_phone());
    }

    #[test]
    fn each_type_is_of_a_class() {
        let classes = (0..7).map(|device| DeviceInfo::of(&login(device, "u-1")).class());
        let expected = ["phone", "phone", "desktop", "desktop", "desktop", "web", ""];
        assert_eq!(classes.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn types_have_names_in_any_case() {
        let names = ["Android", "iOS", "windows", "LINUX", "MacOS", "Web"];
        for (number, name) in (0..).zip(names) {
            assert_eq!(Device::named(name).map(|device| device as i32), Some(number));
        }
        assert_eq!(Device::named("PC"), None);
        assert_eq!(Device::named(""), None);
    }

    #[test]
    fn an_unknown_type_leaves_the_rest_intact() {
        let expected =
            DeviceInfo { uuid: "u-1".into(), name: "Pixel".into(), ..DeviceInfo::default() };
        assert_eq!(DeviceInfo::of(&login(6, "u-1")), expected);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let info = DeviceInfo::of(&login(0, &"é".repeat(200)));
        assert_eq!(&*info.uuid, "é".repeat(127));
        assert_eq!(limited(&"a".repeat(256)).len(), 255);
    }
}
