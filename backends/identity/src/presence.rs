//! Registered devices that have a session now.
//!
//! Kept in memory only: after a crash no device is connected, and a table would be stale. Senders
//! of vendor pushes find here the devices that need one.

use std::collections::HashSet;

use comet_dtalk::device::DeviceInfo;
use parking_lot::Mutex;

/// Logins of open sessions.
///
/// Costs about 16 bytes per session, and one lock at its beginning and its end.
#[derive(Debug, Default)]
pub struct Presence(Mutex<HashSet<u64>>);

impl Presence {
    /// Whether the session of this login is open.
    #[must_use]
    pub fn is_online(&self, device: &DeviceInfo) -> bool {
        self.0.lock().contains(&device.login)
    }

    pub(crate) fn enter(&self, device: &DeviceInfo) {
        if device.login != 0 {
            self.0.lock().insert(device.login);
        }
    }

    pub(crate) fn leave(&self, device: &DeviceInfo) {
        self.0.lock().remove(&device.login);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(login: u64) -> DeviceInfo {
        DeviceInfo { login, ..DeviceInfo::default() }
    }

    #[test]
    fn each_login_comes_and_goes_by_itself() {
        let presence = Presence::default();
        presence.enter(&device(7));
        presence.enter(&device(8));
        presence.leave(&device(7));
        assert!(!presence.is_online(&device(7)));
        assert!(presence.is_online(&device(8)));
    }

    #[test]
    fn a_device_that_is_not_registered_is_never_online() {
        let presence = Presence::default();
        presence.enter(&device(0));
        assert!(!presence.is_online(&device(0)));
    }
}
