//! A newer phone ends the session of the older one.

use std::time::{Duration, Instant};

use comet_dtalk::message::ConnType::{Connect, Reconnect};
use comet_dtalk::message::Device::{Android, Ios, Web};
use comet_identity::Outcome;
use comet_sql_testing::{Database, on_each_database};
use comet_testkit::frame::{AUTH_REPLY, DELIVER};
use prost::Message;

use crate::support::{Server, alice, login, token};

on_each_database!(
    a_phone_that_acknowledges_the_newer_login_loses_its_session_at_once,
    a_phone_that_does_not_loses_it_after_five_seconds,
);

async fn a_phone_that_acknowledges_the_newer_login_loses_its_session_at_once(database: Database) {
    let server = Server::start(database).await;
    let mut browser = server.client();
    browser.log_in(&login(Web, "w-1", Connect));
    let mut old = server.client();
    old.log_in(&login(Android, "p-1", Connect));
    let began = Instant::now();
    let mut new = server.client();
    new.log_in(&login(Ios, "p-2", Connect));

    let announced = old.frame();
    assert_eq!(announced.op, DELIVER);
    old.ack(announced.seq);
    old.is_closed_silently();
    assert!(began.elapsed() < Duration::from_secs(5), "not only by its time");

    // Of a browser the ack means nothing.
    for _ in 0..2 {
        let announced = browser.frame();
        browser.ack(announced.seq);
    }
    assert!(browser.who_am_i().contains("/w-1/Some(Web)/"));
    assert!(new.who_am_i().contains("/p-2/Some(Ios)/"));
    // It does not come back by itself.
    let mut again = server.client();
    let reconnect = login(Android, "p-1", Reconnect).encode_to_vec();
    again.auth(1, "dtalk", &token(&alice(), 0), &reconnect);
    assert_eq!(again.frame().op, AUTH_REPLY, "a refusal");
    assert_eq!(server.ended(Outcome::Superseded), 1);
}

async fn a_phone_that_does_not_loses_it_after_five_seconds(database: Database) {
    let server = Server::start(database).await;
    let mut old = server.client();
    old.log_in(&login(Android, "p-1", Connect));
    let began = Instant::now();
    let mut new = server.client();
    new.log_in(&login(Android, "p-2", Connect));
    assert_eq!(old.frame().op, DELIVER);
    old.is_closed_after_any_frames();
    assert!(began.elapsed() >= Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(new.who_am_i().contains("/p-2/"));
}
