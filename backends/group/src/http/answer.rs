//! JSON of groups, members and applications, as clients read it.

use serde::Serialize;

use crate::db::{Application, Listed};
use crate::group::Group;
use crate::groups::Groups;
use crate::member::{Member, Role};
use crate::mute;
use crate::user::bare;

/// Group as seen by one user.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupInfo {
    #[serde(flatten)]
    id: GroupId,
    #[serde(flatten)]
    texts: Texts,
    #[serde(flatten)]
    settings: Settings,
    owner: MemberInfo,
    /// The user; null for outsiders.
    person: Option<MemberInfo>,
    member_num: i64,
    maximum: i64,
    mute_num: u32,
    admin_num: u32,
    create_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<MemberInfo>>,
}

/// Id of a group, for both kinds of clients.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupId {
    id: i64,
    id_str: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Texts {
    mark_id: String,
    name: String,
    public_name: String,
    avatar: String,
    introduce: String,
    /// Empty for outsiders.
    key: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    status: i32,
    join_type: i32,
    mute_type: i32,
    friend_type: i32,
    group_type: i32,
}

/// Member of a group.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemberInfo {
    member_id: String,
    member_name: String,
    member_type: i32,
    member_mute_time: i64,
}

/// Application; ids are strings.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApplicationInfo {
    apply_id: String,
    id: String,
    inviter_id: String,
    member_id: String,
    apply_note: String,
    operator_id: String,
    apply_status: i64,
    reject_reason: String,
    create_time: i64,
    update_time: i64,
}

impl GroupId {
    pub(super) fn new(id: i64) -> Self {
        Self { id, id_str: id.to_string() }
    }
}

impl GroupInfo {
    pub(super) fn new(groups: &Groups, listed: Listed, now: i64) -> Self {
        let Listed { group, owner, person } = listed;
        let Group { id, profile, settings, .. } = group;
        let counts = groups.view().counts(id, now);
        let timed = |member: Member| {
            let mute_until = groups.view().mute_until(id, &member.uid);
            MemberInfo::new(Member { mute_until, ..member }, now)
        };
        // Imported groups may have an owner that is no member.
        let owner =
            owner.unwrap_or_else(|| Member { role: Role::Owner, ..Member::new(group.owner, "") });
        let key = if person.is_some() { profile.key } else { String::new() };
        Self {
            id: GroupId::new(id),
            texts: Texts {
                mark_id: profile.mark_id,
                name: profile.name,
                public_name: profile.public_name,
                avatar: profile.avatar,
                introduce: profile.introduce,
                key,
            },
            settings: Settings {
                status: group.status.number(),
                join_type: settings.join_type.number(),
                mute_type: settings.is_muted.into(),
                friend_type: settings.is_unfriendly.into(),
                group_type: settings.kind.number(),
            },
            owner: timed(owner),
            person: person.map(timed),
            member_num: group.member_num,
            maximum: group.maximum,
            mute_num: counts.muted,
            admin_num: counts.admins,
            create_time: group.create_time,
            members: None,
        }
    }

    pub(super) fn with_members(mut self, members: Vec<Member>, now: i64) -> Self {
        self.members = Some(MemberInfo::all(members, now));
        self
    }
}

impl MemberInfo {
    /// Mutes that have ended are none.
    pub(super) fn new(member: Member, now: i64) -> Self {
        let until = member.mute_until;
        Self {
            member_id: bare(&member.uid).to_owned(),
            member_name: member.name,
            member_type: member.role.number(),
            member_mute_time: if mute::holds(until, now) { until } else { 0 },
        }
    }

    pub(super) fn all(members: Vec<Member>, now: i64) -> Vec<Self> {
        members.into_iter().map(|member| Self::new(member, now)).collect()
    }
}

impl From<Application> for ApplicationInfo {
    fn from(it: Application) -> Self {
        Self {
            apply_id: it.id.to_string(),
            id: it.group.to_string(),
            inviter_id: bare(&it.inviter).to_owned(),
            member_id: bare(&it.member).to_owned(),
            apply_note: it.note,
            operator_id: bare(&it.operator).to_owned(),
            apply_status: it.status,
            reject_reason: it.reject_reason,
            create_time: it.create_time,
            update_time: it.update_time,
        }
    }
}
