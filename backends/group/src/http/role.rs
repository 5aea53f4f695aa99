//! Roles, mutes and nicknames of members.

use axum::extract::State;
use comet_dtalk::code::Code;
use comet_dtalk::http::{ApiResult, Body, Caller, Int64, Reply};
use serde::{Deserialize, Serialize};

use super::answer::MemberInfo;
use super::failure::unchanged;
use super::request::{InGroup, MAX_SHORT, or_default, text, users};
use crate::groups::{Groups, now};
use crate::operations::{ChangeOwner, Mute, SetNickname, SetRole};
use crate::user;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewOwner {
    #[serde(default, deserialize_with = "or_default")]
    member_id: String,
}

/// `change-owner`
pub(super) async fn change_owner(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<NewOwner>>,
) -> ApiResult {
    let group = request.group()?;
    let target = user::stored(&caller, &request.rest.member_id)?;
    groups.change(group, ChangeOwner { caller, target }).await.map_err(unchanged)?;
    Ok(Reply::done())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewRole {
    #[serde(default, deserialize_with = "or_default")]
    member_id: String,
    member_type: Int64,
}

/// `member/type`
pub(super) async fn set_role(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<NewRole>>,
) -> ApiResult {
    let group = request.group()?;
    let target = user::stored(&caller, &request.rest.member_id)?;
    let is_admin = match request.rest.member_type.0 {
        0 => false,
        1 => true,
        _ => return Err(Code::BAD_PARAMETERS.into()),
    };
    groups.change(group, SetRole { caller, target, is_admin }).await.map_err(unchanged)?;
    Ok(Reply::done())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Nickname {
    #[serde(default, deserialize_with = "or_default")]
    member_name: String,
}

/// `member/name`
pub(super) async fn nickname(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<Nickname>>,
) -> ApiResult {
    let group = request.group()?;
    let name = text(request.rest.member_name, MAX_SHORT)?;
    groups.change(group, SetNickname { caller, name }).await.map_err(unchanged)?;
    Ok(Reply::done())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Muted {
    #[serde(default, deserialize_with = "or_default")]
    member_ids: Vec<String>,
    mute_time: Int64,
}

#[derive(Serialize)]
pub(super) struct AfterMute {
    members: Vec<MemberInfo>,
}

/// `member/muteTime`
pub(super) async fn mute(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<Muted>>,
) -> ApiResult<AfterMute> {
    let group = request.group()?;
    let uids = users(&caller, &request.rest.member_ids, groups.config().maximum)?;
    let mute = Mute { caller, uids, duration: request.rest.mute_time.0 };
    let members = groups.change(group, mute).await.map_err(unchanged)?;
    Ok(Reply(AfterMute { members: MemberInfo::all(members, now()) }))
}
