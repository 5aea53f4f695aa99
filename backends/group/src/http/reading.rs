//! Questions about groups and their members.

use axum::extract::State;
use comet_dtalk::code::Code;
use comet_dtalk::http::{ApiResult, Body, Caller, Int64, Reply};
use serde::{Deserialize, Serialize};

use super::answer::{GroupId, GroupInfo, MemberInfo};
use super::failure::unread;
use super::request::{InGroup, MAX_SHORT, Only, or_default, text};
use crate::db::Listed;
use crate::groups::{Groups, now};
use crate::mute;
use crate::permission::Action;
use crate::user;

/// `group-info`
pub(super) async fn info(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<Only>>,
) -> ApiResult<GroupInfo> {
    let group = request.group()?;
    let listed = groups.see(Action::ReadInfo, group, &caller).await.map_err(unread)?;
    let members = groups.first_members(group).await.map_err(unread)?;
    let now = now();
    Ok(Reply(GroupInfo::new(&groups, listed, now).with_members(members, now)))
}

/// `group-pub-info`
pub(super) async fn public_info(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<Only>>,
) -> ApiResult<GroupInfo> {
    let group = request.group()?;
    let listed = groups.see(Action::ReadPublicInfo, group, &caller).await.map_err(unread)?;
    Ok(Reply(GroupInfo::new(&groups, listed, now())))
}

#[derive(Serialize)]
pub(super) struct GroupList {
    groups: Vec<GroupInfo>,
}

impl GroupList {
    fn of(groups: &Groups, listed: Vec<Listed>) -> Self {
        let now = now();
        let infos = listed.into_iter().map(|listed| GroupInfo::new(groups, listed, now));
        Self { groups: infos.collect() }
    }
}

/// `group-list`
pub(super) async fn list(
    State(groups): State<Groups>,
    Caller(caller): Caller,
) -> ApiResult<GroupList> {
    let listed = groups.list(&caller).await.map_err(unread)?;
    Ok(Reply(GroupList::of(&groups, listed)))
}

#[derive(Deserialize)]
pub(super) struct Query {
    /// 0 for the number that people know, 1 for the id.
    #[serde(default)]
    tp: Int64,
    #[serde(default, deserialize_with = "or_default")]
    query: String,
}

/// `group-search`
pub(super) async fn search(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<Query>,
) -> ApiResult<GroupList> {
    let by_id = match request.tp.0 {
        0 => false,
        1 => true,
        _ => return Err(Code::BAD_PARAMETERS.into()),
    };
    let query = text(request.query, MAX_SHORT)?;
    let found = groups.search(by_id, &query, &caller).await.map_err(unread)?;
    Ok(Reply(GroupList::of(&groups, found)))
}

#[derive(Serialize)]
pub(super) struct MemberList {
    #[serde(flatten)]
    id: GroupId,
    members: Vec<MemberInfo>,
}

/// `group-member-list`
pub(super) async fn members(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<Only>>,
) -> ApiResult<MemberList> {
    let group = request.group()?;
    groups.see(Action::ReadMembers, group, &caller).await.map_err(unread)?;
    let members = groups.all_members(group).await.map_err(unread)?;
    let members = MemberInfo::all(members, now());
    Ok(Reply(MemberList { id: GroupId::new(group), members }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OneMember {
    #[serde(default, deserialize_with = "or_default")]
    member_id: String,
}

/// `group-member-info`
pub(super) async fn member(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<OneMember>>,
) -> ApiResult<MemberInfo> {
    let group = request.group()?;
    let uid = user::stored(&caller, &request.rest.member_id)?;
    groups.see(Action::ReadMembers, group, &caller).await.map_err(unread)?;
    let member = groups.one_member(group, &uid).await.map_err(unread)?;
    Ok(Reply(MemberInfo::new(member, now())))
}

#[derive(Serialize)]
pub(super) struct MutedMembers {
    members: Vec<MemberInfo>,
}

/// `mute-list`
pub(super) async fn muted(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<Only>>,
) -> ApiResult<MutedMembers> {
    let group = request.group()?;
    groups.see(Action::ReadMembers, group, &caller).await.map_err(unread)?;
    let (mut members, now) = (groups.all_members(group).await.map_err(unread)?, now());
    members.retain(|member| mute::holds(member.mute_until, now));
    Ok(Reply(MutedMembers { members: MemberInfo::all(members, now) }))
}
