//! The device behind a session, as far as its login tells.
//!
//! Whoever accepts a session puts a [`DeviceInfo`] into its context; every backend finds it there
//! with `peer.context::<DeviceInfo>()`. Not here: which devices a user has (the identity backend).

use crate::message::{Device, Login};

/// Device names and ids are stored and sent to others; what exceeds this is cut off.
pub const MAX_TEXT_LEN: usize = 255;

/// What a session's device said of itself; all empty if it said nothing, which is allowed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DeviceInfo {
    /// Its type, if it named one that is known.
    pub device: Option<Device>,
    /// Tells it from the user's other devices.
    pub uuid: Box<str>,
    /// What people call it.
    pub name: Box<str>,
    /// The user's display name.
    pub username: Box<str>,
    /// It is told what it missed and pulls that by itself; others have to be sent it.
    pub pulls: bool,
    /// Numbers this login among those of registered devices, later ones higher; 0 if the device is
    /// not registered.
    pub login: u64,
}

impl DeviceInfo {
    /// The device that a login names, not registered yet.
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

    /// What kind of device it is, for rules about how many a user may have: "phone", "desktop" or
    /// "web"; empty if it named no type that is known.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self.device {
            Some(Device::Android | Device::Ios) => "phone",
            Some(Device::Windows | Device::Linux | Device::MacOs) => "desktop",
            Some(Device::Web) => "web",
            None => "",
        }
    }

    /// Phones get replay at login, and only their acks count as "received".
    #[must_use]
    pub fn is_phone(&self) -> bool {
        self.device.is_some_and(Device::is_phone)
    }
}

/// The text up to [`MAX_TEXT_LEN`] bytes, never half a character.
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
