//! Caller of a request: the user identified by its token.

use std::sync::{Arc, OnceLock};

use axum::extract::{FromRef, FromRequestParts};
use axum::http::HeaderName;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::ApiError;
use crate::code::Code;

/// Header with the token.
pub const SIGNATURE: &str = "fzm-signature";

/// Header with the type of the caller's device, see [`Device::named`].
///
/// [`Device::named`]: crate::message::Device::named
pub const DEVICE: &str = "fzm-device";
/// Header with the id of the caller's device. Some clients send a constant: the identity of a
/// device is the one given at its login on a socket.
pub const UUID: &str = "fzm-uuid";

/// Verification of tokens. An `Arc<dyn Verify>` in the router's state serves [`Caller`].
pub trait Verify: Send + Sync {
    /// User of the token, valid by the clock of the server.
    ///
    /// # Errors
    ///
    /// [`Code::SIGNATURE_EXPIRED`] for a token that was valid before, else
    /// [`Code::SIGNATURE_INVALID`].
    fn verify(&self, token: &str) -> Result<String, Code>;

    /// The same of a token in `Authorization: Bearer` (RFC 6750, section 2.1). Default: none is
    /// valid.
    ///
    /// # Errors
    ///
    /// Those of [`Verify::verify`].
    fn verify_bearer(&self, token: &str) -> Result<String, Code> {
        let _ = token;
        Err(Code::SIGNATURE_INVALID)
    }
}

/// User that makes the request. Without a valid token the handler is not called.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caller(pub String);

/// User of a request, for layers around its handler: a layer inserts a note into the extensions of
/// the request and keeps a clone, in which [`Caller`] records the user.
#[derive(Clone, Debug, Default)]
pub struct CallerNote(Arc<OnceLock<String>>);

impl CallerNote {
    /// The user, if the handler extracted one and the token was valid.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Arc<dyn Verify>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let verify = Arc::<dyn Verify>::from_ref(state);
        let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let user = match header(HeaderName::from_static(SIGNATURE)) {
            Some(token) => verify.verify(token)?,
            None => {
                let bearer = header(AUTHORIZATION).and_then(bearer);
                verify.verify_bearer(bearer.ok_or(Code::SIGNATURE_INVALID)?)?
            }
        };
        if let Some(note) = parts.extensions.get::<CallerNote>() {
            // A request has one token: a second extraction yields the same user.
            let _ = note.0.set(user.clone());
        }
        Ok(Self(user))
    }
}

/// Token of the scheme, whose name may be written in any case.
fn bearer(credentials: &str) -> Option<&str> {
    let (scheme, token) = credentials.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start_matches(' '))
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use axum::routing::post;
    use axum::{Router, response::Response};
    use tower::ServiceExt;

    use super::*;
    use crate::http::{ApiResult, Reply};

    struct Passwords;

    impl Verify for Passwords {
        fn verify(&self, token: &str) -> Result<String, Code> {
            match token {
                "good" => Ok("alice".into()),
                "old" => Err(Code::SIGNATURE_EXPIRED),
                _ => Err(Code::SIGNATURE_INVALID),
            }
        }

        fn verify_bearer(&self, token: &str) -> Result<String, Code> {
            if token == "jwt" { Ok("bob".into()) } else { Err(Code::SIGNATURE_EXPIRED) }
        }
    }

    async fn whoami(Caller(uid): Caller) -> ApiResult<String> {
        Ok(Reply(uid))
    }

    async fn ask(request: Request<Body>) -> String {
        let app = Router::new()
            .route("/whoami", post(whoami))
            .with_state(Arc::new(Passwords) as Arc<dyn Verify>);
        let response: Response = app.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    async fn ask_with(token: &[u8]) -> String {
        let request = Request::post("/whoami").header("FZM-SIGNATURE", token);
        ask(request.body(Body::empty()).unwrap()).await
    }

    const INVALID: &str = r#"{"result":-1010,"message":"signature invalid","data":{}}"#;

    #[tokio::test]
    async fn the_token_names_the_caller() {
        assert_eq!(ask_with(b"good").await, r#"{"result":0,"message":"","data":"alice"}"#);
    }

    #[tokio::test]
    async fn an_old_token_is_told_from_a_bad_one() {
        let expired = r#"{"result":-1011,"message":"signature expired","data":{}}"#;
        assert_eq!(ask_with(b"old").await, expired);
        assert_eq!(ask_with(b"bad").await, INVALID);
    }

    #[tokio::test]
    async fn a_bearer_token_names_the_caller_where_there_is_no_signature() {
        let with = async |headers: &[(&str, &str)]| {
            let request =
                headers.iter().fold(Request::post("/whoami"), |request, (name, value)| {
                    request.header(*name, *value)
                });
            ask(request.body(Body::empty()).unwrap()).await
        };
        let bob = r#"{"result":0,"message":"","data":"bob"}"#;
        assert_eq!(with(&[("Authorization", "Bearer jwt")]).await, bob);
        assert_eq!(with(&[("Authorization", "bearer  jwt")]).await, bob);
        let expired = r#"{"result":-1011,"message":"signature expired","data":{}}"#;
        assert_eq!(with(&[("Authorization", "Bearer good")]).await, expired);
        assert_eq!(with(&[("Authorization", "Basic jwt")]).await, INVALID);
        assert_eq!(with(&[("Authorization", "jwt")]).await, INVALID);
        let both = [("Authorization", "Bearer jwt"), ("FZM-SIGNATURE", "bad")];
        assert_eq!(with(&both).await, INVALID, "the signature counts");
    }

    #[tokio::test]
    async fn no_token_an_empty_one_and_bytes_that_are_no_text_are_invalid() {
        assert_eq!(ask(Request::post("/whoami").body(Body::empty()).unwrap()).await, INVALID);
        assert_eq!(ask_with(b"").await, INVALID);
        assert_eq!(ask_with(b"\xff\xfe").await, INVALID);
    }
}
