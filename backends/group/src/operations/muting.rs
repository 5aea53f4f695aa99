//! Mutes of members.

use comet_dtalk::code::Code;
use comet_dtalk::group::NoticeType;

use crate::edit::{Edit, Operation};
use crate::error::GroupError;
use crate::member::Member;
use crate::mute;
use crate::permission::Action;

/// Mute of members, or its end.
#[derive(Debug)]
pub(crate) struct Mute {
    pub(crate) caller: String,
    /// Without repeats.
    pub(crate) uids: Vec<String>,
    /// In milliseconds, see [`mute::end`].
    pub(crate) duration: i64,
}

impl Operation for Mute {
    /// The members, with the end of their mute.
    type Answer = Vec<Member>;

    async fn run(&self, edit: &mut Edit<'_>) -> Result<Vec<Member>, GroupError> {
        edit.permit_member(Action::Mute, &self.caller).await?;
        let until = mute::end(self.duration, edit.now)?;
        let uids: Vec<&str> = self.uids.iter().map(|uid| &**uid).collect();
        let mut found = edit.members(&uids).await?;
        let members = uids.iter().map(|uid| found.remove(*uid).ok_or(Code::OTHER_NOT_IN_GROUP));
        let mut members = members.collect::<Result<Vec<Member>, Code>>()?;
        if members.iter().any(|member| member.role.is_staff()) {
            return Err(Code::ADMIN_CANNOT_BE_MUTED.into());
        }
        if !members.is_empty() {
            edit.set_mute(&self.uids, until);
            edit.announcer.signal_mute(&self.uids, until);
            if until != 0 {
                let kind = NoticeType::UpdateGroupMemberMutedTime;
                edit.announcer.notice_members(kind, &self.caller, &self.caller, &self.uids);
            }
        }
        members.iter_mut().for_each(|member| member.mute_until = until);
        Ok(members)
    }
}
