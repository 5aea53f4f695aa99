//! The session alone, and two peers on a virtual clock over a link that loses, delays, duplicates
//! and reorders.

mod pair;

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use comet_protocol::Dialect;
use comet_protocol::codec::{Abilities, AuthRequest, Input};
use comet_protocol::ws::MessageKind;

use super::*;
use crate::budget::Account;
use crate::delivery::Held;
use crate::{Closed, Config, Delivery, Refusal};

fn limits() -> Limits {
    Limits::new(&Config::default())
}

/// Pushes a delivery, or queues it. Returns its number, if it was sent.
fn push(session: &mut Session, now: Time, body: Vec<u8>, limits: &Limits) -> Option<u32> {
    let account = Account::unlimited();
    let item = Held::delivery(Time::START, &account, Delivery::acked(body), None).unwrap();
    let sent = session.push(now, &account, std::slice::from_ref(&item), limits);
    if sent.count == 0 {
        assert_eq!(session.wait(&account, &item, None, limits), Wait::Queued);
        return None;
    }
    Some(sent.first.get())
}

fn at(millis: u64) -> Time {
    Time::START + Duration::from_millis(millis)
}

const DTALK: &Abilities = Dialect::Dtalk.abilities();

fn request(seq: u32) -> Box<AuthRequest> {
    let (app, token, ext) = ("app".into(), "who".into(), Bytes::new());
    Box::new(AuthRequest { seq, app, token, ext, continuity: None })
}

fn auth() -> Input<'static> {
    Input::Auth(request(5))
}

fn taken(body: &'static str) -> Answer {
    Answer::Reply(body.into())
}

fn send(seq: u32, body: &[u8]) -> Input<'_> {
    let (kind, answered) = (MessageKind::Binary, Seq::NONE);
    Input::Send { seq, op: 7, kind, answered, body }
}

fn open_session() -> Session {
    let limits = limits();
    let mut session = Session::new(at(0), &limits);
    assert_eq!(
        session.handle(at(1), auth(), DTALK, &limits),
        Action::Authenticate { request: request(5), attempt: 1 }
    );
    assert_eq!(session.state_mut().accept(at(2)), Some(5));
    session
}

#[test]
fn nothing_but_auth_counts_before_authentication() {
    let limits = limits();
    let mut session = Session::new(at(0), &limits);
    for frame in [
        Input::Heartbeat { seq: 1 },
        send(2, b"x"),
        Input::Ack { seq: 1 },
        Input::Unknown { op: 14 },
    ] {
        assert_eq!(session.handle(at(1), frame, DTALK, &limits), Action::Ignore);
    }
    assert!(session.wants_frames(&limits));
}

#[test]
fn one_deadline_covers_everything_up_to_authentication() {
    let limits = limits();
    let mut session = Session::new(at(0), &limits);
    assert_eq!(session.poll_timeout(at(0), &limits), at(8_000));
    session.state_mut().heard(at(7_000));
    session.handle(at(7_000), auth(), DTALK, &limits);
    assert_eq!(session.poll_timeout(at(7_000), &limits), at(8_000), "talking buys no time");
    assert_eq!(session.handle_timeout(at(7_999), false, &limits), Timeout::Nothing);
    let late = Timeout::Close(Closed::HandshakeTimeout);
    assert_eq!(session.handle_timeout(at(8_000), false, &limits), late);
    assert!(!session.close(at(8_000), &limits), "the router never heard of it");
}

#[test]
fn attempts_to_authenticate_are_bounded() {
    let limits = Limits::new(&Config::default().handshake(|it| it.attempts = 2));
    let mut session = Session::new(at(0), &limits);
    session.handle(at(1), auth(), DTALK, &limits);
    assert_eq!(session.state_mut().refuse(&limits), Some(Ok(5)));
    let again = session.handle(at(2), auth(), DTALK, &limits);
    assert_eq!(again, Action::Authenticate { request: request(5), attempt: 2 });
    assert_eq!(session.state_mut().refuse(&limits), Some(Err(Closed::AuthAttempts)));
}

