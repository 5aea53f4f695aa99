//! How many sessions a user may have on devices of which class, and who wins when there are more.
//!
//! A [`DevicePolicy`] is a declaration: groups of classes with a limit each. What it means for one
//! newcomer is decided in [`admission`], from what is handed in. [`Claims`] are places of devices
//! on their way to a session.
//!
//! Not here: which sessions a user has, and what those that lose are told before they are closed
//! (`shard`). What class a device is of, the router says:
//! [`Identity::class`](crate::Identity::class).

mod admission;
mod claims;

pub(crate) use admission::{Existing, Newcomer, Verdict};
pub(crate) use claims::Claims;
pub use claims::{Claim, Crowded};

/// Who has a session when a group has no place for all.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Winner {
    /// The newcomer. The oldest session of the group ends.
    Newest,
    /// Who is there. The newcomer is refused.
    Oldest,
}

/// How many sessions of which devices one user may have at the same time.
///
/// Classes are what [`Identity::class`](crate::Identity::class) says, and mean nothing else to the
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
/// of the same device if their users are the same and so are their device names, which are not
/// empty. Sessions of anonymous peers are nobody's and are not limited.
///
/// The policy is applied when a session is about to open. A router that does something for a device
/// before that, such as storing it or telling others of it, asks first:
/// [`Gateway::claim`](crate::Gateway::claim).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DevicePolicy {
    groups: Vec<Group>,
    /// Of each class that is in no group.
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
    /// At most so many sessions of all these classes together. 0: no limit, also not that of
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

    /// At most so many sessions of each class that is in no group: a group for each, also for the
    /// class without a name. 0, the default: no limit.
    #[must_use]
    pub fn others(mut self, sessions: u16, winner: Winner) -> Self {
        self.others = Limit::new(sessions, winner);
        self
    }
}

#[cfg(test)]
mod tests;
