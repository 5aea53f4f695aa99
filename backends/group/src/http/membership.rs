//! Invitations, joining, leaving, removing.

use axum::extract::State;
use comet_dtalk::code::Code;
use comet_dtalk::http::{ApiError, ApiResult, Body, Caller, Reply};
use serde::{Deserialize, Serialize};

use super::answer::GroupId;
use super::failure::unchanged;
use super::request::{InGroup, Only, or_default, users};
use crate::groups::Groups;
use crate::operations::{Disband, Exit, Invite, Join, Remove};
use crate::user::{self, bare};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invited {
    #[serde(default, deserialize_with = "or_default")]
    new_member_ids: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AfterInvitation {
    #[serde(flatten)]
    id: GroupId,
    member_num: i64,
}

/// `invite-group-members`
pub(super) async fn invite(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<Invited>>,
) -> ApiResult<AfterInvitation> {
    let group = request.group()?;
    let invited = users(&caller, &request.rest.new_member_ids, groups.config().maximum)?;
    let is_organised = groups.view().kind(group).is_some_and(|kind| kind.is_of_organisation());
    // Asked before the transaction, which would keep others from the database meanwhile.
    let are_of_organisation = match groups.organisation() {
        // Only members can learn who is of it.
        Some(organisation) if is_organised && groups.view().role(group, &caller).is_some() => {
            organisation.knows(group, &invited).await
        }
        _ => false,
    };
    let invite = Invite { caller, invited, are_of_organisation };
    let member_num = groups.change(group, invite).await.map_err(unchanged)?;
    Ok(Reply(AfterInvitation { id: GroupId::new(group), member_num }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Inviter {
    #[serde(default, deserialize_with = "or_default")]
    inviter_id: String,
}

/// `join-group`
pub(super) async fn join(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<Inviter>>,
) -> ApiResult<GroupId> {
    let group = request.group()?;
    let inviter = match &*request.rest.inviter_id {
        "" => None,
        inviter => Some(user::stored(&caller, inviter)?),
    };
    groups.change(group, Join { caller, inviter }).await.map_err(unchanged)?;
    Ok(Reply(GroupId::new(group)))
}

/// `group-exit`
pub(super) async fn exit(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<Only>>,
) -> ApiResult {
    groups.change(request.group()?, Exit { caller }).await.map_err(unchanged)?;
    Ok(Reply::done())
}

/// `group-disband`
pub(super) async fn disband(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<Only>>,
) -> ApiResult {
    groups.change(request.group()?, Disband { caller }).await.map_err(unchanged)?;
    Ok(Reply::done())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Members {
    #[serde(default, deserialize_with = "or_default")]
    member_ids: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AfterRemoval {
    member_num: i64,
    member_ids: Vec<String>,
}

/// `group-remove`
pub(super) async fn remove(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<Members>>,
) -> ApiResult<AfterRemoval> {
    let group = request.group()?;
    let uids = users(&caller, &request.rest.member_ids, groups.config().maximum)?;
    let removed = groups.change(group, Remove { caller, uids }).await;
    let removed = removed.map_err(|error| match unchanged(error) {
        // Clients show the text.
        error if error.code() == Code::INTERNAL => {
            ApiError::from(Code::INTERNAL).message("the owner cannot be removed")
        }
        error => error,
    })?;
    let member_ids = removed.uids.iter().map(|uid| bare(uid).to_owned()).collect();
    Ok(Reply(AfterRemoval { member_num: removed.member_num, member_ids }))
}
