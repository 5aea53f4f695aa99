//! Steps that several operations share: a change with what members learn of it, in its order.

use comet_dtalk::group::NoticeType;
use comet_dtalk::message::SignalType;

use crate::edit::Edit;
use crate::member::{Member, Role};
use crate::mute;

/// New members. `members` of the notice are those that were invited.
pub(super) fn welcome(
    edit: &mut Edit<'_>,
    new: &[String],
    from: &str,
    inviter: &str,
    noticed: &[String],
) {
    if !new.is_empty() {
        edit.announcer.join(new);
        edit.announcer.signal_in(new);
        edit.announcer.notice_members(NoticeType::SignInGroup, from, inviter, noticed);
    }
}

/// Removal of members. They see it before they leave.
pub(super) fn remove(edit: &mut Edit<'_>, members: &[String], from: &str) {
    if !members.is_empty() {
        edit.dismiss(members);
        edit.announcer.notice_members(NoticeType::KickOutGroup, from, from, members);
        edit.announcer.signal_out(members);
        edit.announcer.leave(members);
    }
}

/// End of the group.
pub(super) fn dissolve(edit: &mut Edit<'_>, from: &str) {
    edit.dissolve();
    edit.announcer.notice(NoticeType::DeleteGroup, from, from, "");
    edit.announcer.signal_deleted();
    edit.announcer.dissolve();
}

/// Passes ownership on to a member. The notice is from `from`.
pub(super) fn hand_over(edit: &mut Edit<'_>, new: &Member, from: &str) {
    let old = std::mem::replace(&mut edit.group.owner, new.uid.clone());
    edit.set_role(&old, Role::Member);
    edit.set_role(&new.uid, Role::Owner);
    edit.announcer.signal_role(&new.uid, Role::Owner);
    edit.announcer.signal_role(&old, Role::Member);
    edit.announcer.notice(NoticeType::UpdateGroupOwner, from, &new.uid, "");
    unmute(edit, new);
}

/// Ends the mute of a member that rises.
pub(super) fn unmute(edit: &mut Edit<'_>, member: &Member) {
    if mute::holds(member.mute_until, edit.now) {
        let uids = [member.uid.clone()];
        edit.set_mute(&uids, 0);
        edit.announcer.signal_mute(&uids, 0);
    }
}

/// Value of a setting.
pub(super) fn signal_setting(edit: &mut Edit<'_>, kind: SignalType, value: i32) {
    edit.announcer.signal_setting(kind, value);
}
