//! Permission: one table of what each role may do in which group.
//!
//! Pure. Not here: rules about others than the caller, such as the role of a member to be removed
//! (`operations`), and who is admitted by an invitation (`invitation`).

use comet_dtalk::code::Code;

use crate::group::{Group, Status};
use crate::member::Role;

/// What a caller asks for; one for each route that names a group.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Action {
    ReadInfo,
    ReadPublicInfo,
    ReadMembers,
    Invite,
    Join,
    Exit,
    Disband,
    Remove,
    ChangeOwner,
    SetName,
    SetAvatar,
    SetJoinType,
    SetFriendType,
    SetMuteType,
    SetOwnNickname,
    SetRole,
    Mute,
    Apply,
    DecideApplication,
    ReadApplication,
    ReadApplications,
}

/// Role that an action needs, and the code for members without it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Needs {
    /// None at all: outsiders, too.
    Nothing,
    Membership,
    /// Membership, but not that of the owner.
    NotOwner(Code),
    Staff(Code),
    Owner(Code),
}

/// Where an action is possible.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// In normal groups.
    Normal,
    /// In normal groups that are not of the organisation: there it decides.
    Unorganised,
    /// Banned groups, too.
    Banned,
    /// Banned groups, too, but none of the organisation.
    BannedUnorganised,
}

/// The table.
const fn rule(action: Action) -> (Needs, Place) {
    use Needs::{Membership, NotOwner, Nothing, Owner, Staff};
    const STAFF: Needs = Staff(Code::NEEDS_ADMIN);
    match action {
        Action::ReadInfo => (Membership, Place::Banned),
        Action::ReadPublicInfo => (Nothing, Place::Normal),
        Action::ReadMembers | Action::Invite | Action::SetOwnNickname => {
            (Membership, Place::Normal)
        }
        Action::Join | Action::Apply => (Nothing, Place::Unorganised),
        Action::Exit => (NotOwner(Code::OWNER_CANNOT_EXIT), Place::BannedUnorganised),
        Action::Disband => (Owner(Code::ONLY_OWNER_DISBANDS), Place::Unorganised),
        Action::ChangeOwner => (Owner(Code::ONLY_OWNER_TRANSFERS), Place::Unorganised),
        Action::SetRole => (Owner(Code::ONLY_OWNER_SETS_ADMINS), Place::Normal),
        Action::Remove | Action::SetJoinType => (STAFF, Place::Unorganised),
        Action::DecideApplication => (STAFF, Place::Unorganised),
        Action::SetName | Action::SetAvatar | Action::SetFriendType | Action::SetMuteType => {
            (STAFF, Place::Normal)
        }
        Action::Mute | Action::ReadApplications => (STAFF, Place::Normal),
        // Applicants see their own.
        Action::ReadApplication => (Nothing, Place::Normal),
    }
}

/// Whether a user with this role, or none, may do it in this group.
///
/// # Errors
///
/// The reason: first the status of the group, then membership, the organisation, and the role.
pub(crate) fn check(action: Action, group: &Group, role: Option<Role>) -> Result<(), Code> {
    let (needs, place) = rule(action);
    match group.status {
        Status::Disbanded => return Err(Code::GROUP_DISBANDED),
        Status::Banned if !matches!(place, Place::Banned | Place::BannedUnorganised) => {
            return Err(Code::GROUP_BANNED);
        }
        Status::Banned | Status::Normal => {}
    }
    if role.is_none() && needs != Needs::Nothing {
        return Err(Code::NOT_IN_GROUP);
    }
    let is_left_to_organisation = matches!(place, Place::Unorganised | Place::BannedUnorganised);
    if is_left_to_organisation && group.settings.kind.is_of_organisation() {
        return Err(Code::INVITE_NOT_PERMITTED);
    }
    match (needs, role) {
        (Needs::NotOwner(code), Some(Role::Owner))
        | (Needs::Staff(code), Some(Role::Member))
        | (Needs::Owner(code), Some(Role::Member | Role::Admin)) => Err(code),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::{Kind, Settings};

    const OK: i32 = 0;

    /// Codes for owner, admin, member and outsider; in a banned group, and in one of the
    /// organisation, for its owner.
    const TABLE: [(Action, [i32; 4], [i32; 2]); 21] = [
        (Action::ReadInfo, [OK, OK, OK, -10015], [OK, OK]),
        (Action::ReadPublicInfo, [OK, OK, OK, OK], [-10001, OK]),
        (Action::ReadMembers, [OK, OK, OK, -10015], [-10001, OK]),
        (Action::Invite, [OK, OK, OK, -10015], [-10001, OK]),
        (Action::Join, [OK, OK, OK, OK], [-10001, -10005]),
        (Action::Exit, [-10022, OK, OK, -10015], [-10022, -10005]),
        (Action::Disband, [OK, -10024, -10024, -10015], [-10001, -10005]),
        (Action::Remove, [OK, OK, -10012, -10015], [-10001, -10005]),
        (Action::ChangeOwner, [OK, -10025, -10025, -10015], [-10001, -10005]),
        (Action::SetName, [OK, OK, -10012, -10015], [-10001, OK]),
        (Action::SetAvatar, [OK, OK, -10012, -10015], [-10001, OK]),
        (Action::SetJoinType, [OK, OK, -10012, -10015], [-10001, -10005]),
        (Action::SetFriendType, [OK, OK, -10012, -10015], [-10001, OK]),
        (Action::SetMuteType, [OK, OK, -10012, -10015], [-10001, OK]),
        (Action::SetOwnNickname, [OK, OK, OK, -10015], [-10001, OK]),
        (Action::SetRole, [OK, -10026, -10026, -10015], [-10001, OK]),
        (Action::Mute, [OK, OK, -10012, -10015], [-10001, OK]),
        (Action::Apply, [OK, OK, OK, OK], [-10001, -10005]),
        (Action::DecideApplication, [OK, OK, -10012, -10015], [-10001, -10005]),
        (Action::ReadApplication, [OK, OK, OK, OK], [-10001, OK]),
        (Action::ReadApplications, [OK, OK, -10012, -10015], [-10001, OK]),
    ];

    fn code(action: Action, group: &Group, role: Option<Role>) -> i32 {
        check(action, group, role).err().map_or(OK, |Code(code)| code)
    }

    #[test]
    fn each_action_is_for_its_roles() {
        let roles = [Some(Role::Owner), Some(Role::Admin), Some(Role::Member), None];
        for (action, expected, [banned, organised]) in TABLE {
            let group = Group::default();
            let found = roles.map(|role| code(action, &group, role));
            assert_eq!(found, expected, "{action:?}");
            let group = Group { status: Status::Banned, ..Group::default() };
            assert_eq!(code(action, &group, roles[0]), banned, "{action:?}, banned");
            for kind in [Kind::Enterprise, Kind::Department] {
                let settings = Settings { kind, ..Settings::default() };
                let group = Group { settings, ..Group::default() };
                assert_eq!(code(action, &group, roles[0]), organised, "{action:?}, {kind:?}");
            }
            let group = Group { status: Status::Disbanded, ..Group::default() };
            let found = roles.map(|role| code(action, &group, role));
            assert_eq!(found, [-10002; 4], "{action:?}, disbanded");
        }
    }

    #[test]
    fn a_member_leaves_a_banned_group() {
        let group = Group { status: Status::Banned, ..Group::default() };
        assert_eq!(code(Action::Exit, &group, Some(Role::Member)), OK);
    }
}
