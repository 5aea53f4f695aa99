//! Roles: the owner and admins.

use comet_dtalk::code::Code;

use super::steps;
use crate::edit::{Edit, Operation};
use crate::error::GroupError;
use crate::member::Role;
use crate::permission::Action;

/// Admins of a group.
pub(crate) const MAX_ADMINS: u32 = 10;

/// Passing ownership on.
#[derive(Debug)]
pub(crate) struct ChangeOwner {
    pub(crate) caller: String,
    pub(crate) target: String,
}

impl Operation for ChangeOwner {
    type Answer = ();

    async fn run(&self, edit: &mut Edit<'_>) -> Result<(), GroupError> {
        edit.permit_member(Action::ChangeOwner, &self.caller).await?;
        if self.target == self.caller {
            return Err(Code::TRANSFER_TO_SELF.into());
        }
        let target = edit.member(&self.target).await?.ok_or(Code::OTHER_NOT_IN_GROUP)?;
        steps::hand_over(edit, &target, &self.caller);
        Ok(())
    }
}

/// Appointment or dismissal of an admin.
#[derive(Debug)]
pub(crate) struct SetRole {
    pub(crate) caller: String,
    pub(crate) target: String,
    pub(crate) is_admin: bool,
}

impl Operation for SetRole {
    type Answer = ();

    async fn run(&self, edit: &mut Edit<'_>) -> Result<(), GroupError> {
        edit.permit_member(Action::SetRole, &self.caller).await?;
        if self.target == self.caller {
            return Err(Code::ONLY_OWNER_SETS_ADMINS.into());
        }
        let target = edit.member(&self.target).await?.ok_or(Code::OTHER_NOT_IN_GROUP)?;
        let role = if self.is_admin { Role::Admin } else { Role::Member };
        if target.role == role {
            return Ok(());
        }
        if self.is_admin && edit.admins().await? >= i64::from(MAX_ADMINS) {
            return Err(Code::TOO_MANY_ADMINS.into());
        }
        edit.set_role(&target.uid, role);
        edit.announcer.signal_role(&target.uid, role);
        if self.is_admin {
            steps::unmute(edit, &target);
        }
        Ok(())
    }
}
