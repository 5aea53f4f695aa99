//! Alternating phones: two phones of one user that replace each other.
//!
//! Both use the rule for manual logins, which always win, so that two programs that log in this way
//! automatically would replace each other as fast as the network allows. While two phones
//! alternate, the answer to each login is held: 1 s, then twice as long each time, up to [`MOST`].
//! The newest still wins, only later; the older one keeps its session until then.
//!
//! Pure: time is a parameter. Not here: the holding itself (`gate`).

use std::collections::HashMap;
use std::time::Duration;

use crate::announcer::User;

/// Longest hold of an answer.
pub const MOST: Duration = Duration::from_secs(30);
/// First hold of an answer.
pub const FIRST: Duration = Duration::from_secs(1);
/// Logins further apart than this do not count as alternating.
const QUIET_MS: u64 = 2 * 60 * 1_000;
/// Maximum number of users with remembered phones, about 300 bytes each; logins of further users
/// are not held.
const USERS: usize = 10_000;

/// Phones of users with a recent login.
#[derive(Debug, Default)]
pub(crate) struct AlternatingPhones(HashMap<User, Phones>);

#[derive(Debug)]
struct Phones {
    newest: Box<str>,
    /// The previous one, different from the newest.
    before: Option<Box<str>>,
    /// Unix time at which the session of the newest begins.
    since_ms: u64,
    /// Number of times that the previous one returned and replaced the newest.
    rounds: u32,
}

impl AlternatingPhones {
    /// Records the login of a phone. Returns the time to hold its answer.
    pub(crate) fn log_in(&mut self, user: &User, uuid: &str, now_ms: u64) -> Duration {
        if !self.0.contains_key(user) && self.0.len() >= USERS {
            self.0.retain(|_, phones| phones.is_recent(now_ms));
            if self.0.len() >= USERS {
                return Duration::ZERO;
            }
        }
        let Some(phones) = self.0.get_mut(user).filter(|phones| phones.is_recent(now_ms)) else {
            self.0.insert(user.clone(), Phones::of(uuid, now_ms));
            return Duration::ZERO;
        };
        if *phones.newest == *uuid {
            return Duration::ZERO;
        }
        let returns = phones.before.as_deref() == Some(uuid);
        phones.rounds = if returns { phones.rounds + 1 } else { 0 };
        phones.before = Some(std::mem::replace(&mut phones.newest, uuid.into()));
        let held = match phones.rounds {
            0 => Duration::ZERO,
            rounds => FIRST.saturating_mul(1 << (rounds - 1).min(10)).min(MOST),
        };
        let held_ms = u64::try_from(held.as_millis()).unwrap_or(u64::MAX);
        phones.since_ms = now_ms.saturating_add(held_ms);
        held
    }
}

impl Phones {
    fn of(uuid: &str, now_ms: u64) -> Self {
        Self { newest: uuid.into(), before: None, since_ms: now_ms, rounds: 0 }
    }

    fn is_recent(&self, now_ms: u64) -> bool {
        now_ms < self.since_ms.saturating_add(QUIET_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> User {
        ("dtalk".to_owned(), name.to_owned())
    }

    /// Hold of each of these logins, in seconds, for login times in seconds.
    fn held(logins: &[(&str, u64)]) -> Vec<u64> {
        let mut alternating = AlternatingPhones::default();
        let log_in = |&(uuid, at): &(&str, u64)| {
            alternating.log_in(&user("alice"), uuid, at * 1_000).as_secs()
        };
        logins.iter().map(log_in).collect()
    }

    #[test]
    fn two_that_alternate_are_held_twice_as_long_each_time_up_to_the_most() {
        let logins: Vec<_> = (0..9).map(|at| (["a", "b"][at % 2], at as u64 * 40)).collect();
        assert_eq!(held(&logins), [0, 0, 1, 2, 4, 8, 16, 30, 30]);
    }

    #[test]
    fn another_phone_and_the_same_one_again_are_not_held() {
        assert_eq!(held(&[("a", 0), ("a", 0), ("b", 1), ("b", 1), ("c", 2), ("d", 3)]), [0; 6]);
    }

    #[test]
    fn a_third_phone_ends_the_alternation_of_two() {
        assert_eq!(held(&[("a", 0), ("b", 0), ("a", 0), ("c", 1), ("b", 2)]), [0, 0, 1, 0, 0]);
    }

    #[test]
    fn after_two_quiet_minutes_nothing_is_held() {
        assert_eq!(held(&[("a", 0), ("b", 0), ("a", 119), ("b", 300)]), [0, 0, 1, 0]);
    }

    #[test]
    fn users_are_apart_and_forgotten_in_time() {
        let mut alternating = AlternatingPhones::default();
        for number in 0..=USERS {
            let held = alternating.log_in(&user(&number.to_string()), "a", 0);
            assert_eq!(held, Duration::ZERO);
        }
        assert_eq!(alternating.0.len(), USERS);
        alternating.log_in(&user("late"), "a", QUIET_MS);
        assert_eq!(alternating.0.len(), 1);
    }
}
