//! Announcements of a change to members: entries of the outbox, in the order of their delivery.
//!
//! Users in bodies of signals and notices are as clients write them, those of memberships and
//! authors as they are stored. An entry names at most [`MAX_USERS`]: clients add up several.
//!
//! Pure. Not here: the order of the entries of each change (`operations`), and their delivery (the
//! store).

use comet_dtalk::group::{
    Notice, NoticeMembers, NoticeSetting, NoticeText, NoticeType, SignalDeleteGroup,
    SignalGroupSetting, SignalGroupText, SignalMemberMuteTime, SignalMemberType, SignalMembers,
};
use comet_dtalk::message::SignalType;
use comet_store::Change;
use prost::Message;

use crate::member::Role;
use crate::user::bare;

/// Users in one entry.
const MAX_USERS: usize = 256;

/// Entries of one change of a group, in their order.
#[derive(Debug)]
pub(crate) struct Announcer {
    group: i64,
    time: u64,
    changes: Vec<Change>,
}

impl Announcer {
    /// No entries yet, at this time in Unix milliseconds.
    pub(crate) const fn new(group: i64, now: i64) -> Self {
        Self { group, time: now.cast_unsigned(), changes: Vec::new() }
    }

    pub(crate) fn into_changes(self) -> Vec<Change> {
        self.changes
    }

    /// Deliveries to these users begin.
    pub(crate) fn join(&mut self, users: &[String]) {
        self.changes.extend(users.chunks(MAX_USERS).map(|users| Change::Join(users.to_vec())));
    }

    /// Deliveries to these users end.
    pub(crate) fn leave(&mut self, users: &[String]) {
        self.changes.extend(users.chunks(MAX_USERS).map(|users| Change::Leave(users.to_vec())));
    }

    /// Deliveries to all members end.
    pub(crate) fn dissolve(&mut self) {
        self.changes.push(Change::Dissolve);
    }

    /// Signals of new members.
    pub(crate) fn signal_in(&mut self, users: &[String]) {
        self.signal_members(SignalType::SignInGroup, users);
    }

    /// Signals of members that leave.
    pub(crate) fn signal_out(&mut self, users: &[String]) {
        self.signal_members(SignalType::SignOutGroup, users);
    }

    fn signal_members(&mut self, kind: SignalType, users: &[String]) {
        let (group, time) = (self.group, self.time);
        for users in users.chunks(MAX_USERS) {
            self.signal(kind, &SignalMembers { uid: all_bare(users), group, time });
        }
    }

    /// Signal of the end of the group.
    pub(crate) fn signal_deleted(&mut self) {
        let body = SignalDeleteGroup { group: self.group, time: self.time };
        self.signal(SignalType::DeleteGroup, &body);
    }

    /// Signal of the value of a setting.
    pub(crate) fn signal_setting(&mut self, kind: SignalType, value: i32) {
        let (group, time) = (self.group, self.time);
        self.signal(kind, &SignalGroupSetting { group, r#type: value, time });
    }

    /// Signal of the role of a member.
    pub(crate) fn signal_role(&mut self, user: &str, role: Role) {
        let (group, time, r#type) = (self.group, self.time, role.number());
        let body = SignalMemberType { group, uid: bare(user).into(), r#type, time };
        self.signal(SignalType::UpdateGroupMemberType, &body);
    }

    /// Signals of the end of the mute of members, 0 for none.
    pub(crate) fn signal_mute(&mut self, users: &[String], mute_time: i64) {
        let (group, time) = (self.group, self.time);
        for users in users.chunks(MAX_USERS) {
            let uid = all_bare(users);
            let body = SignalMemberMuteTime { group, uid, mute_time, time };
            self.signal(SignalType::UpdateGroupMemberMuteTime, &body);
        }
    }

    /// Signal of the name or the avatar.
    pub(crate) fn signal_text(&mut self, kind: SignalType, text: &str) {
        let (group, time) = (self.group, self.time);
        self.signal(kind, &SignalGroupText { group, text: text.into(), time });
    }

    fn signal(&mut self, kind: SignalType, body: &impl Message) {
        self.changes.push(Change::Signal { kind, body: body.encode_to_vec().into() });
    }

    /// Notice from a user about one, and perhaps a text.
    pub(crate) fn notice(&mut self, kind: NoticeType, from: &str, user: &str, text: &str) {
        let (group, user) = (self.group, bare(user).into());
        self.push_notice(kind, from, &NoticeText { group, user, text: text.into() });
    }

    /// Notices from a user about several; `operator` is the inviter of new members.
    pub(crate) fn notice_members(
        &mut self,
        kind: NoticeType,
        from: &str,
        operator: &str,
        users: &[String],
    ) {
        let group = self.group;
        for users in users.chunks(MAX_USERS) {
            let (operator, members) = (bare(operator).into(), all_bare(users));
            self.push_notice(kind, from, &NoticeMembers { group, operator, members });
        }
    }

    /// Notice from a user about a setting.
    pub(crate) fn notice_setting(&mut self, kind: NoticeType, from: &str, value: i32) {
        let (group, operator) = (self.group, bare(from).into());
        self.push_notice(kind, from, &NoticeSetting { group, operator, r#type: value });
    }

    fn push_notice(&mut self, kind: NoticeType, from: &str, body: &impl Message) {
        let body = Notice { r#type: kind as i32, body: body.encode_to_vec().into() };
        self.changes.push(Change::Notice { from: from.into(), body: body.encode_to_vec().into() });
    }
}

fn all_bare(users: &[String]) -> Vec<String> {
    users.iter().map(|user| bare(user).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_users_are_split() {
        let users: Vec<String> = (0..600).map(|n| format!("u{n}")).collect();
        let mut announcer = Announcer::new(7, 9);
        announcer.signal_in(&users);
        announcer.notice_members(NoticeType::SignInGroup, "alice", "bob", &users);
        announcer.join(&users);
        let changes = announcer.into_changes();
        let counts: Vec<usize> = changes.iter().map(count).collect();
        assert_eq!(counts, [256, 256, 88, 256, 256, 88, 256, 256, 88]);
    }

    fn count(change: &Change) -> usize {
        match change {
            Change::Join(users) => users.len(),
            Change::Signal { body, .. } => SignalMembers::decode(body.clone()).unwrap().uid.len(),
            Change::Notice { body, .. } => {
                let body = Notice::decode(body.clone()).unwrap().body;
                NoticeMembers::decode(body).unwrap().members.len()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn clients_of_an_app_see_bare_ids() {
        let mut announcer = Announcer::new(7, 9);
        announcer.join(&["zoo:bob".to_owned()]);
        announcer.signal_in(&["zoo:bob".to_owned()]);
        announcer.notice(NoticeType::SignOutGroup, "zoo:bob", "zoo:bob", "");
        let notice = NoticeText { group: 7, user: "bob".into(), text: String::new() };
        let notice = Notice { r#type: 2, body: notice.encode_to_vec().into() };
        let expected = [
            Change::Join(vec!["zoo:bob".into()]),
            Change::Signal {
                kind: SignalType::SignInGroup,
                body: SignalMembers { uid: vec!["bob".into()], group: 7, time: 9 }
                    .encode_to_vec()
                    .into(),
            },
            Change::Notice { from: "zoo:bob".into(), body: notice.encode_to_vec().into() },
        ];
        assert_eq!(announcer.into_changes(), expected);
    }
}
