//! Pulling missed messages, and history.

use axum::extract::State;
use axum::response::Response;
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use comet::Repeats;
use comet_dtalk::clock;
use comet_dtalk::code::Code;
use comet_dtalk::http::{ApiError, Body, Caller, Int64, Reply};
use comet_dtalk::message::{Channel, Common};
use serde::{Deserialize, Serialize, Serializer};

use super::answers::{AnswerInProgress, Answers};
use crate::Store;
use crate::body;
use crate::check::MAX_NAME;
use crate::db::{Choice, Range};

/// Messages of each kind in one answer, regardless of the requested count: some clients ask once
/// for 20, continue from the newest one received, and would miss the others.
const SYNC_LIMIT: u32 = 1000;

/// Bytes of the fields around the content of a history record.
const NAMES_BYTES: usize = 256;

/// Bytes of an answer in addition to its messages.
const FRAME_BYTES: usize = 256;

#[derive(Deserialize)]
pub(super) struct Sync {
    count: Int64,
    /// Only messages with greater ids.
    start: Option<Int64>,
    /// Only messages with smaller ids: for clients that page backwards while there is more.
    before: Option<Int64>,
}

#[derive(Serialize)]
struct Synced<'a> {
    record_count: usize,
    /// Bodies as delivered, in base64.
    records: &'a [Encoded],
    /// Whether a kind has more between `start` and its first record.
    #[serde(rename = "hasMore")]
    has_more: bool,
    /// The same under its original name.
    #[serde(rename = "has_more")]
    has_more_too: bool,
    /// Value of `before` for the next request with which no message of either kind is skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<i64>,
}

/// Bytes serialized as base64 in JSON.
struct Encoded(Bytes);

impl Serialize for Encoded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(&self.0, &STANDARD))
    }
}

/// `/app/record/sync-record`: the newest messages between users, then the newest of groups, each
/// kind ascending and without gaps, regardless of concurrent writes.
pub(super) async fn sync(
    State(store): State<Store>,
    State(answers): State<Answers>,
    Caller(uid): Caller,
    Body(Sync { count, start, before }): Body<Sync>,
) -> Result<Response, ApiError> {
    if !(1..=1000).contains(&count.0) {
        return Err(Code::BAD_PARAMETERS.into());
    }
    let mut making = answers.begin(&uid).await?;
    // Both kinds end at the same id: clients continue from the newest id of either.
    let committed = store.committed();
    let range = Range {
        after: start.map_or(0, i64::from),
        before: before.map_or(i64::MAX, i64::from).min(committed.saturating_add(1)),
        limit: SYNC_LIMIT,
        // Half of the limit, so that busy groups do not displace messages between users.
        bytes: making.most() / 2,
    };
    let (reads, groups) = (store.reads(), store.membership().groups_of(&uid));
    let stays = reads.stays(&uid, &groups).await.map_err(query_failed)?;
    let group = reads.newest_of_groups(&stays, range).await.map_err(query_failed)?;
    let range = Range { bytes: making.most().saturating_sub(group.bytes), ..range };
    let private = reads.newest(&uid, range).await.map_err(query_failed)?;
    let length = private.bytes + group.bytes + FRAME_BYTES;
    // Memory of the messages, and of the answer made from them.
    making.charge(2 * length)?;
    let mut records = Vec::with_capacity(private.len() + group.len());
    for (choice, channel) in [(&private, Channel::ToUser), (&group, Channel::ToGroup)] {
        let messages = reads.chosen(choice, channel).await.map_err(query_failed)?;
        records.extend(messages.into_iter().map(|common| Encoded(body::message(&common))));
    }
    if before.is_none() {
        store.note_synced(&uid, committed, clock::unix_ms());
    }
    let has_more = private.more || group.more;
    let synced = Synced {
        record_count: records.len(),
        records: &records,
        has_more,
        has_more_too: has_more,
        before: [&private, &group].into_iter().filter_map(cut_at).max(),
    };
    Ok(making.done(Reply(synced).to_json(length)?)?)
}

/// Id at which a kind was truncated.
fn cut_at(choice: &Choice) -> Option<i64> {
    choice.oldest().filter(|_| choice.more)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct History {
    target_id: String,
    count: Int64,
    log_id: Option<Before>,
}

/// Id, or the empty text sent by clients without one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Before {
    Id(Int64),
    Text(String),
}

