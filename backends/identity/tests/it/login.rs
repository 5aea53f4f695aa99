//! `POST /user/login`.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::http::request::Builder;
use comet_dtalk::message::ConnType::{Connect, Reconnect};
use comet_dtalk::message::Device::{Android, Web};
use comet_identity::{Registry, Tokens, login};
use comet_sql_testing::{Database, on_each_database};
use tower::ServiceExt;

use crate::support::{self, alice, token};

on_each_database!(
    a_good_token_is_answered_with_the_address,
    expired_forged_and_back_door_tokens_are_refused,
    a_phone_that_is_no_longer_the_newest_learns_which_one_is,
    nothing_is_stored,
    an_unknown_way_to_connect_is_a_bad_parameter,
);

fn request(token: &str) -> Builder {
    Request::post("/user/login").header("FZM-SIGNATURE", token)
}

fn from_device(device: &str, uuid: &str) -> Builder {
    let request = request(&token(&alice(), 0)).header("FZM-DEVICE", device);
    request.header("FZM-UUID", uuid).header("FZM-DEVICE-NAME", "any")
}

async fn answer(registry: &Registry, request: Builder, body: &'static str) -> String {
    let app = login::routes(Arc::new(Tokens::default()), registry.clone());
    let response = app.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    String::from_utf8(to_bytes(response.into_body(), 4096).await.unwrap().to_vec()).unwrap()
}

fn welcome() -> String {
    format!(r#"{{"result":0,"message":"","data":{{"address":"{}"}}}}"#, alice().address())
}

async fn a_good_token_is_answered_with_the_address(database: Database) {
    let registry = support::registry(&database).await;
    assert_eq!(answer(&registry, request(&token(&alice(), 0)), "").await, welcome());
    let connect = r#"{"connType":0}"#;
    assert_eq!(answer(&registry, request(&token(&alice(), 0)), connect).await, welcome());
}

async fn expired_forged_and_back_door_tokens_are_refused(database: Database) {
    let registry = support::registry(&database).await;
    let expired = r#"{"result":-1011,"message":"signature expired","data":{}}"#;
    let invalid = r#"{"result":-1010,"message":"signature invalid","data":{}}"#;
    assert_eq!(answer(&registry, request(&token(&alice(), 130_000)), "").await, expired);
    assert_eq!(answer(&registry, request(&token(&alice(), -660_000)), "").await, invalid);
    assert_eq!(answer(&registry, request("MOCK"), "").await, invalid);
    assert_eq!(answer(&registry, request("MOCK2"), "").await, invalid);
    assert_eq!(answer(&registry, Request::post("/user/login"), "").await, invalid);
}

async fn a_phone_that_is_no_longer_the_newest_learns_which_one_is(database: Database) {
    let registry = support::registry(&database).await;
    let uid = alice().address().to_string();
    let newer = support::login(Android, "new", Connect);
    registry.login(&uid, &newer, 1_700_000_000_000).await.unwrap();

    let reconnect = r#"{"connType":1}"#;
    let refused = concat!(
        r#"{"result":-1016,"message":"reconnect not allowed: another device logged in","data":"#,
        r#"{"code":-1016,"message":{"datetime":1700000000000,"device":0,"#,
        r#""deviceName":"name of new","uuid":"new"},"service":"user"}}"#
    );
    assert_eq!(answer(&registry, from_device("ios", "old"), reconnect).await, refused);
    assert_eq!(answer(&registry, from_device("Android", "new"), reconnect).await, welcome());
    assert_eq!(answer(&registry, from_device("Web", "old"), reconnect).await, welcome());
    assert_eq!(answer(&registry, from_device("IOS", "old"), r#"{"connType":0}"#).await, welcome());
}

async fn nothing_is_stored(database: Database) {
    let registry = support::registry(&database).await;
    let uid = alice().address().to_string();
    answer(&registry, from_device("Android", "phone"), "").await;
    assert_eq!(registry.phone(&uid).await.unwrap(), None);

    registry.login(&uid, &support::login(Web, "browser", Reconnect), 1).await.unwrap();
    assert_eq!(registry.phone(&uid).await.unwrap(), None);
}

async fn an_unknown_way_to_connect_is_a_bad_parameter(database: Database) {
    let registry = support::registry(&database).await;
    let bad = r#"{"result":-1012,"message":"bad parameters","data":{}}"#;
    assert_eq!(answer(&registry, from_device("Android", "x"), r#"{"connType":2}"#).await, bad);
    assert_eq!(answer(&registry, from_device("Android", "x"), "{").await, bad);
}
