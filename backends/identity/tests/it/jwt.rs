//! Sessions by JSON Web Token.

use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::http::Request;
use comet_dtalk::clock::unix_ms;
use comet_identity::{Jwt, JwtAlgorithm, Outcome, Tokens, login};
use comet_sql_testing::{Database, on_each_database};
use comet_testkit::frame::{AUTH_REPLY, frame};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;
use tower::ServiceExt;

use crate::support::{Server, alice, registry, token};

on_each_database!(
    a_session_ends_with_its_token_unless_a_new_one_renews_it,
    dtalk_tokens_go_on_and_end_no_session,
);

const SECRET: &[u8] = b"a made-up secret of 32 bytes.....";

fn tokens() -> Tokens {
    Tokens::with_jwt(Jwt::new(JwtAlgorithm::Hs256, SECRET).unwrap())
}

/// A token of bob for so long.
fn jwt(valid: Duration) -> String {
    let exp = (unix_ms() + u64::try_from(valid.as_millis()).unwrap()) as f64 / 1_000.0;
    let claims = json!({"sub": "bob", "exp": exp});
    encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(SECRET)).unwrap()
}

async fn a_session_ends_with_its_token_unless_a_new_one_renews_it(database: Database) {
    let server = Server::with(database, |router| router.tokens(tokens())).await;
    let began = Instant::now();
    let valid = Duration::from_millis(1_500);
    let (mut short, mut renewed) = (server.client(), server.client());
    for client in [&mut short, &mut renewed] {
        client.auth(1, "dtalk", &jwt(valid), b"");
        assert_eq!(client.frame(), frame(AUTH_REPLY, 1, ""));
        assert!(client.who_am_i().starts_with("dtalk/bob/"));
    }
    renewed.auth(2, "dtalk", &jwt(Duration::from_secs(60)), b"");
    assert_eq!(renewed.frame(), frame(AUTH_REPLY, 2, ""));
    short.is_closed_silently();
    assert!(began.elapsed() >= valid, "{:?}", began.elapsed());
    assert!(renewed.who_am_i().starts_with("dtalk/bob/"));

    let mut late = server.client();
    late.auth(1, "dtalk", &jwt(Duration::ZERO), b"");
    late.is_closed_silently();
    assert_eq!(server.ended(Outcome::Expired), 1);
}

async fn dtalk_tokens_go_on_and_end_no_session(database: Database) {
    let registry = registry(&database).await;
    let app = login::routes(std::sync::Arc::new(tokens()), registry);
    let ask = async |name: &str, value: &str| {
        let request = Request::post("/user/login").header(name, value);
        let response = app.clone().oneshot(request.body(Body::from("{}")).unwrap()).await.unwrap();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice::<serde_json::Value>(&body).unwrap()["result"].clone()
    };
    let minute = Duration::from_secs(60);
    let bearer = |token: String| format!("Bearer {token}");
    // Neither is taken for the other.
    let accepted = ask("Authorization", &bearer(jwt(minute))).await;
    assert_ne!(accepted, -1010);
    assert_eq!(ask("FZM-SIGNATURE", &token(&alice(), 0)).await, accepted);
    assert_eq!(ask("FZM-SIGNATURE", &jwt(minute)).await, -1010);
    assert_eq!(ask("Authorization", &bearer(token(&alice(), 0))).await, -1010);
    assert_eq!(ask("Authorization", &bearer(jwt(Duration::ZERO))).await, -1011);
}
