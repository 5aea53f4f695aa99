//! Changes by the server itself: the organisation and the administrator. No permissions apply, and
//! a banned group is changed like any other.

use comet_dtalk::code::Code;
use comet_dtalk::message::SignalType;

use super::steps;
use crate::edit::{Edit, Operation};
use crate::error::GroupError;
use crate::group::{JoinType, Kind, Status};
use crate::member::NewMember;

/// New members.
#[derive(Debug)]
pub(crate) struct Add {
    /// Without repeats.
    pub(crate) members: Vec<NewMember>,
    /// Author of the notice; the owner if none.
    pub(crate) operator: Option<String>,
}

impl Operation for Add {
    type Answer = ();

    async fn run(&self, edit: &mut Edit<'_>) -> Result<(), GroupError> {
        edit.check_alive()?;
        let new = edit.admit(&self.members).await?;
        let operator = author(edit, self.operator.as_deref());
        steps::welcome(edit, &new, &operator, &operator, &new);
        Ok(())
    }
}

/// Removal of members, also of the owner: then another member becomes the owner, and without one
/// the group ends.
#[derive(Debug)]
pub(crate) struct Delete {
    /// Without repeats.
    pub(crate) uids: Vec<String>,
    /// Author of the notice; the owner if none.
    pub(crate) operator: Option<String>,
}

impl Operation for Delete {
    type Answer = ();

    async fn run(&self, edit: &mut Edit<'_>) -> Result<(), GroupError> {
        edit.check_alive()?;
        let uids: Vec<&str> = self.uids.iter().map(|uid| &**uid).collect();
        let members = edit.members(&uids).await?;
        let uids = self.uids.iter().filter(|uid| members.contains_key(*uid));
        let uids: Vec<String> = uids.cloned().collect();
        let operator = author(edit, self.operator.as_deref());
        if uids.contains(&edit.group.owner) {
            let Some(successor) = edit.successor(&uids).await? else {
                steps::dissolve(edit, &operator);
                return Ok(());
            };
            steps::hand_over(edit, &successor, &operator);
        }
        steps::remove(edit, &uids, &operator);
        Ok(())
    }
}

/// Another owner, who need not be a member.
#[derive(Debug)]
pub(crate) struct MakeOwner {
    pub(crate) owner: NewMember,
    /// Author of the notices; the present owner if none.
    pub(crate) operator: Option<String>,
}

impl Operation for MakeOwner {
    type Answer = ();

    async fn run(&self, edit: &mut Edit<'_>) -> Result<(), GroupError> {
        edit.check_alive()?;
        if self.owner.user == edit.group.owner {
            return Ok(());
        }
        let operator = author(edit, self.operator.as_deref());
        let new = edit.admit(std::slice::from_ref(&self.owner)).await?;
        steps::welcome(edit, &new, &operator, &operator, &new);
        // Who joins now is not in the table yet.
        let owner = match edit.joining(&self.owner.user) {
            Some(member) => member.clone(),
            None => edit.member(&self.owner.user).await?.ok_or(Code::OTHER_NOT_IN_GROUP)?,
        };
        steps::hand_over(edit, &owner, &operator);
        Ok(())
    }
}

/// End of the group.
#[derive(Debug)]
pub(crate) struct Dissolve {
    /// Author of the notice; the owner if none.
    pub(crate) operator: Option<String>,
}

impl Operation for Dissolve {
    type Answer = ();

    async fn run(&self, edit: &mut Edit<'_>) -> Result<(), GroupError> {
        if edit.group.status != Status::Disbanded {
            let operator = author(edit, self.operator.as_deref());
            steps::dissolve(edit, &operator);
        }
        Ok(())
    }
}

/// Another kind of group. In one of the organisation only the owner and admins invite.
#[derive(Debug)]
pub(crate) struct ChangeKind {
    pub(crate) kind: Kind,
}

impl Operation for ChangeKind {
    type Answer = ();

    async fn run(&self, edit: &mut Edit<'_>) -> Result<(), GroupError> {
        edit.check_alive()?;
        let settings = &mut edit.group.settings;
        settings.kind = self.kind;
        if self.kind.is_of_organisation() && settings.join_type != JoinType::StaffOnly {
            settings.join_type = JoinType::StaffOnly;
            let value = JoinType::StaffOnly.number();
            steps::signal_setting(edit, SignalType::UpdateGroupJoinType, value);
        }
        Ok(())
    }
}

/// Ban of a group, or its end.
#[derive(Debug)]
pub(crate) struct Ban {
    pub(crate) is_banned: bool,
}

impl Operation for Ban {
    type Answer = ();

    async fn run(&self, edit: &mut Edit<'_>) -> Result<(), GroupError> {
        if edit.group.status == Status::Disbanded {
            return Err(Code::GROUP_DISBANDED.into());
        }
        edit.group.status = if self.is_banned { Status::Banned } else { Status::Normal };
        Ok(())
    }
}

/// Author of a notice, which clients drop without one.
fn author(edit: &Edit<'_>, operator: Option<&str>) -> String {
    let operator = operator.filter(|uid| !uid.is_empty());
    operator.unwrap_or(&edit.group.owner).to_owned()
}
