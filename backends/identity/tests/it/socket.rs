//! Logging in on a socket.

use std::sync::Arc;
use std::time::Instant;

use axum::body::to_bytes;
use axum::http::Request;
use comet_dtalk::message::ConnType::{Connect, Reconnect};
use comet_dtalk::message::Device::{Android, Ios, MacOs, Web};
use comet_dtalk::message::SignalEndpointLogin;
use comet_identity::{Outcome, Tokens, alternation, announcer};
use comet_sql_testing::{Database, on_each_database};
use comet_testkit::frame::{AUTH_REPLY, DELIVER, frame};
use comet_testkit::protobuf::hex;
use prost::Message;
use serde_json::json;
use tower::ServiceExt;

use crate::support::{Server, alice, eventually, login, token};

on_each_database!(
    a_good_token_opens_a_session_that_knows_user_and_device,
    a_client_need_not_name_a_device,
    a_token_is_good_from_ten_minutes_ahead_to_two_minutes_behind,
    other_tokens_close_the_connection_without_a_word,
    an_old_phone_is_told_of_the_newer_one_and_may_then_log_in_by_hand,
    the_newest_phone_and_every_browser_reconnect_by_themselves,
    a_second_auth_with_a_good_token_registers_and_announces_nothing,
    a_second_auth_with_a_bad_token_closes_the_connection,
    a_login_is_announced_to_the_users_other_devices_and_to_nobody_else,
    a_login_is_announced_to_a_bounded_number_of_the_users_sessions,
    a_storm_of_logins_ends_with_the_announcement_of_the_newest,
    a_login_without_a_device_is_not_announced,
    a_device_is_online_while_its_session_lasts,
    logins_beyond_the_limit_are_closed_and_counted,
    the_place_of_a_login_that_has_ended_is_free_again,
    two_phones_that_replace_each_other_are_held_and_nobody_else_is,
    a_phone_that_gives_up_while_its_answer_is_held_is_not_registered,
    a_revoked_device_is_disconnected_and_stays_away,
);

async fn a_good_token_opens_a_session_that_knows_user_and_device(database: Database) {
    let server = Server::start(database).await;
    let mut client = server.client();
    client.log_in(&login(MacOs, "u-1", Connect));
    let me = format!("dtalk/{}/u-1/Some(MacOs)/name of u-1/alice", alice().address());
    assert_eq!(client.who_am_i(), me);
    assert_eq!(server.ended(Outcome::Accepted), 1);
}

async fn a_client_need_not_name_a_device(database: Database) {
    let server = Server::start(database).await;
    let mut client = server.client();
    client.auth(0, "dtalk", &token(&alice(), 0), b"");
    assert_eq!(client.frame(), frame(AUTH_REPLY, 0, ""));
    assert_eq!(client.who_am_i(), format!("dtalk/{}//None//", alice().address()));
    let uid = alice().address().to_string();
    assert!(server.registry.devices(&uid).await.unwrap().is_empty());
}

async fn a_token_is_good_from_ten_minutes_ahead_to_two_minutes_behind(database: Database) {
    let server = Server::start(database).await;
    for age_ms in [-590_000, 0, 120_000] {
        let mut client = server.client();
        client.auth(1, "dtalk", &token(&alice(), age_ms), b"");
        assert_eq!(client.frame(), frame(AUTH_REPLY, 1, ""));
    }
    assert_eq!(server.ended(Outcome::Accepted), 3);
}

async fn other_tokens_close_the_connection_without_a_word(database: Database) {
    let server = Server::start(database).await;
    let good = token(&alice(), 0);
    let forged = good.replace("*dtalk#", "*dtalx#");
    let cases = [
        (Outcome::Expired, "dtalk", token(&alice(), 126_000), &b""[..]),
        (Outcome::Invalid, "dtalk", token(&alice(), -610_000), b""),
        (Outcome::Invalid, "dtalk", forged, b""),
        (Outcome::Invalid, "dtalk", "MOCK".into(), b""),
        (Outcome::Invalid, "dtalk", "MOCK2".into(), b""),
        (Outcome::Invalid, "dtalk", String::new(), b""),
        (Outcome::Invalid, "dtalk", good.clone(), b"\xff"),
        (Outcome::UnknownApp, "echo", good.clone(), b""),
        (Outcome::UnknownApp, "", good, b""),
    ];
    for (outcome, app, token, ext) in cases {
        let before = server.ended(outcome);
        let mut client = server.client();
        client.auth(1, app, &token, ext);
        client.is_closed_silently();
        assert_eq!(server.ended(outcome), before + 1, "{app} {token}");
    }
    assert_eq!(server.ended(Outcome::Accepted), 0);
}

