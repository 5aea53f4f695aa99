//! Sending over HTTP, for clients without a socket.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::multipart::{Multipart, MultipartRejection};
use axum::http::HeaderMap;
use comet_dtalk::code::Code;
use comet_dtalk::http::{ApiResult, Caller, Reply};
use comet_dtalk::message::FrameProto;
use comet_protocol::op;
use prost::Message as _;
use serde::Serialize;

use crate::Store;
use crate::check::check;

/// Longest message: the same as on a socket.
const MAX_BODY: usize = 16_384;
/// Header with the device type; it determines whether the sender is a phone.
const DEVICE: &str = "fzm-device";

#[derive(Serialize)]
pub(super) struct Pushed {
    /// Clients match this field as text: a number directly after the colon.
    #[serde(rename = "logId")]
    log_id: i64,
    datetime: u64,
}

/// `/record/push`: the part `message` is the body of a message frame.
pub(super) async fn push(
    State(store): State<Store>,
    Caller(uid): Caller,
    headers: HeaderMap,
    form: Result<Multipart, MultipartRejection>,
) -> ApiResult<Pushed> {
    let body = message_part(form).await?;
    send(&store, &uid, &headers, body).await
}

/// `/record/push2`: the part `message` is a message frame in protobuf form.
pub(super) async fn push_frame(
    State(store): State<Store>,
    Caller(uid): Caller,
    headers: HeaderMap,
    form: Result<Multipart, MultipartRejection>,
) -> ApiResult<Pushed> {
    let part = message_part(form).await?;
    let frame = FrameProto::decode(part).map_err(|_| Code::BAD_PARAMETERS)?;
    if frame.op.cast_unsigned() != op::SEND {
        return Err(Code::BAD_PARAMETERS.into());
    }
    send(&store, &uid, &headers, frame.body).await
}

async fn send(store: &Store, uid: &str, headers: &HeaderMap, body: Bytes) -> ApiResult<Pushed> {
    let draft = match check(body) {
        Ok(draft) => draft,
        Err(reason) => {
            tracing::debug!(user = uid, %reason, "message refused");
            store.counters().malformed();
            return Err(Code::BAD_PARAMETERS.into());
        }
    };
    let from_phone = headers.get(DEVICE).is_some_and(|name| name == "Android" || name == "IOS");
    let stored = store.send(draft, uid, from_phone).await?;
    Ok(Reply(Pushed { log_id: stored.mid, datetime: stored.datetime }))
}

async fn message_part(form: Result<Multipart, MultipartRejection>) -> Result<Bytes, Code> {
    let mut form = form.map_err(|_| Code::BAD_PARAMETERS)?;
    while let Ok(Some(part)) = form.next_field().await {
        if part.name() == Some("message") {
            let bytes = part.bytes().await.map_err(|_| Code::BAD_PARAMETERS)?;
            let fits = bytes.len() <= MAX_BODY;
            return if fits { Ok(bytes) } else { Err(Code::BAD_PARAMETERS) };
        }
    }
    Err(Code::BAD_PARAMETERS)
}
