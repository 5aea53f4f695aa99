//! End of memberships: leaving, being removed, the end of the group.

use std::slice;

use comet_dtalk::code::Code;
use comet_dtalk::group::NoticeType;

use super::steps;
use crate::edit::{Edit, Operation};
use crate::error::GroupError;
use crate::member::Role;
use crate::permission::Action;

/// Leaving by oneself.
#[derive(Debug)]
pub(crate) struct Exit {
    pub(crate) caller: String,
}

impl Operation for Exit {
    type Answer = ();

    async fn run(&self, edit: &mut Edit<'_>) -> Result<(), GroupError> {
        edit.permit_member(Action::Exit, &self.caller).await?;
        let uids = slice::from_ref(&self.caller);
        edit.dismiss(uids);
        edit.announcer.signal_out(uids);
        edit.announcer.leave(uids);
        edit.announcer.notice(NoticeType::SignOutGroup, &self.caller, &self.caller, "");
        Ok(())
    }
}

/// End of the group.
#[derive(Debug)]
pub(crate) struct Disband {
    pub(crate) caller: String,
}

impl Operation for Disband {
    type Answer = ();

    async fn run(&self, edit: &mut Edit<'_>) -> Result<(), GroupError> {
        edit.permit_member(Action::Disband, &self.caller).await?;
        steps::dissolve(edit, &self.caller);
        Ok(())
    }
}

/// Removal of members.
#[derive(Debug)]
pub(crate) struct Remove {
    pub(crate) caller: String,
    /// Without repeats.
    pub(crate) uids: Vec<String>,
}

/// Members that were removed, and the number of those that are left.
#[derive(Debug)]
pub(crate) struct Removed {
    pub(crate) member_num: i64,
    pub(crate) uids: Vec<String>,
}

impl Operation for Remove {
    type Answer = Removed;

    async fn run(&self, edit: &mut Edit<'_>) -> Result<Removed, GroupError> {
        let caller = edit.permit_member(Action::Remove, &self.caller).await?;
        let uids: Vec<&str> = self.uids.iter().map(|uid| &**uid).collect();
        let members = edit.members(&uids).await?;
        if members.values().any(|member| member.role == Role::Owner) {
            return Err(Code::INTERNAL.into());
        }
        if members.values().any(|member| member.role >= caller.role) {
            return Err(Code::NEEDS_HIGHER_ROLE.into());
        }
        let uids = self.uids.iter().filter(|uid| members.contains_key(*uid));
        let uids: Vec<String> = uids.cloned().collect();
        steps::remove(edit, &uids, &self.caller);
        Ok(Removed { member_num: edit.group.member_num, uids })
    }
}