#[test]
fn a_decision_that_nobody_waits_for_is_dropped() {
    let limits = limits();
    let mut session = Session::new(at(0), &limits);
    assert_eq!(session.state_mut().accept(at(1)), None);
    assert_eq!(session.state_mut().refuse(&limits), None);
    let mut session = open_session();
    assert_eq!(session.state_mut().accept(at(3)), None);
    assert_eq!(session.state_mut().refuse(&limits), None);
}

#[test]
fn a_second_auth_on_an_open_session_is_asked_about_before_anything_else_is_looked_at() {
    let limits = limits();
    let mut session = open_session();
    let auth = Input::Auth(request(9));
    let asked = Action::Renew { request: request(9) };
    assert_eq!(session.handle(at(3), auth, DTALK, &limits), asked);
    assert_eq!(session.state_mut().begin_renewal(9), 2);
    assert!(
        session.state().is_open()
            && session.state().is_renewing()
            && !session.wants_frames(&limits)
    );
    // A pause of reading is not silence of the peer.
    assert_eq!(session.handle_timeout(at(10_000_000), false, &limits), Timeout::Nothing);
    assert_eq!(session.state_mut().end_renewal(), Some(9));
    assert!(session.state().is_open() && session.wants_frames(&limits));
    assert_eq!(session.state_mut().end_renewal(), None);
}

#[test]
fn any_traffic_puts_the_idle_limit_off_and_silence_brings_a_ping_first() {
    let limits = limits();
    let mut session = open_session();
    session.state_mut().heard(at(100_000));
    assert_eq!(session.poll_timeout(at(100_000), &limits), at(340_000));
    assert_eq!(session.handle_timeout(at(339_999), false, &limits), Timeout::Nothing);
    assert_eq!(session.handle_timeout(at(340_000), false, &limits), Timeout::Ping);
    assert_eq!(session.poll_timeout(at(340_000), &limits), at(580_000));
    assert_eq!(session.handle_timeout(at(341_000), false, &limits), Timeout::Nothing);
    let idle = Timeout::Close(Closed::Idle);
    assert_eq!(session.handle_timeout(at(580_000), false, &limits), idle);
}

#[test]
fn a_full_inbox_wants_no_frames_until_a_reply_leaves() {
    let limits = Limits::new(&Config::default().limits(|it| it.inbox = 2));
    let mut session = open_session();
    for number in 0..2 {
        let message = send(number + 10, b"m");
        let action = session.handle(at(3), message.clone(), DTALK, &limits);
        assert_eq!(
            action,
            Action::Receive {
                number,
                seq: number + 10,
                op: 7,
                kind: MessageKind::Binary,
                body: b"m"
            }
        );
    }
    assert!(!session.wants_frames(&limits));
    assert!(session.settle(1, Answer::Refused(Refusal::new(1))));
    assert_eq!(session.poll_reply(), None);
    assert!(!session.wants_frames(&limits));
    assert!(session.settle(0, Answer::Reply("a".into())));
    assert_eq!(session.poll_reply(), Some((10, 7, taken("a"))));
    let refused = Answer::Refused(Refusal::new(1));
    assert_eq!(session.poll_reply(), Some((11, 7, refused)), "in the order of the messages");
    assert_eq!(session.poll_reply(), None);
    assert!(session.wants_frames(&limits));
}

#[test]
fn the_end_is_told_once_and_has_its_own_deadline() {
    let limits = limits();
    let mut session = open_session();
    assert!(session.close(at(10), &limits));
    assert!(!session.close(at(11), &limits));
    assert_eq!(session.poll_timeout(at(11), &limits), at(2_010));
    assert_eq!(session.handle_timeout(at(2_010), false, &limits), Timeout::GiveUp);
    let message = send(1, b"late");
    assert_eq!(session.handle(at(12), message.clone(), DTALK, &limits), Action::Ignore);
}

