//! Unread messages of each conversation.

use axum::extract::State;
use axum::response::Response;
use comet_dtalk::code::Code;
use comet_dtalk::http::{ApiError, Caller, Reply};
use serde::Serialize;

use super::answers::Answers;
use super::record::query_failed;
use crate::Store;
use crate::db::{Conversation, Kind};

/// Bytes of a conversation in an answer, in addition to twice its target.
const CONVERSATION_BYTES: usize = 160;

#[derive(Serialize)]
struct Unread {
    sessions: Vec<Session>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    /// 0 with a user, 1 a group.
    r#type: u8,
    target: Target,
    target_str: String,
    unread: i64,
    read_log_id: String,
    last_log_id: String,
}

/// Address of a user, or id of a group.
#[derive(Serialize)]
#[serde(untagged)]
enum Target {
    User(String),
    Group(i64),
}

/// `/app/record/unread`: newest conversations first.
pub(super) async fn unread(
    State(store): State<Store>,
    State(answers): State<Answers>,
    Caller(uid): Caller,
) -> Result<Response, ApiError> {
    let mut making = answers.begin(&uid).await?;
    let (reads, groups) = (store.reads(), store.membership().groups_of(&uid));
    let mut found = reads.private_conversations(&uid).await.map_err(query_failed)?;
    found.extend(reads.group_conversations(&uid, &groups).await.map_err(query_failed)?);
    found.sort_unstable_by_key(|conversation| std::cmp::Reverse(conversation.last));
    let bytes = found.iter().map(|it| 2 * it.target.len() + CONVERSATION_BYTES);
    let length = bytes.sum::<usize>() + CONVERSATION_BYTES;
    making.charge(2 * length)?;
    let sessions = found.into_iter().map(session).collect::<Result<_, _>>()?;
    Ok(making.done(Reply(Unread { sessions }).to_json(length)?)?)
}

fn session(conversation: Conversation) -> Result<Session, Code> {
    let Conversation { kind, target, unread, read, last } = conversation;
    let id = match kind {
        Kind::Private => Target::User(target.clone()),
        Kind::Group => Target::Group(target.parse().map_err(|_| Code::QUERY_FAILED)?),
    };
    Ok(Session {
        r#type: kind as u8,
        target: id,
        target_str: target,
        unread,
        read_log_id: read.to_string(),
        last_log_id: last.to_string(),
    })
}
