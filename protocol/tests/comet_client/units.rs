//! Single exchanges of a client session with the frames of a server.

use std::time::Duration;

use bytes::Bytes;
use comet_protocol::client::{ClientSession, Closed, Config, Event, Link, Time};
use comet_protocol::comet::{
    AwayReason, Code, Failure, GoingAway, Key, Ping, Refused, Seq, ServerFrame, Welcome,
};
use comet_protocol::{Frame, Layout, frames_of};

pub(crate) fn at(millis: u64) -> Time {
    Time::from_micros(millis * 1_000)
}

pub(crate) fn frames(bytes: &[u8]) -> Vec<Frame> {
    frames_of(Layout::Dtalk, bytes, 65_536).expect("whole frames")
}

/// The ops that the client writes now.
pub(crate) fn ops(session: &mut ClientSession) -> Vec<u32> {
    let mut ops = Vec::new();
    while let Some(bytes) = session.poll_transmit() {
        ops.extend(frames(&bytes).iter().map(|frame| frame.head.op));
    }
    ops
}

pub(crate) fn events(session: &mut ClientSession) -> Vec<Event> {
    std::iter::from_fn(|| session.poll_event()).collect()
}

pub(crate) fn say(session: &mut ClientSession, now: Time, link: Link, frame: &ServerFrame) {
    let mut bytes = Vec::new();
    frame.write(&mut bytes);
    session.handle_bytes(now, link, &bytes);
}

fn welcome(ticket: &'static str) -> ServerFrame {
    let (send_window, deliver_window) = (8, 8);
    let ticket = ticket.into();
    let welcome = Welcome { ticket, send_window, deliver_window, ..Default::default() };
    ServerFrame::Welcome { ack: 1, welcome: Box::new(welcome) }
}

/// The session goes on.
pub(crate) fn resumed(ticket: &'static str) -> ServerFrame {
    let ServerFrame::Welcome { ack, mut welcome } = welcome(ticket) else { unreachable!() };
    welcome.resumed = true;
    ServerFrame::Welcome { ack, welcome }
}

/// A session that has written its auth on its first connection.
fn asked() -> (ClientSession, Link) {
    let mut session = ClientSession::new(at(0), Config::default(), 1);
    let Some(Event::Connect(link)) = session.poll_event() else { panic!("a link is wanted") };
    session.handle_connected(at(0), link);
    assert_eq!(ops(&mut session), [1]);
    session.handle_connected(at(0), link);
    assert_eq!(ops(&mut session), [0_u32; 0], "one auth, however often it is connected");
    (session, link)
}

pub(crate) fn opened() -> (ClientSession, Link) {
    let (mut session, link) = asked();
    say(&mut session, at(0), link, &welcome("t"));
    assert!(matches!(events(&mut session)[..], [Event::Opened { resumed: false, .. }]));
    assert_eq!(ops(&mut session), [37]);
    (session, link)
}

pub(crate) fn deliver(seq: u32) -> ServerFrame {
    ServerFrame::Deliver { seq: Seq::new(seq), body: "x".into() }
}

#[test]
fn acks_wait_for_more_deliveries_but_not_for_long() {
    let (mut session, link) = opened();
    say(&mut session, at(100), link, &deliver(1));
    assert_eq!(ops(&mut session), [0_u32; 0]);
    assert_eq!(session.poll_timeout(), Some(at(120)));
    session.handle_timeout(at(120));
    let ack = session.poll_transmit().unwrap();
    assert_eq!(ack[..], *b"\0\0\0\x14\0\x14\0\x02\0\0\0\x25\0\0\0\0\0\0\0\x01");

    say(&mut session, at(200), link, &deliver(2));
    assert_eq!(ops(&mut session), [0_u32; 0]);
    say(&mut session, at(200), link, &deliver(3));
    assert_eq!(ops(&mut session), [37], "a quarter of the window of 8");
}

#[test]
fn a_hole_and_a_repeat_are_told_at_once() {
    let (mut session, link) = opened();
    say(&mut session, at(100), link, &deliver(3));
    let ack = session.poll_transmit().unwrap();
    assert_eq!(frames(&ack)[0].body[..], [2, 1]);
    assert_eq!(events(&mut session), []);
    say(&mut session, at(101), link, &deliver(1));
    say(&mut session, at(101), link, &deliver(1));
    assert_eq!(ops(&mut session), [37]);
    assert_eq!(events(&mut session).len(), 1, "handed up once");
}

#[test]
fn coming_back_tells_the_ticket_and_what_has_arrived() {
    let (mut session, link) = opened();
    assert_eq!(session.send(at(1), "m"), Ok(Seq::FIRST));
    assert_eq!(ops(&mut session), [39]);
    for seq in [1, 4] {
        say(&mut session, at(2), link, &deliver(seq));
    }
    session.handle_disconnected(at(3), link);
    let until = session.poll_timeout().unwrap();
    assert!(until > at(250) && until <= at(503), "{until:?}");
    session.handle_timeout(until);
    let Some(Event::Connect(next)) = events(&mut session).pop() else { panic!("another link") };
    session.handle_connected(until, next);
    let frame = frames(&session.poll_transmit().unwrap()).remove(0);
    let (head, body) = (frame.head, frame.body);
    let Ok(comet_protocol::comet::ClientFrame::Auth { auth, .. }) =
        comet_protocol::comet::ClientFrame::decode(head, &body)
    else {
        panic!("not an auth");
    };
    assert_eq!((auth.ticket, auth.last_seq), (Bytes::from("t"), 1));
    assert_eq!((auth.ranges, auth.first_send), (Bytes::from_static(&[2, 1]), 1));
}

