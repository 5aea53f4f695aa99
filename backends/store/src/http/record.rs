//! Pulling what was missed, and looking back.

use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use comet_dtalk::clock;
use comet_dtalk::code::Code;
use comet_dtalk::http::{Body, Caller, Int64, Outcome, Reply};
use comet_dtalk::message::Common;
use serde::{Deserialize, Serialize};

use crate::Store;
use crate::body;
use crate::check::MAX_NAME;
use crate::db::Range;

/// Messages of each kind in one answer, whatever the client asked for: some clients ask for 20,
/// once, and would never see the others.
const SYNC_LIMIT: u32 = 1000;

#[derive(Deserialize)]
pub(super) struct Sync {
    count: Int64,
    /// Only what is later than this.
    start: Option<Int64>,
    /// Only what is earlier than this: for clients that go back when there is more.
    before: Option<Int64>,
}

#[derive(Serialize)]
pub(super) struct Synced {
    record_count: usize,
    /// Bodies as they were delivered, in base64.
    records: Vec<String>,
    /// Whether there is more between `start` and the first record of a kind.
    has_more: bool,
}

/// `/app/record/sync-record`: the newest messages between users, then the newest of groups, each
/// kind ascending.
pub(super) async fn sync(
    State(store): State<Store>,
    Caller(uid): Caller,
    Body(Sync { count, start, before }): Body<Sync>,
) -> Outcome<Synced> {
    if !(1..=1000).contains(&count.0) {
        return Err(Code::BAD_PARAMETERS.into());
    }
    let range = Range {
        after: start.map_or(0, i64::from),
        before: before.map_or(i64::MAX, i64::from),
        limit: SYNC_LIMIT,
    };
    // Read before the rows are: what is committed later may or may not be among them.
    let committed = store.committed();
    let private = store.reads().newest(&uid, range).await.map_err(query_failed)?;
    let groups = store.membership().groups_of(&uid);
    let group = store.reads().newest_of_groups(&groups, range).await.map_err(query_failed)?;
    if before.is_none() {
        store.note_synced(&uid, committed, clock::unix_ms());
    }
    let has_more = private.more || group.more;
    let messages = private.messages.iter().chain(&group.messages);
    let records: Vec<_> = messages.map(|common| STANDARD.encode(body::message(common))).collect();
    Ok(Reply(Synced { record_count: records.len(), records, has_more }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct History {
    target_id: String,
    count: Int64,
    log_id: Option<Before>,
}

/// An id, or the empty text of a client that has none.
#[derive(Deserialize)]
#[serde(untagged)]
enum Before {
    Id(Int64),
    Text(String),
}

#[derive(Serialize)]
pub(super) struct Looked {
    record_count: usize,
    records: Vec<Record>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    log_id: String,
    msg_id: String,
    from_id: String,
    target_id: String,
    msg_type: i32,
    /// In base64: contents are ciphertext, usually.
    content: String,
    create_time: u64,
}

/// `/store/app/pri-chat-record`: what the caller and another wrote to each other, newest first.
pub(super) async fn history(
    State(store): State<Store>,
    Caller(uid): Caller,
    Body(History { target_id, count, log_id }): Body<History>,
) -> Outcome<Looked> {
    let limit = u32::try_from(count.0).map_err(|_| Code::BAD_PARAMETERS)?;
    if !(1..=100).contains(&limit) || target_id.chars().count() > MAX_NAME {
        return Err(Code::BAD_PARAMETERS.into());
    }
    let before = match log_id {
        None | Some(Before::Id(Int64(0))) => i64::MAX,
        Some(Before::Id(Int64(id))) => id,
        Some(Before::Text(text)) if text.is_empty() => i64::MAX,
        Some(Before::Text(_)) => return Err(Code::BAD_PARAMETERS.into()),
    };
    let messages =
        store.reads().history(&uid, &target_id, before, limit).await.map_err(query_failed)?;
    let records: Vec<_> = messages.into_iter().map(Record::from).collect();
    Ok(Reply(Looked { record_count: records.len(), records }))
}

impl From<Common> for Record {
    fn from(common: Common) -> Self {
        Self {
            log_id: common.log_id.to_string(),
            msg_id: common.msg_id,
            from_id: common.from,
            target_id: common.target,
            msg_type: common.msg_type,
            content: STANDARD.encode(common.msg),
            create_time: common.datetime,
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn query_failed(error: sqlx::Error) -> Code {
    tracing::error!(%error, "log not read");
    Code::QUERY_FAILED
}