async fn an_old_phone_is_told_of_the_newer_one_and_may_then_log_in_by_hand(database: Database) {
    let server = Server::start(database).await;
    let uid = alice().address().to_string();
    let newer = login(Ios, "p-2", Connect);
    server.registry.login(&uid, &newer, 1_700_000_000_000).await.unwrap();

    let mut client = server.client();
    let reconnect = login(Android, "p-1", Reconnect);
    client.auth(7, "dtalk", &token(&alice(), 0), &reconnect.encode_to_vec());
    let told = [
        "0000002f00140001000000020000000700000000",
        "0a03702d32",                 // uuid "p-2"
        "1001",                       // iOS
        "1a0b6e616d65206f6620702d32", // "name of p-2"
        "2080d095ffbc31",             // 1,700,000,000,000
    ];
    let told = told.concat();
    assert_eq!(client.frame().encode(), hex(&told));

    client.log_in(&login(Android, "p-1", Connect));
    assert!(client.who_am_i().contains("/p-1/Some(Android)/"));
    let phone = server.registry.phone(&uid).await.unwrap().unwrap();
    assert_eq!(&*phone.info.uuid, "p-1");
    assert_eq!((server.ended(Outcome::Superseded), server.ended(Outcome::Accepted)), (1, 1));
}

async fn the_newest_phone_and_every_browser_reconnect_by_themselves(database: Database) {
    let server = Server::start(database).await;
    server.client().log_in(&login(Android, "phone", Connect));
    server.client().log_in(&login(Web, "browser", Reconnect));
    server.client().log_in(&login(Android, "phone", Reconnect));
    assert_eq!(server.ended(Outcome::Accepted), 3);
}

async fn a_second_auth_with_a_good_token_registers_and_announces_nothing(database: Database) {
    let server = Server::start(database).await;
    let uid = alice().address().to_string();
    let mut browser = server.client();
    browser.log_in(&login(Web, "w-1", Connect));
    let mut client = server.client();
    client.log_in(&login(Android, "p-1", Connect));
    browser.frame();
    let registered = server.registry.devices(&uid).await.unwrap();
    client.log_in(&login(Android, "p-1", Connect));
    assert!(client.who_am_i().contains("/p-1/Some(Android)/"));
    assert!(browser.who_am_i().contains("/w-1/Some(Web)/"), "and heard nothing before");
    assert_eq!(server.registry.devices(&uid).await.unwrap(), registered);
    assert_eq!((server.ended(Outcome::Accepted), server.ended(Outcome::Renewed)), (2, 1));
}

async fn a_second_auth_with_a_bad_token_closes_the_connection(database: Database) {
    let server = Server::start(database).await;
    for bad in ["MOCK".to_owned(), token(&alice(), 126_000)] {
        let mut client = server.client();
        client.log_in(&login(Android, "p-1", Connect));
        client.auth(2, "dtalk", &bad, &login(Android, "p-1", Connect).encode_to_vec());
        client.is_closed_silently();
    }
    assert_eq!((server.ended(Outcome::Invalid), server.ended(Outcome::Expired)), (1, 1));
}

