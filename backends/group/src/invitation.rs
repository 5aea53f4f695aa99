//! Rules of becoming a member: by an invitation, or by oneself.
//!
//! Pure. Not here: permission to invite at all (`permission`), room for more members (`edit`).

use comet_dtalk::code::Code;

use crate::group::JoinType;
use crate::member::Role;

/// Way in which users become members.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Entry {
    /// At once.
    Member,
    /// After an admin has accepted their applications.
    Application,
}

/// Inviter named by a user that joins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Named {
    Nobody,
    /// A user that is no member now.
    Stranger,
    Member(Role),
}

/// Entry of users invited by a member with this role.
pub(crate) const fn invited(join_type: JoinType, inviter: Role) -> Result<Entry, Code> {
    match (join_type, inviter.is_staff()) {
        (_, true) | (JoinType::Free, false) => Ok(Entry::Member),
        (JoinType::Application, false) => Ok(Entry::Application),
        (JoinType::StaffOnly, false) => Err(Code::INVITE_NOT_PERMITTED),
    }
}

/// Entry of a user that joins. The inviter is that user's claim, and raises no rights.
pub(crate) const fn joining(join_type: JoinType, inviter: Named) -> Result<Entry, Code> {
    match (join_type, inviter) {
        (JoinType::Free, _) => Ok(Entry::Member),
        (JoinType::Application, Named::Stranger) => Err(Code::OTHER_NOT_IN_GROUP),
        (JoinType::Application, _)
        | (JoinType::StaffOnly, Named::Member(Role::Admin | Role::Owner)) => Ok(Entry::Application),
        (JoinType::StaffOnly, _) => Err(Code::INVITE_NOT_PERMITTED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOIN_TYPES: [JoinType; 3] = [JoinType::Free, JoinType::StaffOnly, JoinType::Application];
    const IN: Result<Entry, Code> = Ok(Entry::Member);
    const APPLIES: Result<Entry, Code> = Ok(Entry::Application);
    const REFUSED: Result<Entry, Code> = Err(Code(-10005));

    #[test]
    fn the_matrix_of_invitations() {
        let of = |inviter| JOIN_TYPES.map(|join_type| invited(join_type, inviter));
        assert_eq!(of(Role::Owner), [IN; 3]);
        assert_eq!(of(Role::Admin), [IN; 3]);
        assert_eq!(of(Role::Member), [IN, REFUSED, APPLIES]);
    }

    #[test]
    fn a_claimed_inviter_raises_no_rights() {
        let of = |inviter| JOIN_TYPES.map(|join_type| joining(join_type, inviter));
        assert_eq!(of(Named::Nobody), [IN, REFUSED, APPLIES]);
        assert_eq!(of(Named::Stranger), [IN, REFUSED, Err(Code(-10016))]);
        assert_eq!(of(Named::Member(Role::Member)), [IN, REFUSED, APPLIES]);
        assert_eq!(of(Named::Member(Role::Admin)), [IN, APPLIES, APPLIES]);
        assert_eq!(of(Named::Member(Role::Owner)), [IN, APPLIES, APPLIES]);
    }
}
