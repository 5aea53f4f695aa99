//! JSON request bodies, with the leniency that existing clients need.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use super::ApiError;
use crate::code::Code;

/// JSON request body.
///
/// An empty body reads as `{}`, and the content type is ignored: clients omit both. A body that is
/// not JSON, does not fit `T`, or exceeds the size limit of the router is answered with
/// [`Code::BAD_PARAMETERS`].
#[derive(Clone, Copy, Debug)]
pub struct Body<T>(pub T);

impl<S, T> FromRequest<S> for Body<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state).await.map_err(|_| Code::BAD_PARAMETERS)?;
        let json = if bytes.trim_ascii().is_empty() { b"{}" } else { bytes.as_ref() };
        Ok(Self(serde_json::from_slice(json).map_err(|_| Code::BAD_PARAMETERS)?))
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::DefaultBodyLimit;
    use axum::routing::post;
    use axum::{Router, body};
    use serde::Deserialize;
    use tower::ServiceExt;

    use super::*;
    use crate::http::{ApiResult, Reply};

    #[derive(Deserialize)]
    struct Lenient {
        #[serde(default)]
        count: u32,
    }

    #[derive(Deserialize)]
    struct Strict {
        count: u32,
    }

    async fn lenient(Body(Lenient { count }): Body<Lenient>) -> ApiResult<u32> {
        Ok(Reply(count))
    }

    async fn strict(Body(Strict { count }): Body<Strict>) -> ApiResult<u32> {
        Ok(Reply(count))
    }

    async fn ask(request: Request) -> String {
        let app = Router::new()
            .route("/lenient", post(lenient))
            .route("/strict", post(strict))
            .layer(DefaultBodyLimit::max(64));
        let response = app.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let body = body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    async fn post_to(path: &str, body: &str) -> String {
        ask(Request::post(path).body(body.to_owned().into()).unwrap()).await
    }

    const BAD: &str = r#"{"result":-1012,"message":"bad parameters","data":{}}"#;

    #[tokio::test]
    async fn json_needs_no_content_type() {
        let three = r#"{"result":0,"message":"","data":3}"#;
        assert_eq!(post_to("/strict", r#"{"count":3}"#).await, three);
    }

    #[tokio::test]
    async fn another_content_type_does_not_matter() {
        let request = Request::post("/strict").header("content-type", "text/plain");
        let answer = ask(request.body(r#"{"count":3,"more":true}"#.into()).unwrap()).await;
        assert_eq!(answer, r#"{"result":0,"message":"","data":3}"#);
    }

    #[tokio::test]
    async fn nothing_and_blanks_read_as_the_empty_object() {
        let zero = r#"{"result":0,"message":"","data":0}"#;
        assert_eq!(post_to("/lenient", "").await, zero);
        assert_eq!(post_to("/lenient", " \r\n").await, zero);
        assert_eq!(post_to("/strict", "").await, BAD);
    }

    #[tokio::test]
    async fn broken_unfitting_and_oversized_bodies_are_bad_parameters() {
        assert_eq!(post_to("/lenient", r#"{"count":"#).await, BAD);
        assert_eq!(post_to("/lenient", r#"{"count":"three"}"#).await, BAD);
        assert_eq!(post_to("/lenient", "\u{1}").await, BAD);
        let long = format!(r#"{{"count":3,"more":"{}"}}"#, "x".repeat(64));
        assert_eq!(post_to("/lenient", &long).await, BAD);
    }
}
