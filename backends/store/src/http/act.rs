//! Revoking and focusing messages over HTTP.

use axum::extract::State;
use comet_dtalk::code::Code;
use comet_dtalk::http::{ApiError, ApiResult, Body, Caller, Int64, Reply};
use comet_dtalk::id::Id;
use serde::Deserialize;

use crate::Store;
use crate::writer::job::{ActError, ActKind};

#[derive(Deserialize)]
pub(super) struct MessageRef {
    /// 0 for a message between users, 1 for one to a group.
    r#type: Int64,
    #[serde(rename = "logId")]
    log_id: Int64,
}

/// `/app/record/revoke`
pub(super) async fn revoke(
    State(store): State<Store>,
    Caller(uid): Caller,
    Body(which): Body<MessageRef>,
) -> ApiResult {
    act(&store, ActKind::Revoke, uid, &which).await
}

/// `/app/record/focus`
pub(super) async fn focus(
    State(store): State<Store>,
    Caller(uid): Caller,
    Body(which): Body<MessageRef>,
) -> ApiResult {
    act(&store, ActKind::Focus, uid, &which).await
}

/// `/app/record/read`: of the conversation in which the message is, which also names its target.
pub(super) async fn read(
    State(store): State<Store>,
    Caller(uid): Caller,
    Body(which): Body<MessageRef>,
) -> ApiResult {
    act(&store, ActKind::Read, uid, &which).await
}

async fn act(store: &Store, kind: ActKind, uid: String, which: &MessageRef) -> ApiResult {
    let in_group = match which.r#type.0 {
        0 => false,
        1 => true,
        _ => return Err(Code::BAD_PARAMETERS.into()),
    };
    let mid = Id::new(which.log_id.0).ok_or(Code::BAD_PARAMETERS)?;
    store.act(kind, in_group, mid, uid).await.map_err(refused)?;
    Ok(Reply::done())
}

/// Clients show the text. Unknown messages and denied requests get the same answer, so that ids
/// cannot be probed.
fn refused(error: ActError) -> ApiError {
    match error {
        ActError::Unknown | ActError::NotAllowed => {
            ApiError::from(Code::INTERNAL).message("permission denied")
        }
        ActError::Unavailable => Code::INTERNAL.into(),
    }
}
