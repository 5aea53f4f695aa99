//! Limits of login announcements: their rate, and the sessions that each reaches.
//!
//! Each announcement is a delivery to each of the user's other devices, so that a user with many
//! devices, or one whose devices come back again and again, would cost the more the more there
//! are. A login reaches the [`DEVICES`] sessions that began last. Of more than [`AT_ONCE`]
//! logins in a [`PERIOD`] the later ones wait for its end, and only the newest of each class of
//! devices is announced then: it makes the others out of date.
//!
//! Not here: what an announcement says (`reconnect`), who gets it (`comet`).

use std::collections::HashMap;
use std::time::Duration;

use crate::registry::Registered;

/// Sessions that are told of one login, those that began last.
pub const DEVICES: usize = 64;
/// Logins of one user that are announced at once in one [`PERIOD`].
pub const AT_ONCE: u32 = 8;
/// Longest wait of the later ones.
pub const PERIOD: Duration = Duration::from_secs(1);

/// A user of an application.
pub(crate) type User = (String, String);

/// Decision about the announcement of a login.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Announce {
    /// Announce it, and end the user's period when it is over.
    Begin,
    /// Announce it.
    Now,
    /// Nothing: it comes at the end of the period, unless a newer one does.
    Later,
}

/// The users who have logged in within the last period. Some 200 bytes for each.
#[derive(Debug, Default)]
pub(crate) struct Announcer {
    recent: HashMap<User, Recent>,
}

#[derive(Debug, Default)]
struct Recent {
    announced: u32,
    /// At most one of each class.
    waiting: Vec<Registered>,
}

impl Announcer {
    /// Takes a login.
    pub(crate) fn log_in(&mut self, user: &User, device: &Registered) -> Announce {
        let Some(recent) = self.recent.get_mut(user) else {
            self.recent.insert(user.clone(), Recent { announced: 1, waiting: Vec::new() });
            return Announce::Begin;
        };
        if recent.announced < AT_ONCE {
            recent.announced += 1;
            return Announce::Now;
        }
        recent.waiting.retain(|other| other.info.class() != device.info.class());
        recent.waiting.push(device.clone());
        Announce::Later
    }

    /// A user's period is over. What is to be announced now; another period begins unless that is
    /// nothing.
    pub(crate) fn end_period(&mut self, user: &User) -> Vec<Registered> {
        let Some(recent) = self.recent.get_mut(user) else { return Vec::new() };
        let waiting = std::mem::take(&mut recent.waiting);
        recent.announced = u32::try_from(waiting.len()).unwrap_or(AT_ONCE);
        if waiting.is_empty() {
            self.recent.remove(user);
        }
        waiting
    }
}

#[cfg(test)]
mod tests {
    use comet_dtalk::device::DeviceInfo;
    use comet_dtalk::message::Device;

    use super::*;

    fn login(device: Device, login: u64) -> Registered {
        let info = DeviceInfo { device: Some(device), login, ..DeviceInfo::default() };
        Registered { info, ..Registered::default() }
    }

    fn alice() -> User {
        ("dtalk".into(), "alice".into())
    }

    #[test]
    fn beyond_so_many_logins_only_the_newest_of_each_class_is_announced_and_later() {
        let mut announcer = Announcer::default();
        let phone = |n| login(Device::Android, n);
        assert_eq!(announcer.log_in(&alice(), &phone(0)), Announce::Begin);
        for n in 1..u64::from(AT_ONCE) {
            assert_eq!(announcer.log_in(&alice(), &phone(n)), Announce::Now);
        }
        for n in 100..1_000 {
            assert_eq!(announcer.log_in(&alice(), &phone(n)), Announce::Later);
            assert_eq!(announcer.log_in(&alice(), &login(Device::Web, n)), Announce::Later);
        }
        let bob = ("dtalk".into(), "bob".into());
        assert_eq!(announcer.log_in(&bob, &phone(0)), Announce::Begin);

        let told: Vec<u64> =
            announcer.end_period(&alice()).iter().map(|device| device.info.login).collect();
        assert_eq!(told, [999, 999]);
        assert_eq!(announcer.log_in(&alice(), &phone(1_000)), Announce::Now);
    }

    #[test]
    fn who_was_quiet_for_a_period_is_forgotten() {
        let mut announcer = Announcer::default();
        announcer.log_in(&alice(), &login(Device::Web, 1));
        assert_eq!(announcer.end_period(&alice()), []);
        assert!(announcer.recent.is_empty());
        assert_eq!(announcer.log_in(&alice(), &login(Device::Web, 2)), Announce::Begin);
    }
}
