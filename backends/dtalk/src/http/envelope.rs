//! Envelope of every answer.

use std::borrow::Cow;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use crate::code::Code;

/// Return type of handlers.
pub type ApiResult<T = Nothing> = Result<Reply<T>, ApiError>;

/// Success: `result` 0 with this data.
#[derive(Clone, Copy, Debug)]
pub struct Reply<T = Nothing>(pub T);

/// No data, `{}`. Clients access `data` without checking that it is present.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Nothing {}

/// Failure: a code, the text shown by the client, and for some codes data.
#[derive(Clone, Debug)]
pub struct ApiError {
    code: Code,
    message: Cow<'static, str>,
    data: Option<Value>,
}

impl Reply {
    /// Success without data.
    #[must_use]
    pub const fn done() -> Self {
        Self(Nothing {})
    }
}

impl<T: Serialize> Reply<T> {
    /// Envelope in a buffer of this initial capacity: for answers with accounted memory, sent by
    /// [`kept_until_written`].
    ///
    /// # Errors
    ///
    /// [`Code::INTERNAL`] for data that JSON cannot represent, such as maps with non-string keys.
    pub fn to_json(&self, capacity: usize) -> Result<Vec<u8>, ApiError> {
        let mut json = Vec::with_capacity(capacity);
        let envelope = Envelope { result: Code::OK, message: Code::OK.text(), data: &self.0 };
        serde_json::to_writer(&mut json, &envelope).map_err(|_| Code::INTERNAL)?;
        Ok(json)
    }
}

/// Successful answer with this JSON. `keep` is dropped once the last byte has been passed to the
/// system, or cannot be any more: it accounts for the memory of an answer until its client has read
/// it.
pub fn kept_until_written<K: Send + 'static>(json: Vec<u8>, keep: K) -> Response {
    let bytes = Bytes::from_owner(Kept { json, _keep: keep });
    let result = Extension(Code::OK);
    (result, [(CONTENT_TYPE, "application/json")], Body::from(bytes)).into_response()
}

struct Kept<K> {
    json: Vec<u8>,
    _keep: K,
}

impl<K> AsRef<[u8]> for Kept<K> {
    fn as_ref(&self) -> &[u8] {
        &self.json
    }
}

impl ApiError {
    /// Replaces the text of [`Code::text`] in the envelope.
    #[must_use]
    pub fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    /// Adds data to the envelope.
    #[must_use]
    pub fn data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }
}

impl From<Code> for ApiError {
    fn from(code: Code) -> Self {
        Self { code, message: Cow::Borrowed(code.text()), data: None }
    }
}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        respond(&Envelope { result: Code::OK, message: Code::OK.text(), data: self.0 })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self { code, message, data } = self;
        let data = data.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        respond(&Envelope { result: code, message: &message, data })
    }
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    result: Code,
    message: &'a str,
    data: T,
}

fn respond<T: Serialize>(envelope: &Envelope<'_, T>) -> Response {
    // Fails only for data that JSON cannot represent, such as a map with non-string keys.
    let Ok(json) = serde_json::to_vec(envelope) else {
        return ApiError::from(Code::INTERNAL).into_response();
    };
    // For layers around the handler, which cannot read the body.
    let result = Extension(envelope.result);
    (result, [(CONTENT_TYPE, "application/json")], json).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use axum::body::to_bytes;
    use axum::http::StatusCode;

    use super::*;

    async fn answer(response: impl IntoResponse) -> String {
        let response = response.into_response();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn success_without_data_has_an_empty_object() {
        assert_eq!(answer(Reply::done()).await, r#"{"result":0,"message":"","data":{}}"#);
    }

    /// One client extracts the id with the expression `"logId":(\d*)`.
    #[tokio::test]
    async fn ids_are_written_as_numbers_right_after_the_colon() {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Pushed {
            log_id: i64,
            datetime: u64,
        }
        let pushed = Pushed { log_id: 9_007_199_254_740_991, datetime: 1 };
        assert_eq!(
            answer(Reply(pushed)).await,
            r#"{"result":0,"message":"","data":{"logId":9007199254740991,"datetime":1}}"#
        );
    }

    #[tokio::test]
    async fn failure_is_status_200_too_and_carries_the_text_of_its_code() {
        assert_eq!(
            answer(ApiError::from(Code::SIGNATURE_EXPIRED)).await,
            r#"{"result":-1011,"message":"signature expired","data":{}}"#
        );
    }

    #[tokio::test]
    async fn failure_can_carry_its_own_text_and_data() {
        let refused = ApiError::from(Code::INTERNAL)
            .message("permission denied")
            .data(serde_json::json!({ "code": -1000 }));
        assert_eq!(
            answer(refused).await,
            r#"{"result":-1000,"message":"permission denied","data":{"code":-1000}}"#
        );
    }

    #[tokio::test]
    async fn what_an_answer_keeps_is_dropped_with_its_last_piece() {
        let kept = std::sync::Arc::new(());
        let json = Reply(7).to_json(100).unwrap();
        let response = kept_until_written(json, std::sync::Arc::clone(&kept));
        let mut body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(body, r#"{"result":0,"message":"","data":7}"#);
        let piece = body.split_to(1);
        drop(body);
        assert_eq!(std::sync::Arc::strong_count(&kept), 2);
        drop(piece);
        assert_eq!(std::sync::Arc::strong_count(&kept), 1);
    }

    #[tokio::test]
    async fn data_that_json_cannot_hold_is_an_internal_error() {
        let reply = Reply(HashMap::from([((1, 2), 3)]));
        assert_eq!(answer(reply).await, r#"{"result":-1000,"message":"internal error","data":{}}"#);
    }
}
