//! Names, avatar and settings of a group.

use axum::extract::State;
use comet_dtalk::code::Code;
use comet_dtalk::http::{ApiResult, Body, Caller, Int64, Reply};
use serde::Deserialize;

use super::failure::unchanged;
use super::request::{InGroup, MAX_AVATAR, MAX_NAME, MAX_SHORT, or_default, text};
use crate::group::JoinType;
use crate::groups::Groups;
use crate::operations::{Rename, Set, SetAvatar, Setting};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Names {
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    public_name: String,
}

/// `name`
pub(super) async fn name(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<Names>>,
) -> ApiResult {
    let group = request.group()?;
    let name = text(request.rest.name, MAX_NAME)?;
    let public_name = text(request.rest.public_name, MAX_SHORT)?;
    groups.change(group, Rename { caller, name, public_name }).await.map_err(unchanged)?;
    Ok(Reply::done())
}

#[derive(Deserialize)]
pub(super) struct Avatar {
    #[serde(default, deserialize_with = "or_default")]
    avatar: String,
}

/// `avatar`
pub(super) async fn avatar(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<Avatar>>,
) -> ApiResult {
    let group = request.group()?;
    let avatar = text(request.rest.avatar, MAX_AVATAR)?;
    groups.change(group, SetAvatar { caller, avatar }).await.map_err(unchanged)?;
    Ok(Reply::done())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewJoinType {
    join_type: Int64,
}

/// `joinType`
pub(super) async fn join_type(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<NewJoinType>>,
) -> ApiResult {
    let group = request.group()?;
    let join_type = JoinType::of_number(request.rest.join_type.0);
    let setting = Setting::JoinType(join_type.ok_or(Code::BAD_PARAMETERS)?);
    set(&groups, group, Set { caller, setting }).await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewFriendType {
    friend_type: Int64,
}

/// `friendType`
pub(super) async fn friend_type(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<NewFriendType>>,
) -> ApiResult {
    let group = request.group()?;
    let setting = Setting::Unfriendly(flag(request.rest.friend_type)?);
    set(&groups, group, Set { caller, setting }).await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewMuteType {
    mute_type: Int64,
}

/// `muteType`
pub(super) async fn mute_type(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<NewMuteType>>,
) -> ApiResult {
    let group = request.group()?;
    let setting = Setting::Muted(flag(request.rest.mute_type)?);
    set(&groups, group, Set { caller, setting }).await
}

fn flag(value: Int64) -> Result<bool, Code> {
    match value.0 {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Code::BAD_PARAMETERS),
    }
}

async fn set(groups: &Groups, group: i64, set: Set) -> ApiResult {
    groups.change(group, set).await.map_err(unchanged)?;
    Ok(Reply::done())
}
