//! Limits of groups.

use comet_dtalk::id::Node;

/// Limits of [`Groups`](crate::Groups), each with its cost.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) node: Node,
    pub(crate) maximum: u32,
    pub(crate) groups_per_user: u32,
    pub(crate) waiting_applications: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            node: Node::default(),
            maximum: 2_000,
            // As many as a session may have rooms, by default.
            groups_per_user: 1_000,
            waiting_applications: 1_000,
        }
    }
}

impl Config {
    /// Number of this process among those that make ids. Default 0.
    #[must_use]
    pub const fn node(mut self, node: Node) -> Self {
        self.node = node;
        self
    }

    /// Maximum number of members of a group made from now on, from 1 to 100,000. Default 2,000, as
    /// clients show it.
    ///
    /// Each costs a row and about 64 bytes of memory; beyond it nobody is admitted,
    /// [`Code::GROUP_FULL`](comet_dtalk::code::Code::GROUP_FULL).
    #[must_use]
    pub const fn maximum(mut self, members: u32) -> Self {
        self.maximum = match members {
            0 => 1,
            1..=100_000 => members,
            _ => 100_000,
        };
        self
    }

    /// Maximum number of groups of a user: at most what a session may have rooms, since each group
    /// is one. Default 1,000.
    ///
    /// Beyond it the user is admitted to no other,
    /// [`Code::GROUP_FULL`](comet_dtalk::code::Code::GROUP_FULL).
    #[must_use]
    pub const fn groups_per_user(mut self, groups: u32) -> Self {
        self.groups_per_user = groups;
        self
    }

    /// Maximum number of applications that wait for a decision, in each group. Default 1,000.
    ///
    /// Each costs a row; beyond it an application is refused,
    /// [`Code::GROUP_FULL`](comet_dtalk::code::Code::GROUP_FULL).
    #[must_use]
    pub const fn waiting_applications(mut self, applications: u32) -> Self {
        self.waiting_applications = applications;
        self
    }
}
