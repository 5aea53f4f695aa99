//! Applications: filing, deciding, reading.

use axum::extract::State;
use comet_dtalk::code::Code;
use comet_dtalk::http::{ApiResult, Body, Caller, Int64, Reply};
use serde::{Deserialize, Serialize};

use super::answer::ApplicationInfo;
use super::failure::{unchanged, unread};
use super::request::{InGroup, MAX_SHORT, number, or_default, text};
use crate::groups::Groups;
use crate::operations::{Apply, Decide};

/// Applications of a page, unless the request says how many.
const COUNT: i64 = 20;
/// Most applications of a page.
const MAX_COUNT: i64 = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Note {
    #[serde(default, deserialize_with = "or_default")]
    apply_note: String,
}

/// `create-group-apply`
pub(super) async fn apply(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<Note>>,
) -> ApiResult {
    let group = request.group()?;
    let note = text(request.rest.apply_note, MAX_SHORT)?;
    groups.change(group, Apply { caller, note }).await.map_err(unchanged)?;
    Ok(Reply::done())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Which {
    apply_id: Int64,
}

/// `accept-group-apply`
pub(super) async fn accept(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<Which>>,
) -> ApiResult {
    let group = request.group()?;
    let application = request.rest.apply_id.0;
    let decide = Decide { caller, application, refusal: None };
    groups.change(group, decide).await.map_err(unchanged)?;
    Ok(Reply::done())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refusal {
    apply_id: Int64,
    #[serde(default, deserialize_with = "or_default")]
    reject_reason: String,
}

/// `reject-group-apply`
pub(super) async fn reject(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<Refusal>>,
) -> ApiResult {
    let group = request.group()?;
    let refusal = Some(text(request.rest.reject_reason, MAX_SHORT)?);
    let decide = Decide { caller, application: request.rest.apply_id.0, refusal };
    groups.change(group, decide).await.map_err(unchanged)?;
    Ok(Reply::done())
}

/// `get-group-apply`
pub(super) async fn one(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<Which>>,
) -> ApiResult<ApplicationInfo> {
    let (group, id) = (request.group()?, request.rest.apply_id.0);
    let application = groups.one_application(group, id, &caller).await.map_err(unread)?;
    Ok(Reply(application.into()))
}

#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(default, deserialize_with = "number")]
    count: Option<i64>,
    #[serde(default, deserialize_with = "number")]
    offset: Option<i64>,
}

#[derive(Serialize)]
pub(super) struct Applications {
    applys: Vec<ApplicationInfo>,
    count: i64,
    offset: i64,
}

/// `get-group-applys`
pub(super) async fn some(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Body(request): Body<InGroup<Page>>,
) -> ApiResult<Applications> {
    let group = request.group()?;
    let count = request.rest.count.filter(|count| *count != 0).unwrap_or(COUNT);
    let offset = request.rest.offset.unwrap_or(0);
    if !(1..=MAX_COUNT).contains(&count) || offset < 0 {
        return Err(Code::BAD_PARAMETERS.into());
    }
    let found = groups.some_applications(group, count, offset, &caller).await.map_err(unread)?;
    let applys = found.into_iter().map(ApplicationInfo::from).collect();
    Ok(Reply(Applications { applys, count, offset }))
}