#[test]
fn whoever_sends_too_fast_is_closed() {
    let limits = Limits::new(&Config::default().limits(|it| it.message_rate = 1));
    let mut session = open_session();
    let message = send(1, b"m");
    for _ in 0..2 {
        let action = session.handle(at(3), message.clone(), DTALK, &limits);
        assert!(matches!(action, Action::Receive { .. }));
    }
    let closed = Action::Close(Closed::RateExceeded);
    assert_eq!(session.handle(at(3), message.clone(), DTALK, &limits), closed);
}

#[test]
fn a_parked_session_keeps_what_is_unacked_and_takes_more_until_it_expires() {
    let limits = Limits::new(&Config::default().resume(|it| it.ttl = Duration::from_secs(60)));
    let mut session = open_session();
    assert_eq!(push(&mut session, at(5), b"old".into(), &limits), Some(1));
    let message = send(1, b"m");
    let action = session.handle(at(6), message.clone(), DTALK, &limits);
    assert!(matches!(action, Action::Receive { number: 0, .. }));

    session.park(at(1_000), &limits);
    assert!(session.state().is_parked() && !session.state().is_open());
    assert!(!session.settle(0, Answer::Reply("late".into())), "nobody waits for that reply");
    assert_eq!(push(&mut session, at(1_000), b"new".into(), &limits), None);
    assert_eq!(session.poll_timeout(at(1_000), &limits), at(61_000));
    assert_eq!(session.handle_timeout(at(60_999), false, &limits), Timeout::Nothing);
    assert_eq!(session.handle_timeout(at(61_000), false, &limits), Timeout::Unclaimed);
    assert!(session.close(at(61_000), &limits), "the router knew it");
}

#[test]
fn a_session_that_is_back_loses_what_finds_no_room_and_is_slow_only_once_it_has_acknowledged() {
    let config = Config::default().resume(|it| it.ttl = Duration::from_secs(60)).delivery(|it| {
        it.window = 1;
        it.queue = 2;
    });
    let limits = Limits::new(&config);
    let account = Account::unlimited();
    let mut session = open_session();
    assert_eq!(push(&mut session, at(5), b"a".into(), &limits), Some(1));
    session.park(at(6), &limits);
    while push_more(&mut session, &account, &limits) == Wait::Queued {}
    session.resume(at(8)).unwrap();
    while session.poll_transmit(at(8), &limits).is_some() {}
    assert_eq!(push_more(&mut session, &account, &limits), Wait::Lost);
    let ack = session.handle(at(9), Input::Ack { seq: 1 }, DTALK, &limits);
    assert_eq!(ack, Action::Acked { tag: 0 });
    // Behind the gap there is as much room as before, and no more.
    let more: Vec<Wait> = (0..4).map(|_| push_more(&mut session, &account, &limits)).collect();
    assert_eq!(more.last(), Some(&Wait::Full), "{more:?}");
}

fn push_more(session: &mut Session, account: &Rc<Account>, limits: &Limits) -> Wait {
    let item = Held::delivery(Time::START, account, Delivery::acked("more"), None).unwrap();
    session.wait(account, &item, None, limits)
}

#[test]
fn a_resumed_session_sends_again_from_1_and_then_what_is_new() {
    let limits = Limits::new(&Config::default().resume(|it| it.ttl = Duration::from_secs(60)));
    let mut session = open_session();
    for (seq, body) in (1..).zip(["a", "b", "c"]) {
        assert_eq!(push(&mut session, at(5), body.into(), &limits), Some(seq));
    }
    let ack = session.handle(at(6), Input::Ack { seq: 2 }, DTALK, &limits);
    assert_eq!(ack, Action::Acked { tag: 0 });
    session.park(at(7), &limits);
    assert_eq!(push(&mut session, at(7), b"d".into(), &limits), None);
    session.resume(at(8)).unwrap();
    let sent: Vec<(u32, Bytes)> = std::iter::from_fn(|| session.poll_transmit(at(8), &limits))
        .map(|next| (next.seq.get(), next.item.as_delivery().unwrap().body.clone()))
        .collect();
    assert_eq!(sent, [(1, "a".into()), (2, "c".into()), (3, "d".into())]);
    assert!(session.state().is_open());
}
