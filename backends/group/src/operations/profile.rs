//! Texts of a group and of its members.

use comet_dtalk::group::NoticeType;
use comet_dtalk::message::SignalType;

use crate::edit::{Edit, Operation};
use crate::error::GroupError;
use crate::permission::Action;

/// New names of a group; an empty one is kept.
#[derive(Debug)]
pub(crate) struct Rename {
    pub(crate) caller: String,
    pub(crate) name: String,
    pub(crate) public_name: String,
}

impl Operation for Rename {
    type Answer = ();

    async fn run(&self, edit: &mut Edit<'_>) -> Result<(), GroupError> {
        edit.permit_member(Action::SetName, &self.caller).await?;
        let before = edit.group.profile.clone();
        let profile = &mut edit.group.profile;
        for (kept, new) in
            [(&mut profile.name, &self.name), (&mut profile.public_name, &self.public_name)]
        {
            if !new.is_empty() {
                kept.clone_from(new);
            }
        }
        if *profile != before {
            let (name, public_name) = (profile.name.clone(), profile.public_name.clone());
            edit.announcer.signal_text(SignalType::UpdateGroupName, &name);
            let kind = NoticeType::UpdateGroupName;
            edit.announcer.notice(kind, &self.caller, &self.caller, &public_name);
        }
        Ok(())
    }
}

/// New avatar of a group.
#[derive(Debug)]
pub(crate) struct SetAvatar {
    pub(crate) caller: String,
    pub(crate) avatar: String,
}

impl Operation for SetAvatar {
    type Answer = ();

    async fn run(&self, edit: &mut Edit<'_>) -> Result<(), GroupError> {
        edit.permit_member(Action::SetAvatar, &self.caller).await?;
        if edit.group.profile.avatar != self.avatar {
            edit.group.profile.avatar.clone_from(&self.avatar);
            edit.announcer.signal_text(SignalType::UpdateGroupAvatar, &self.avatar);
        }
        Ok(())
    }
}

/// New nickname of the caller.
#[derive(Debug)]
pub(crate) struct SetNickname {
    pub(crate) caller: String,
    pub(crate) name: String,
}

impl Operation for SetNickname {
    type Answer = ();

    async fn run(&self, edit: &mut Edit<'_>) -> Result<(), GroupError> {
        edit.permit_member(Action::SetOwnNickname, &self.caller).await?;
        edit.set_nickname(&self.caller, &self.name);
        Ok(())
    }
}
