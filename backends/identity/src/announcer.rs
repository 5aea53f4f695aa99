//! Limits of login announcements: their rate, and the number of sessions reached by each.
//!
//! Each announcement is a delivery to every other device of the user, so that a user with many
//! devices, or with devices that log in again and again, would cost the more the more devices there
//! are. A login is announced to the [`DEVICES`] sessions that began last. After [`AT_ONCE`] logins
//! in a [`PERIOD`], later ones wait for the end of the period, and only the newest of each device
//! class is announced then: it supersedes the others.
//!
//! Not here: content of an announcement (`endpoint`), its delivery (`comet`).

use std::collections::HashMap;
use std::time::Duration;

use crate::registry::Registered;

/// Maximum number of sessions notified of one login: those that began last.
pub const DEVICES: usize = 64;
/// Logins of one user announced without delay in one [`PERIOD`].
pub const AT_ONCE: u32 = 8;
/// Longest delay of later announcements.
pub const PERIOD: Duration = Duration::from_secs(1);

/// Application and user id.
pub(crate) type User = (String, String);

/// Decision about the announcement of a login.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Announce {
    /// Announce it, and call `end_period` for the user after a period.
    Begin,
    /// Announce it.
    Now,
    /// Nothing now: it is announced at the end of the period, unless a newer one replaces it.
    Later,
}

/// Users with a login in the last period. About 200 bytes each.
#[derive(Debug, Default)]
pub(crate) struct Announcer {
    recent: HashMap<User, Recent>,
}

#[derive(Debug, Default)]
struct Recent {
    announced: u32,
    /// At most one per device class.
    waiting: Vec<Registered>,
}

impl Announcer {
    /// Records a login.
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

    /// Ends the period of a user. Returns the logins to announce now; another period begins unless
    /// there are none.
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
