//! A group without its members: names, settings, status.

/// Kind of group.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Kind {
    /// Of its members.
    #[default]
    Ordinary,
    /// Of all people of an enterprise.
    Enterprise,
    /// Of the people of a department.
    Department,
}

impl Kind {
    /// Kind of a number in the table and on the wire; unknown ones are ordinary.
    #[must_use]
    pub const fn of_number(number: i64) -> Self {
        match number {
            1 => Self::Enterprise,
            2 => Self::Department,
            _ => Self::Ordinary,
        }
    }

    /// Number in the table and on the wire.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::Ordinary => 0,
            Self::Enterprise => 1,
            Self::Department => 2,
        }
    }

    /// Whether the organisation decides on its members.
    #[must_use]
    pub const fn is_of_organisation(self) -> bool {
        !matches!(self, Self::Ordinary)
    }
}

/// Status of a group.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Status {
    #[default]
    Normal,
    Banned,
    Disbanded,
}

impl Status {
    pub(crate) const fn of_number(number: i64) -> Self {
        match number {
            0 => Self::Normal,
            1 => Self::Banned,
            _ => Self::Disbanded,
        }
    }

    pub(crate) const fn number(self) -> i32 {
        match self {
            Self::Normal => 0,
            Self::Banned => 1,
            Self::Disbanded => 2,
        }
    }
}

/// How users become members.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum JoinType {
    /// By themselves, and by any member.
    #[default]
    Free,
    /// By the owner and admins.
    StaffOnly,
    /// By the owner and admins, or by an application.
    Application,
}

impl JoinType {
    pub(crate) const fn of_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::Free),
            1 => Some(Self::StaffOnly),
            2 => Some(Self::Application),
            _ => None,
        }
    }

    pub(crate) const fn number(self) -> i32 {
        match self {
            Self::Free => 0,
            Self::StaffOnly => 1,
            Self::Application => 2,
        }
    }
}

/// Group without its members.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Group {
    pub(crate) id: i64,
    pub(crate) profile: Profile,
    pub(crate) settings: Settings,
    pub(crate) status: Status,
    /// Stored id of the user.
    pub(crate) owner: String,
    pub(crate) member_num: i64,
    pub(crate) maximum: i64,
    pub(crate) create_time: i64,
    /// Number of the last change, which tells whether a change was committed.
    pub(crate) change: i64,
}

/// Texts of a group.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Profile {
    /// Number that people search by.
    pub(crate) mark_id: String,
    /// Usually encrypted by clients.
    pub(crate) name: String,
    pub(crate) public_name: String,
    pub(crate) avatar: String,
    pub(crate) introduce: String,
    /// Key of the messages of clients, shown to members alone.
    pub(crate) key: String,
}

/// Settings of a group.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Settings {
    pub(crate) kind: Kind,
    pub(crate) join_type: JoinType,
    /// Whether only the owner and admins speak.
    pub(crate) is_muted: bool,
    /// Whether members may not become friends.
    pub(crate) is_unfriendly: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_table() {
        assert_eq!([0, 1, 2].map(|number| Kind::of_number(number).number()), [0, 1, 2]);
        assert_eq!([0, 1, 2].map(|number| Status::of_number(number).number()), [0, 1, 2]);
        assert_eq!(Status::of_number(3), Status::Disbanded);
        let join_types = [0, 1, 2].map(|number| JoinType::of_number(number).unwrap().number());
        assert_eq!(join_types, [0, 1, 2]);
        assert_eq!([-1, 3].map(JoinType::of_number), [None; 2]);
    }
}