#[test]
fn the_server_says_when_to_come_back() {
    let (mut session, link) = opened();
    let reason = AwayReason::Restart.into();
    let away =
        GoingAway { reason, return_after_ms: 60_000, may_resume: true, ticket: Bytes::new() };
    say(&mut session, at(1_000), link, &ServerFrame::GoingAway(away));
    assert_eq!(ops(&mut session), [37], "the last ack");
    let events = events(&mut session);
    let [Event::Disconnect(closed), Event::Waiting { until }] = events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(closed, link);
    assert!(until > at(61_000) && until <= at(61_500), "{until:?}");
}

#[test]
fn what_is_final_ends_the_session() {
    let (mut session, link) = opened();
    let failure = Failure { code: Code::REPLACED.get(), ..Default::default() };
    say(&mut session, at(1), link, &ServerFrame::Error(failure.clone()));
    let over = [Event::Disconnect(link), Event::Closed(Closed::Failed(failure))];
    assert_eq!(events(&mut session), over);
    assert_eq!((session.poll_timeout(), ops(&mut session)), (None, vec![]));
    assert!(session.send(at(2), "m").is_err());

    let (mut session, link) = asked();
    let refused = Refused { code: Code::UNAUTHENTICATED.get(), ..Default::default() };
    say(&mut session, at(1), link, &ServerFrame::Refused { ack: 1, refused: refused.clone() });
    let over = [Event::Disconnect(link), Event::Closed(Closed::Refused(refused))];
    assert_eq!(events(&mut session), over);
}

#[test]
fn leaving_is_said_and_then_done() {
    let (mut session, link) = opened();
    session.leave(at(1));
    assert!(session.send(at(1), "m").is_err());
    assert_eq!(ops(&mut session), [46]);
    assert_eq!(events(&mut session), [Event::Disconnect(link), Event::Closed(Closed::Left)]);

    let mut waiting = ClientSession::new(at(0), Config::default(), 1);
    let connect = events(&mut waiting);
    waiting.leave(at(1));
    let [Event::Connect(link)] = connect[..] else { panic!("{connect:?}") };
    assert_eq!(events(&mut waiting), [Event::Disconnect(link), Event::Closed(Closed::Left)]);
}

#[test]
fn silence_is_asked_about_and_then_taken_for_a_loss() {
    let (mut session, link) = opened();
    session.handle_timeout(at(30_000));
    let ping = session.poll_transmit().unwrap();
    let mut stamp = [0; 8];
    stamp.copy_from_slice(&frames(&ping)[0].body[..8]);
    say(&mut session, at(30_080), link, &ServerFrame::Pong { stamp });
    assert_eq!(session.round_trip(), Duration::from_millis(80));

    session.handle_timeout(at(60_000));
    assert_eq!(ops(&mut session), [44]);
    assert_eq!(session.poll_timeout(), Some(at(75_000)));
    session.handle_timeout(at(75_000));
    assert_eq!(events(&mut session)[0], Event::Disconnect(link));
}

#[test]
fn of_two_heartbeats_the_lesser_one_counts() {
    let first_ping = |heartbeat_ms| {
        let (mut session, link) = asked();
        let ServerFrame::Welcome { ack, mut welcome } = welcome("t") else { unreachable!() };
        welcome.heartbeat_ms = heartbeat_ms;
        say(&mut session, at(0), link, &ServerFrame::Welcome { ack, welcome });
        assert_eq!(ops(&mut session), [37]);
        session.poll_timeout()
    };
    assert_eq!(first_ping(0), Some(at(30_000)), "its own");
    assert_eq!(first_ping(12_000), Some(at(12_000)));
    assert_eq!(first_ping(240_000), Some(at(30_000)));
}

#[test]
fn a_ping_is_answered_and_deliveries_of_the_other_classes_are_not() {
    let (mut session, link) = opened();
    let ping = Ping { stamp: *b"stampede", round_trip_us: None };
    say(&mut session, at(1), link, &ServerFrame::Ping(ping));
    let pong = session.poll_transmit().unwrap();
    assert_eq!(frames(&pong)[0].body, "stampede");

    let (key, body) = (Key::new("k").unwrap(), Bytes::from("b"));
    say(&mut session, at(2), link, &ServerFrame::BestEffort { seq: Seq::NONE, body: body.clone() });
    let latest = ServerFrame::Latest { seq: Seq::NONE, key: key.clone(), body: body.clone() };
    say(&mut session, at(2), link, &latest);
    let both = [Event::BestEffort { body: body.clone() }, Event::Latest { key, body }];
    assert_eq!(events(&mut session), both);
    assert_eq!(ops(&mut session), [0_u32; 0]);
}

#[test]
fn a_server_that_never_answers_or_breaks_the_dialect_is_left() {
    let (mut session, link) = asked();
    assert_eq!(session.poll_timeout(), Some(at(10_000)));
    session.handle_timeout(at(10_000));
    assert_eq!(events(&mut session)[0], Event::Disconnect(link));

    for broken in [b"GET / HTTP/1.1".as_slice(), &[0, 0, 0, 20, 0, 20, 0, 1, 0, 0, 0, 2]] {
        let (mut session, link) = asked();
        session.handle_bytes(at(1), link, broken);
        session.handle_bytes(at(1), link, &[0; 8]);
        assert_eq!(events(&mut session)[0], Event::Disconnect(link));
    }
    let (mut session, link) = asked();
    say(&mut session, at(1), link, &deliver(1));
    assert_eq!(events(&mut session)[0], Event::Disconnect(link), "before the welcome");
}
