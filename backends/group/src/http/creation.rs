//! Making a group.

use axum::extract::State;
use comet_dtalk::code::Code;
use comet_dtalk::http::{ApiResult, Body, Caller, Reply};
use serde::Deserialize;

use super::answer::GroupInfo;
use super::failure::{unchanged, unread};
use super::request::{MAX_AVATAR, MAX_INTRODUCE, MAX_SHORT, or_default, text, users};
use crate::creation::NewGroup;
use crate::db::Listed;
use crate::group::Kind;
use crate::groups::{Groups, now};
use crate::member::{Member, NewMember, Role};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    avatar: String,
    #[serde(default, deserialize_with = "or_default")]
    introduce: String,
    #[serde(default, deserialize_with = "or_default")]
    member_ids: Vec<String>,
}

/// `create-group`. The name is plain as yet: there was no key to encrypt it with.
pub(super) async fn create(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<Request>,
) -> ApiResult<GroupInfo> {
    let new = NewGroup {
        name: text(request.name, MAX_SHORT)?,
        avatar: text(request.avatar, MAX_AVATAR)?,
        introduce: text(request.introduce, MAX_INTRODUCE)?,
        kind: Kind::Ordinary,
    };
    if new.name.is_empty() {
        return Err(Code::BAD_PARAMETERS.into());
    }
    // The caller may be among them.
    let max = groups.config().maximum.saturating_add(1);
    let members = users(&caller, &request.member_ids, max)?;
    let members = members.into_iter().map(NewMember::nameless).collect();
    let owner = NewMember::nameless(&*caller);
    let group = groups.create_group(new, owner, members, None).await.map_err(unchanged)?;
    let members = groups.all_members(group.id).await.map_err(unread)?;
    let owner = Member { role: Role::Owner, ..Member::new(caller, "") };
    let (owner, person, now) = (Some(owner.clone()), Some(owner), now());
    let listed = Listed { group, owner, person };
    Ok(Reply(GroupInfo::new(&groups, listed, now).with_members(members, now)))
}
