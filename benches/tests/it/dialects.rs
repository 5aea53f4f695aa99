//! The gateway's own dialects, against comet in this process.

use std::io::Read;
use std::net::TcpListener;
use std::time::Duration;

use comet_bench::dialect::{Dialect, Reconnect};
use comet_bench::driver::{Destination, Identity, Route, Tuning};

use crate::party::{Party, assert_fan_and_echo, ways};
use crate::rooms::Relay;

const MS: Duration = Duration::from_millis(1);

#[test]
fn every_message_reaches_every_member_once_and_in_order() {
    for is_acked in [true, false] {
        let relay = Relay::start(is_acked);
        for dialect in [Dialect::Comet, Dialect::Dtalk, Dialect::Goim] {
            for route in ways(relay.tcp, relay.ws) {
                assert_fan_and_echo(dialect, &route);
            }
        }
        assert_fan_and_echo(Dialect::Raw, &Route::websocket(relay.raw));
        assert_fan_and_echo(Dialect::RawText, &Route::websocket(relay.raw));
    }
}

#[test]
fn a_raw_session_goes_where_its_path_says() {
    let relay = Relay::start(false);
    let route = Route::websocket(relay.raw).at("/room/{room}");
    let mut party = Party::new(Tuning::default());
    let red = party.gather(Dialect::Raw, "red", 2, &route);
    let blue = party.gather(Dialect::Raw, "blue", 2, &route);
    party.say(red, &Destination::Rooms, "to red");
    party.say(blue, &Destination::Rooms, "to blue");
    party.until("all have heard", |heard| heard.iter().all(|heard| heard.bodies.len() == 1));
    let heard = |session| String::from_utf8_lossy(&party.heard(session).bodies[0]).into_owned();
    assert_eq!([0, 1, 2, 3].map(heard), ["to red", "to red", "to blue", "to blue"]);
}

#[test]
fn a_session_that_is_refused_is_over_and_says_why() {
    let relay = Relay::start(false);
    let mut party = Party::new(Tuning::default());
    let nowhere = Route::websocket(relay.raw).at("/nowhere");
    party.join(Dialect::Raw, Identity::new("al", []), &nowhere);
    party.join(Dialect::Dtalk, Identity::new("nobody", []), &Route::tcp(relay.tcp));
    party.until("both are over", |heard| heard.iter().all(|heard| !heard.closed.is_empty()));
    assert_eq!(party.heard(0).closed, ["no WebSocket connection: status is 403"]);
    assert_eq!(party.heard(1).closed, ["the server ended the connection"]);
    assert!(party.driver.send(0, &Destination::Rooms, "late".into()).is_err());
    assert!(party.driver.last_error().is_some());
}

#[test]
fn a_session_that_is_cut_is_over_unless_it_may_come_back() {
    let relay = Relay::start(false);
    for reconnect in [None, Some(Reconnect { first: 10 * MS, most: 20 * MS })] {
        let mut tuning = Tuning::default();
        tuning.timing.reconnect = reconnect;
        let mut party = Party::new(tuning);
        party.gather(Dialect::Dtalk, "red", 2, &Route::tcp(relay.tcp));
        party.driver.cut(0);
        let back = reconnect.is_some();
        party.until("back or over", |heard| {
            heard[0].opened == 2 || (!back && !heard[0].closed.is_empty())
        });
        let heard = party.heard(0);
        let (waits, closed) = if back { (1, vec![]) } else { (0, vec!["cut".to_owned()]) };
        assert_eq!((heard.waits, &heard.closed), (waits, &closed));
        party.say(1, &Destination::Rooms, "still there");
        let hear = if back { 0 } else { 1 };
        party.until("heard", |heard| heard[hear].bodies == [b"still there"]);
    }
}

#[test]
fn a_session_that_its_owner_closes_says_nothing_and_may_begin_anew() {
    let relay = Relay::start(true);
    for dialect in [Dialect::Comet, Dialect::Dtalk, Dialect::Goim] {
        for route in ways(relay.tcp, relay.ws) {
            let mut party = Party::new(Tuning::default());
            party.gather(dialect, "green", 2, &route);
            party.driver.close(0);
            party.say(1, &Destination::Rooms, "one");
            party.until("one is heard", |heard| heard[1].bodies.len() == 1);
            party.driver.reopen(0);
            party.until("open again", |heard| heard[0].opened == 2);
            party.say(1, &Destination::Rooms, "two");
            party.until("two is heard", |heard| {
                heard[0].bodies.last().is_some_and(|body| body == b"two")
            });
            let heard = party.heard(0);
            assert_eq!((heard.closed.len(), heard.waits), (0, 0), "{dialect}: {heard:?}");
        }
    }
}

#[test]
fn heartbeats_keep_a_session_and_find_a_server_that_is_silent() {
    let relay = Relay::start(false);
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("bound");
    let answers = std::thread::spawn(move || {
        let (mut stream, _) = silent.accept().expect("a client");
        let auth_reply = [0, 0, 0, 20, 0, 20, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0];
        std::io::Write::write_all(&mut stream, &auth_reply).expect("written");
        let mut said = Vec::new();
        stream.read_to_end(&mut said).expect("read until the client goes");
        said
    });
    let mut tuning = Tuning::default();
    tuning.timing.heartbeat = Some(100 * MS);
    let mut party = Party::new(tuning);
    for dialect in [Dialect::Dtalk, Dialect::Goim] {
        party.join(dialect, Identity::new("al", []), &Route::tcp(relay.tcp));
    }
    party.join(Dialect::Raw, Identity::new("al", []), &Route::websocket(relay.raw));
    let alone = party.join(Dialect::Dtalk, Identity::new("al", []), &Route::tcp(address));
    party.until("the silent one is given up", |heard| !heard[alone].closed.is_empty());
    assert_eq!(party.heard(alone).closed, ["silent for a heartbeat"]);
    let said = answers.join().expect("no panic");
    assert_eq!(said[said.len() - 12..], [0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 0], "one heartbeat");
    for kept in 0..alone {
        assert_eq!((party.heard(kept).opened, party.heard(kept).closed.len()), (1, 0), "{kept}");
    }
}

#[test]
fn a_session_without_an_answer_to_its_first_words_is_over() {
    let mute = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = mute.local_addr().expect("bound");
    let mut tuning = Tuning { dial_timeout: 300 * MS, ..Tuning::default() };
    tuning.timing.opening = 200 * MS;
    let mut party = Party::new(tuning);
    party.join(Dialect::Dtalk, Identity::new("al", []), &Route::tcp(address));
    party.join(Dialect::Raw, Identity::new("al", []), &Route::websocket(address));
    party.until("both are over", |heard| heard.iter().all(|heard| !heard.closed.is_empty()));
    assert_eq!(party.heard(0).closed, ["no answer to the opening words"]);
    assert_eq!(party.heard(1).closed, ["the transport was not open in time"]);
}
