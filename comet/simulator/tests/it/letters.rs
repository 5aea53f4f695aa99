//! Histories of letters: order for each sender, and everything in the end.

use comet_simulator::Rule;
use comet_simulator::history::{
    ClientId, Dialect, Event, Lane, MessageId, Push, PushClass, PushId, Session, Target,
};

use crate::story::{FIRST, ONE, SECOND, Story, connected};

const ALICE: ClientId = ClientId(8);
const CAROL: ClientId = ClientId(9);

fn stored(letter: u32, sender: ClientId) -> Event {
    Event::Stored { letter: MessageId(letter), sender, user: 0 }
}

/// A dtalk session for which letters of both senders are stored: 0 and 2 of one, 1 of the other.
fn story(phone: bool) -> Story {
    let mut story = Story::dtalk();
    story.tells(Event::Served { session: ONE, phone });
    story.tells(stored(0, ALICE)).tells(stored(1, CAROL)).tells(stored(2, ALICE));
    story
}

/// A push, the client's sight of it, and its ack.
fn brings(story: &mut Story, push: u32, letter: u32) {
    pushes(story, push, letter);
    story.tells(Event::Saw { attempt: FIRST, push: PushId(push), seq: push + 1 }).acks([push]);
}

fn pushes(story: &mut Story, push: u32, letter: u32) {
    let (id, letter) = (PushId(push), Some(MessageId(letter)));
    let (class, lane, target) = (PushClass::Acked, Lane::Normal, Target::Session(ONE));
    story.pushes_this(Push { id, class, lane, target, position: 0, datagram: false, letter });
}

/// The rules broken when letters come like this to a session that stands in the end.
fn broken(phone: bool, letters: &[u32]) -> Vec<Rule> {
    let mut story = story(phone);
    for (push, letter) in (0..).zip(letters) {
        brings(&mut story, push, *letter);
    }
    story.rests(FIRST).broken()
}

#[test]
fn letters_of_one_sender_come_in_order_and_those_of_two_in_any() {
    assert_eq!(broken(true, &[0, 1, 2]), []);
    assert_eq!(broken(true, &[1, 0, 2]), []);
    assert_eq!(broken(true, &[0, 2, 1]), []);
    assert_eq!(broken(true, &[2, 1, 0]), [Rule::Letters]);
}

#[test]
fn letters_that_come_again_are_no_fault() {
    assert_eq!(broken(true, &[0, 1, 0, 1, 2, 0]), []);
}

#[test]
fn a_letter_that_never_comes_is_missing_in_the_end() {
    assert_eq!(broken(true, &[0, 1]), [Rule::Letters]);
    assert_eq!(broken(true, &[]), [Rule::Letters]);
    let mut nobody = story(true);
    nobody.tells(Event::Ended { session: ONE, reason: "left" });
    assert_eq!(nobody.broken(), [], "nobody is there to see it");
}

#[test]
fn a_push_that_was_given_up_is_made_good_by_another_one_of_its_letter() {
    let mut story = story(true);
    pushes(&mut story, 0, 0);
    [(1, 0), (2, 1), (3, 2)].into_iter().for_each(|(push, letter)| {
        brings(&mut story, push, letter);
    });
    assert_eq!(story.rests(FIRST).broken(), []);
}

#[test]
fn a_phone_is_owed_what_was_stored_before_its_session_and_a_desktop_is_not() {
    let later = |phone| {
        let mut story = Story::dtalk();
        story.tells(stored(0, ALICE)).tells(Event::Served { session: ONE, phone });
        story.tells(stored(1, ALICE));
        brings(&mut story, 0, 1);
        story.rests(FIRST).broken()
    };
    assert_eq!(later(false), []);
    assert_eq!(later(true), [Rule::Letters]);
}

#[test]
fn what_a_client_saw_in_one_session_it_need_not_see_in_the_next() {
    let next = Session(1);
    let judge = |letters: [u32; 2]| {
        let mut story = story(true);
        brings(&mut story, 0, letters[0]);
        brings(&mut story, 1, letters[1]);
        story.tells(Event::Ended { session: ONE, reason: "expired" });
        story.dials(crate::story::dial(SECOND, 0, Dialect::Dtalk)).tells(connected(next, SECOND));
        story.opens(SECOND, false).tells(Event::Served { session: next, phone: true });
        let (id, letter) = (PushId(2), Some(MessageId(2)));
        let (class, lane, target) = (PushClass::Acked, Lane::Normal, Target::Session(next));
        story.pushes_this(Push { id, class, lane, target, position: 0, datagram: false, letter });
        story.tells(Event::Saw { attempt: SECOND, push: id, seq: 1 });
        story.tells(Event::Acked { session: next, push: id });
        story.tells(Event::Stands { client: ClientId(0), attempt: SECOND }).tells(Event::Rested);
        story.tells(Event::Ended { session: next, reason: "draining" }).broken()
    };
    assert_eq!(judge([0, 1]), []);
    assert_eq!(judge([1, 1]), [Rule::Letters]);
}

#[test]
fn letters_are_stored_in_the_order_of_their_sender() {
    let mut story = Story::dtalk();
    story.tells(stored(1, ALICE)).tells(stored(0, ALICE));
    story.tells(Event::Ended { session: ONE, reason: "left" });
    assert_eq!(story.broken(), [Rule::Letters]);
}

#[test]
fn a_session_that_the_router_forgot_is_a_fault() {
    let mut story = Story::dtalk();
    story.tells(Event::Stored { letter: MessageId(0), sender: ALICE, user: 5 });
    assert_eq!(story.rests(FIRST).broken(), [Rule::Letters]);
}