async fn a_login_is_announced_to_the_users_other_devices_and_to_nobody_else(database: Database) {
    let server = Server::start(database).await;
    let mut phone = server.client();
    phone.log_in(&login(Android, "p-1", Connect));
    let mut bob = server.client();
    let key = comet_identity::Key::from_bytes(&[2; 32]).unwrap();
    bob.auth(1, "dtalk", &token(&key, 0), &login(Web, "b-1", Connect).encode_to_vec());
    assert_eq!(bob.frame().op, AUTH_REPLY);

    let mut browser = server.client();
    browser.log_in(&login(Web, "w-1", Connect));
    assert!(browser.who_am_i().contains("/w-1/Some(Web)/"));
    assert!(bob.who_am_i().contains("/b-1/Some(Web)/"));

    let announced = phone.frame();
    assert_eq!((announced.ver, announced.op, announced.ack), (1, DELIVER, 0));
    // Proto { Signal, Signal { EndpointLogin, SignalEndpointLogin } }
    assert_eq!(announced.body[..8], hex("0802121f080e121b"));
    let uid = alice().address().to_string();
    let newest = server.registry.devices(&uid).await.unwrap().remove(0);
    let expected = SignalEndpointLogin {
        uuid: "w-1".into(),
        device: 5,
        device_name: "name of w-1".into(),
        datetime: newest.login_ms,
    };
    assert_eq!(SignalEndpointLogin::decode(&announced.body[8..]).unwrap(), expected);
}

async fn a_login_is_announced_to_a_bounded_number_of_the_users_sessions(database: Database) {
    let server = Server::start(database).await;
    let mut others = Vec::new();
    for _ in 0..2 * announcer::DEVICES {
        let mut client = server.client();
        client.auth(1, "dtalk", &token(&alice(), 0), b"");
        client.frame();
        others.push(client);
    }
    for logins in 1..=3 {
        let mut browser = server.client();
        browser.log_in(&login(Web, "w-1", Connect));
        assert_eq!(server.deliveries(), logins * announcer::DEVICES);
    }
}

async fn a_storm_of_logins_ends_with_the_announcement_of_the_newest(database: Database) {
    let server = Server::start(database).await;
    let mut phone = server.client();
    phone.log_in(&login(Android, "p-1", Connect));
    let mut browsers = Vec::new();
    for n in 0..4 * announcer::AT_ONCE {
        let mut browser = server.client();
        browser.log_in(&login(Web, &format!("w-{n}"), Connect));
        browsers.push(browser);
    }
    let newest = format!("w-{}", 4 * announcer::AT_ONCE - 1);
    loop {
        let announced = phone.frame();
        let told = SignalEndpointLogin::decode(&announced.body[8..]).unwrap();
        if told.uuid == newest {
            break;
        }
    }
}

async fn a_login_without_a_device_is_not_announced(database: Database) {
    let server = Server::start(database).await;
    let mut phone = server.client();
    phone.log_in(&login(Android, "p-1", Connect));
    let mut anonymous = server.client();
    anonymous.auth(1, "dtalk", &token(&alice(), 0), b"");
    anonymous.frame();
    assert!(phone.who_am_i().contains("/p-1/Some(Android)/"));
}

async fn a_device_is_online_while_its_session_lasts(database: Database) {
    let server = Server::start(database).await;
    let uid = alice().address().to_string();
    let presence = server.router.presence();
    let mut client = server.client();
    client.log_in(&login(Android, "p-1", Connect));
    let phone = server.registry.phone(&uid).await.unwrap().unwrap();
    eventually(async || presence.is_online(&phone.info)).await;
    drop(client);
    eventually(async || !presence.is_online(&phone.info)).await;
    assert_eq!(server.registry.phone(&uid).await.unwrap(), Some(phone));
}

async fn logins_beyond_the_limit_are_closed_and_counted(database: Database) {
    let server = Server::with(database, |router| router.logins(0)).await;
    let mut client = server.client();
    client.auth(1, "dtalk", &token(&alice(), 0), b"");
    client.is_closed_silently();
    assert_eq!(server.ended(Outcome::Overloaded), 1);
}

async fn the_place_of_a_login_that_has_ended_is_free_again(database: Database) {
    let server = Server::with(database, |router| router.logins(1)).await;
    for n in 1..=3 {
        let mut client = server.client();
        client.log_in(&login(Android, "p-1", Connect));
        assert_eq!(server.ended(Outcome::Accepted), n);
    }
}

