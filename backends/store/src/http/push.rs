//! Sending over HTTP, for clients without a socket.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::multipart::{Multipart, MultipartRejection};
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use comet_dtalk::code::Code;
use comet_dtalk::http::{ApiResult, Caller, Reply};
use comet_dtalk::message::FrameProto;
use comet_dtalk::newer::NewerMessage;
use comet_protocol::op;
use prost::Message as _;
use serde::Serialize;

use crate::Store;
use crate::check::{Malformed, check, check_common};
use crate::store::Refused;
use crate::writer::reply::Stored;

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

/// Answer to a message of generation 2. Refusals are in `code`, not in the envelope.
#[derive(Serialize)]
pub(super) struct Sent {
    code: i32,
    /// Message id in decimal; empty if the message was refused.
    mid: String,
    datetime: u64,
    repeat: bool,
}

impl Sent {
    fn refused(why: NotSent) -> Self {
        Self { code: why as i32, mid: String::new(), datetime: 0, repeat: false }
    }
}

/// Values of [`Sent::code`] of a message that was refused.
#[derive(Clone, Copy)]
enum NotSent {
    Internal = 1,
    UnsupportedType = 2,
    NotPermitted = 3,
    Malformed = 4,
}

impl From<&Malformed> for NotSent {
    fn from(reason: &Malformed) -> Self {
        match reason {
            Malformed::MsgType(_) | Malformed::Channel(_) => Self::UnsupportedType,
            _ => Self::Malformed,
        }
    }
}

impl From<Refused> for NotSent {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Forbidden(_) => Self::NotPermitted,
            Refused::Busy => Self::Internal,
        }
    }
}

/// `/app/record/send`: the body is a [`NewerMessage`].
pub(super) async fn send_newer(
    State(store): State<Store>,
    Caller(uid): Caller,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> ApiResult<Sent> {
    let body = body.map_err(|_| Code::BAD_PARAMETERS)?;
    if body.is_empty() {
        return Err(Code::MESSAGE_EMPTY.into());
    }
    let draft = if body.len() > MAX_BODY {
        Err(Malformed::Body(body.len()))
    } else {
        NewerMessage::decode(body).map_err(Malformed::from).and_then(|m| check_common(m.into()))
    };
    let draft = match draft {
        Ok(draft) => draft,
        Err(reason) => {
            tracing::debug!(user = uid, %reason, "message refused");
            store.counters().malformed();
            return Ok(Reply(Sent::refused((&reason).into())));
        }
    };
    Ok(Reply(match store.send(draft, &uid, from_phone(&headers)).await {
        Ok(Stored { mid, datetime, repeat }) => {
            Sent { code: 0, mid: mid.to_string(), datetime, repeat }
        }
        Err(refused) => Sent::refused(refused.into()),
    }))
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
    let sent = store.send(draft, uid, from_phone(headers)).await;
    let stored = sent.map_err(Refused::code)?;
    Ok(Reply(Pushed { log_id: stored.mid, datetime: stored.datetime }))
}

/// Whether the caller's device is a phone.
fn from_phone(headers: &HeaderMap) -> bool {
    headers.get(DEVICE).is_some_and(|name| name == "Android" || name == "IOS")
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
