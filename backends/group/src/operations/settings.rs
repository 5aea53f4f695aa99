//! Settings of a group.

use comet_dtalk::group::NoticeType;
use comet_dtalk::message::SignalType;

use super::steps;
use crate::edit::{Edit, Operation};
use crate::error::GroupError;
use crate::group::JoinType;
use crate::permission::Action;

/// Setting with its new value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Setting {
    JoinType(JoinType),
    /// Whether members may not become friends.
    Unfriendly(bool),
    /// Whether only the owner and admins speak.
    Muted(bool),
}

/// Change of a setting.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) caller: String,
    pub(crate) setting: Setting,
}

impl Operation for Set {
    type Answer = ();

    async fn run(&self, edit: &mut Edit<'_>) -> Result<(), GroupError> {
        let action = match self.setting {
            Setting::JoinType(_) => Action::SetJoinType,
            Setting::Unfriendly(_) => Action::SetFriendType,
            Setting::Muted(_) => Action::SetMuteType,
        };
        edit.permit_member(action, &self.caller).await?;
        let before = edit.group.settings;
        match self.setting {
            Setting::JoinType(join_type) => edit.group.settings.join_type = join_type,
            Setting::Unfriendly(is_unfriendly) => {
                edit.group.settings.is_unfriendly = is_unfriendly;
            }
            Setting::Muted(is_muted) => edit.group.settings.is_muted = is_muted,
        }
        if edit.group.settings == before {
            return Ok(());
        }
        match self.setting {
            Setting::JoinType(join_type) => {
                let kind = SignalType::UpdateGroupJoinType;
                steps::signal_setting(edit, kind, join_type.number());
            }
            Setting::Unfriendly(value) => {
                steps::signal_setting(edit, SignalType::UpdateGroupFriendType, value.into());
            }
            Setting::Muted(value) => {
                steps::signal_setting(edit, SignalType::UpdateGroupMuteType, value.into());
                let kind = NoticeType::UpdateGroupMuted;
                edit.announcer.notice_setting(kind, &self.caller, value.into());
            }
        }
        Ok(())
    }
}