impl Before {
    /// Id below which messages are wanted.
    fn bound(before: Option<Self>) -> Result<i64, Code> {
        match before {
            None | Some(Self::Id(Int64(0))) => Ok(i64::MAX),
            Some(Self::Id(Int64(id))) => Ok(id),
            Some(Self::Text(text)) if text.is_empty() => Ok(i64::MAX),
            Some(Self::Text(_)) => Err(Code::BAD_PARAMETERS),
        }
    }
}

#[derive(Serialize)]
struct HistoryAnswer {
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
    /// Usually ciphertext.
    content: Encoded,
    create_time: u64,
}

/// `/store/app/pri-chat-record`: messages between the caller and another user, newest first.
pub(super) async fn history(
    State(store): State<Store>,
    State(answers): State<Answers>,
    Caller(uid): Caller,
    Body(History { target_id, count, log_id }): Body<History>,
) -> Result<Response, ApiError> {
    let limit = u32::try_from(count.0).map_err(|_| Code::BAD_PARAMETERS)?;
    if !(1..=100).contains(&limit) || target_id.chars().count() > MAX_NAME {
        return Err(Code::BAD_PARAMETERS.into());
    }
    let before = Before::bound(log_id)?;
    let making = answers.begin(&uid).await?;
    let range = Range { after: 0, before, limit, bytes: making.most() };
    let choice = store.reads().newest_of_pair(&uid, &target_id, range).await;
    history_answer(&store, making, choice.map_err(query_failed)?, Channel::ToUser).await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupHistory {
    id: Option<Int64>,
    /// The same in decimal, which counts if both are there.
    id_str: Option<String>,
    count: Int64,
    log_id: Option<Before>,
}

/// `/store/app/group-chat-record`: messages to a group during the stays of the caller, newest
/// first.
pub(super) async fn group_history(
    State(store): State<Store>,
    State(answers): State<Answers>,
    Caller(uid): Caller,
    Body(GroupHistory { id, id_str, count, log_id }): Body<GroupHistory>,
) -> Result<Response, ApiError> {
    let limit = u32::try_from(count.0).map_err(|_| Code::BAD_PARAMETERS)?;
    let group = match id_str {
        Some(text) => text.parse().map_err(|_| Code::BAD_PARAMETERS)?,
        None => id.ok_or(Code::BAD_PARAMETERS)?.0,
    };
    if !(1..=100).contains(&limit) || group <= 0 {
        return Err(Code::BAD_PARAMETERS.into());
    }
    let before = Before::bound(log_id)?;
    let making = answers.begin(&uid).await?;
    let groups = store.membership().groups_of(&uid);
    let mut stays = store.reads().stays(&uid, &groups).await.map_err(query_failed)?;
    stays.retain(|stay| stay.group == group);
    if stays.is_empty() {
        return Err(Code::NOT_IN_GROUP.into());
    }
    let range = Range { after: 0, before, limit, bytes: making.most() };
    let choice = store.reads().newest_of_groups(&stays, range).await.map_err(query_failed)?;
    history_answer(&store, making, choice, Channel::ToGroup).await
}

async fn history_answer(
    store: &Store,
    mut making: AnswerInProgress,
    choice: Choice,
    channel: Channel,
) -> Result<Response, ApiError> {
    let length = choice.bytes + choice.len() * NAMES_BYTES + FRAME_BYTES;
    making.charge(2 * length)?;
    let messages = store.reads().chosen(&choice, channel).await.map_err(query_failed)?;
    let records: Vec<_> = messages.into_iter().rev().map(Record::from).collect();
    let answer = HistoryAnswer { record_count: records.len(), records };
    Ok(making.done(Reply(answer).to_json(length)?)?)
}

impl From<Common> for Record {
    fn from(common: Common) -> Self {
        Self {
            log_id: common.log_id.to_string(),
            msg_id: common.msg_id,
            from_id: common.from,
            target_id: common.target,
            msg_type: common.msg_type,
            content: Encoded(common.msg),
            create_time: common.datetime,
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn query_failed(error: comet_sql::Error) -> Code {
    static REPEATS: Repeats = Repeats::new();
    if let Some(more) = REPEATS.admit(clock::unix()) {
        tracing::error!(%error, "log not read{more}");
    }
    Code::QUERY_FAILED
}
