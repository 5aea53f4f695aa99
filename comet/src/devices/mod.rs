//! Sessions a user may have, per device class, and the policy when there are more.
//!
//! A [`DevicePolicy`] is a declaration: groups of classes with a limit each. Its verdict on one
//! newcomer is computed in [`admission`], from the arguments alone. [`Claims`] are places of
//! devices that have no session yet.
//!
//! Not here: the sessions of a user, and the notices to those that lose before they are closed
//! (`shard`). The class of a device is set by the router:
//! [`Identity::class`](crate::Identity::class).

mod admission;
mod claims;

pub(crate) use admission::{Existing, Newcomer, Verdict};
pub(crate) use claims::Claims;
pub use claims::{Claim, Crowded};

/// Session that wins when a group has no place for all.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Winner {
    /// The newcomer. The oldest session of the group ends.
    Newest,
    /// The existing sessions. The newcomer is refused.
    Oldest,
}

/// Sessions one user may have at the same time, per device class.
///
/// Classes are set by [`Identity::class`](crate::Identity::class), and have no other meaning to the
/// gateway. By default nothing is limited.
///
/// ```
/// use comet::{DevicePolicy, Winner};
///
/// // One phone or tablet, whichever came last; two desktops, and a third has to wait; of each
/// // other class three.
/// let policy = DevicePolicy::default()
///     .group(["phone", "tablet"], 1, Winner::Newest)
///     .group(["desktop"], 2, Winner::Oldest)
///     .others(3, Winner::Newest);
/// # drop(policy);
/// ```
///
/// A device that comes back takes the place of its own session, whatever the limits: sessions are
/// of the same device if they have the same user and the same, non-empty device name. Sessions of
/// anonymous peers have no user and are not limited.
///
/// The policy is applied when a session is about to open. A router that acts on a device before
/// that, to store it or announce it to others, first calls
/// [`Gateway::claim`](crate::Gateway::claim).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DevicePolicy {
    groups: Vec<Group>,
    /// Limit of each class that is in no group.
    others: Option<Limit>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Group {
    classes: Box<[Box<str>]>,
    limit: Option<Limit>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Limit {
    sessions: u16,
    winner: Winner,
}

impl Limit {
    fn new(sessions: u16, winner: Winner) -> Option<Self> {
        (sessions > 0).then_some(Self { sessions, winner })
    }
}

impl DevicePolicy {
    /// Limits the sessions of all these classes together. 0: no limit, not even that of
    /// [`others`](Self::others).
    ///
    /// A class is in the first group that names it.
    #[must_use]
    pub fn group<C: Into<Box<str>>>(
        mut self,
        classes: impl IntoIterator<Item = C>,
        sessions: u16,
        winner: Winner,
    ) -> Self {
        let classes = classes.into_iter().map(Into::into).collect();
        self.groups.push(Group { classes, limit: Limit::new(sessions, winner) });
        self
    }

    /// Limits the sessions of each class that is in no group: each is a group of its own, including
    /// the class without a name. 0, the default: no limit.
    #[must_use]
    pub fn others(mut self, sessions: u16, winner: Winner) -> Self {
        self.others = Limit::new(sessions, winner);
        self
    }
}

#[cfg(test)]
mod tests;
