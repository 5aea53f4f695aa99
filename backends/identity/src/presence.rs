//! Registered devices that have a session now.
//!
//! Kept in memory only: after a crash no device is connected, and a table would be stale. Senders
//! of vendor pushes find here the devices that need one, and who revokes a device its session.

use std::collections::HashMap;

use comet::SessionId;
use comet_dtalk::device::DeviceInfo;
use parking_lot::Mutex;

/// Logins of open and of parked sessions.
///
/// Costs about 32 bytes per session, and one lock at its beginning and its end.
#[derive(Debug, Default)]
pub struct Presence(Mutex<HashMap<u64, Held>>);

/// Session of a login.
#[derive(Clone, Copy, Debug)]
struct Held {
    session: SessionId,
    is_open: bool,
}

impl Presence {
    /// Whether the session of this login is open.
    #[must_use]
    pub fn is_online(&self, device: &DeviceInfo) -> bool {
        self.0.lock().get(&device.login).is_some_and(|held| held.is_open)
    }

    /// Session of the login, open or parked.
    pub(crate) fn session(&self, login: u64) -> Option<SessionId> {
        self.0.lock().get(&login).map(|held| held.session)
    }

    pub(crate) fn enter(&self, device: &DeviceInfo, session: SessionId) {
        if device.login != 0 {
            self.0.lock().insert(device.login, Held { session, is_open: true });
        }
    }

    pub(crate) fn park(&self, device: &DeviceInfo) {
        if let Some(held) = self.0.lock().get_mut(&device.login) {
            held.is_open = false;
        }
    }

    pub(crate) fn leave(&self, device: &DeviceInfo) {
        self.0.lock().remove(&device.login);
    }
}
