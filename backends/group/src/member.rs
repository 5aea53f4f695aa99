//! Members of a group and their roles.

use std::collections::HashSet;

/// Role of a member. Ordered: a role is above another if it is greater.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// Without rights over others.
    Member,
    /// Appointed by the owner.
    Admin,
    /// One of each group.
    Owner,
}

impl Role {
    /// Role of a number in the table and on the wire; `None` for those who have left.
    #[must_use]
    pub const fn of_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::Member),
            1 => Some(Self::Admin),
            2 => Some(Self::Owner),
            _ => None,
        }
    }

    /// Number in the table and on the wire.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::Member => 0,
            Self::Admin => 1,
            Self::Owner => 2,
        }
    }

    /// Whether members with this role are admins, or the owner.
    #[must_use]
    pub const fn is_staff(self) -> bool {
        matches!(self, Self::Admin | Self::Owner)
    }
}

/// Number of those who have left, in the place of a role.
pub(crate) const LEFT: i32 = 10;

/// Member of a group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Member {
    /// Stored id of the user.
    pub(crate) uid: String,
    /// Nickname in the group; may be empty.
    pub(crate) name: String,
    pub(crate) role: Role,
    /// End of the mute, Unix milliseconds; 0 for none.
    pub(crate) mute_until: i64,
}

impl Member {
    /// Without rights and a mute.
    pub(crate) fn new(uid: impl Into<String>, name: impl Into<String>) -> Self {
        Self { uid: uid.into(), name: name.into(), role: Role::Member, mute_until: 0 }
    }
}

/// User to be made a member, with the nickname in the group.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct NewMember {
    /// Stored id of the user.
    pub user: String,
    /// Nickname in the group; may be empty.
    pub name: String,
}

impl NewMember {
    /// Member without a nickname.
    pub fn nameless(user: impl Into<String>) -> Self {
        Self { user: user.into(), name: String::new() }
    }
}

/// The list without repeats, in its order.
pub(crate) fn distinct<T>(list: Vec<T>, key: impl Fn(&T) -> &str) -> Vec<T> {
    let mut seen = HashSet::new();
    let is_first: Vec<bool> = list.iter().map(|item| seen.insert(key(item))).collect();
    let firsts = list.into_iter().zip(is_first).filter(|(_, is_first)| *is_first);
    firsts.map(|(item, _)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_numbers_are_roles() {
        for number in [-1, 3, 10, 11, i64::MAX] {
            assert_eq!(Role::of_number(number), None);
        }
        for (number, role) in (0..).zip([Role::Member, Role::Admin, Role::Owner]) {
            assert_eq!(Role::of_number(number), Some(role));
            assert_eq!(i64::from(role.number()), number);
        }
        assert!(Role::Owner > Role::Admin && Role::Admin > Role::Member);
    }

    #[test]
    fn repeats_are_left_out_and_the_order_stays() {
        let list = ["b", "a", "b", "c", "a"].map(String::from).to_vec();
        assert_eq!(distinct(list, |item| item), ["b", "a", "c"]);
    }
}
