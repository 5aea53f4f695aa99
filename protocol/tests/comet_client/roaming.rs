//! A session that moves to another connection: make before break.

use comet_protocol::client::{ClientSession, Event, Link};
use comet_protocol::comet::{ClientFrame, Code, Failure, Refused, ServerFrame};

use crate::units::{at, deliver, events, frames, opened, ops, resumed, say};

/// A session that has asked for a second connection and written its auth there.
fn switching() -> (ClientSession, Link, Link) {
    let (mut session, older) = opened();
    let newer = session.switch(at(10)).expect("it is open");
    assert_eq!(session.switch(at(10)), None, "one at a time");
    session.handle_connected(at(11), newer);
    (session, older, newer)
}

fn bodies(session: &mut ClientSession) -> usize {
    let events = events(session);
    events.iter().filter(|event| matches!(event, Event::Delivery { .. })).count()
}

#[test]
fn the_older_connection_is_read_until_the_welcome_of_the_newer() {
    let (mut session, older, newer) = switching();
    say(&mut session, at(12), older, &deliver(1));
    let auth = session.poll_transmit_on(newer).expect("an auth");
    let frame = frames(&auth).remove(0);
    let Ok(ClientFrame::Auth { auth, .. }) = ClientFrame::decode(frame.head, &frame.body) else {
        panic!("not an auth");
    };
    assert_eq!((&auth.ticket[..], auth.last_seq), (&b"t"[..], 1));
    assert_eq!(session.poll_transmit_on(newer), None, "one auth");
    say(&mut session, at(13), older, &deliver(2));
    assert_eq!((bodies(&mut session), session.link()), (2, older));

    say(&mut session, at(14), newer, &resumed("u"));
    let told = events(&mut session);
    let [Event::Disconnect(closed), Event::Opened { resumed: true, .. }] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!((*closed, session.link()), (older, newer));
    assert_eq!(ops(&mut session), [37], "an ack confirms the welcome");
    say(&mut session, at(15), older, &deliver(3));
    say(&mut session, at(15), newer, &deliver(2));
    say(&mut session, at(15), newer, &deliver(3));
    assert_eq!(bodies(&mut session), 1, "nothing of the older one, and no repeat");
}

#[test]
fn what_follows_the_welcome_in_the_same_bytes_is_read() {
    let (mut session, _, newer) = switching();
    let mut bytes = Vec::new();
    resumed("u").write(&mut bytes);
    deliver(1).write(&mut bytes);
    session.handle_bytes(at(12), newer, &bytes);
    assert_eq!(bodies(&mut session), 1);
}

#[test]
fn an_older_connection_that_is_replaced_or_lost_is_not_waited_for() {
    let code = Code::REPLACED.get();
    let replaced = ServerFrame::Error(Failure { code, ..Failure::default() });
    let (mut session, older, newer) = switching();
    say(&mut session, at(12), older, &replaced);
    assert_eq!(events(&mut session), [Event::Disconnect(older)]);
    assert_eq!(session.link(), newer);
    assert_eq!(ops(&mut session), [1], "the auth, if it was not written yet");
    say(&mut session, at(13), newer, &resumed("u"));
    assert!(matches!(events(&mut session)[..], [Event::Opened { resumed: true, .. }]));

    let (mut session, older, newer) = switching();
    session.handle_disconnected(at(12), older);
    assert_eq!((events(&mut session), session.link()), (vec![], newer));
    session.handle_disconnected(at(13), newer);
    assert!(matches!(events(&mut session)[..], [Event::Waiting { .. }]), "as ever");
}

#[test]
fn a_replaced_session_that_did_not_move_is_over() {
    let (mut session, older) = opened();
    let code = Code::REPLACED.get();
    say(&mut session, at(12), older, &ServerFrame::Error(Failure { code, ..Failure::default() }));
    assert!(matches!(events(&mut session)[..], [Event::Disconnect(_), Event::Closed(_)]));
}

#[test]
fn an_attempt_that_fails_changes_nothing() {
    for failure in 0..4 {
        let (mut session, older, newer) = switching();
        assert!(session.poll_transmit_on(newer).is_some());
        match failure {
            0 => session.handle_disconnected(at(12), newer),
            1 => {
                let refused = Refused::default();
                say(&mut session, at(12), newer, &ServerFrame::Refused { ack: 2, refused });
            }
            2 => session.handle_bytes(at(12), newer, &[0xff; 40]),
            _ => {
                assert_eq!(session.poll_timeout(), Some(at(10_011)));
                session.handle_timeout(at(10_011));
            }
        }
        let told = events(&mut session);
        let expected = [Event::Disconnect(newer)];
        assert_eq!(told, expected[usize::from(failure == 0)..], "{failure}");
        say(&mut session, at(10_012), newer, &resumed("late"));
        say(&mut session, at(10_012), older, &deliver(1));
        assert_eq!((bodies(&mut session), session.link()), (1, older), "{failure}");
        let again = session.switch(at(10_013)).expect("another attempt");
        assert!(again != newer, "numbers are not used twice");
    }
}

#[test]
fn a_session_that_is_not_open_does_not_move() {
    let (mut session, older) = opened();
    session.handle_disconnected(at(1), older);
    assert_eq!(session.switch(at(2)), None);
}