async fn two_phones_that_replace_each_other_are_held_and_nobody_else_is(database: Database) {
    let server = Server::start(database).await;
    let mut clients = Vec::new();
    for (device, uuid) in [(Android, "a"), (Ios, "b"), (MacOs, "c")] {
        let mut client = server.client();
        client.log_in(&login(device, uuid, Connect));
        clients.push(client);
    }
    let began = Instant::now();
    let mut again = server.client();
    let held = tokio::task::spawn_blocking(move || {
        again.log_in(&login(Android, "a", Connect));
        began.elapsed()
    });
    // Meanwhile the desktop comes back, and is let in at once.
    let mut desktop = server.client();
    desktop.log_in(&login(MacOs, "c", Connect));
    let took = began.elapsed();
    let asked = held.await.unwrap();
    assert!(asked >= alternation::FIRST, "{asked:?}");
    assert!(took < asked, "{took:?}");
    assert_eq!(server.ended(Outcome::Accepted), 5);
}

async fn a_phone_that_gives_up_while_its_answer_is_held_is_not_registered(database: Database) {
    let server = Server::start(database).await;
    let uid = alice().address().to_string();
    let mut clients = Vec::new();
    for (device, uuid) in [(Android, "a"), (Ios, "b")] {
        let mut client = server.client();
        client.log_in(&login(device, uuid, Connect));
        clients.push(client);
    }
    let stays = server.registry.phone(&uid).await.unwrap();
    let mut again = server.client();
    let ext = login(Android, "a", Connect).encode_to_vec();
    again.auth(1, "dtalk", &token(&alice(), 0), &ext);
    drop(again);
    eventually(async || server.ended(Outcome::GivenUp) == 1).await;
    assert_eq!(server.registry.phone(&uid).await.unwrap(), stays);
}

/// Sends a request about the devices of Alice; the answer.
async fn ask(server: &Server, path: &str, body: &str) -> serde_json::Value {
    let routes = comet_identity::devices::routes(
        Arc::new(Tokens::default()),
        server.registry.clone(),
        server.gateway.clone(),
        server.router.presence(),
    );
    let request = Request::post(path).header("FZM-SIGNATURE", token(&alice(), 0));
    let response = routes.oneshot(request.body(body.to_owned()).unwrap()).await.unwrap();
    let body = to_bytes(response.into_body(), 4_096).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

async fn a_revoked_device_is_disconnected_and_stays_away(database: Database) {
    let server = Server::start(database).await;
    let mut phone = server.client();
    phone.log_in(&login(Android, "p-1", Connect));
    let mut browser = server.client();
    browser.log_in(&login(Web, "w-1", Connect));
    phone.frame();
    let devices = ask(&server, "/app/device/list", "").await["data"]["devices"].clone();
    assert_eq!(devices.as_array().unwrap().len(), 2);
    let listed = &devices[1];
    assert_eq!((&listed["uuid"], &listed["device"]), (&json!("p-1"), &json!(0)));
    assert_eq!((&listed["deviceName"], &listed["online"]), (&json!("name of p-1"), &json!(true)));
    assert!(listed["loginTime"].as_u64().unwrap() > 1_700_000_000_000);

    let revoked = ask(&server, "/app/device/revoke", r#"{"uuid":"p-1"}"#).await;
    assert_eq!(revoked["result"], json!(0));
    phone.is_closed_silently();
    let mut again = server.client();
    let reconnect = login(Android, "p-1", Reconnect).encode_to_vec();
    again.auth(1, "dtalk", &token(&alice(), 0), &reconnect);
    assert_eq!(again.frame().op, AUTH_REPLY, "a refusal that its client shows");
    assert_eq!(server.ended(Outcome::Revoked), 1);
    let unknown = ask(&server, "/app/device/revoke", r#"{"uuid":"p-1"}"#).await;
    assert_eq!(unknown["result"], json!(-1012));

    assert!(browser.who_am_i().contains("/w-1/Some(Web)/"), "the others stay");
    server.client().log_in(&login(Android, "p-1", Connect));
}
