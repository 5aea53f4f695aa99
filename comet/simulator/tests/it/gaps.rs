//! Contents of gaps.

use comet_simulator::Rule;
use comet_simulator::history::{Event, Lane, MissingGap, Push, PushClass, PushId, Session, Target};

use crate::story::{FIRST, ONE, Story, gap};

/// A session in room 3, whose record gets positions 10 to 13; the client misses 11 and 12.
fn with_gap(gap: MissingGap) -> Story {
    let mut story = Story::comet();
    story.tells(Event::Joined { session: ONE, room: 3 });
    for id in 0..4 {
        let (class, lane, target) = (PushClass::Acked, Lane::Normal, Target::Room(3));
        let position = 10 + u64::from(id);
        story.pushes_this(Push {
            id: PushId(id),
            class,
            lane,
            target,
            position,
            datagram: false,
            letter: None,
        });
    }
    story.sees(FIRST, [0]).tells(Event::Missing { session: ONE, gap: gap.clone() });
    story.tells(Event::SawGap { attempt: FIRST, gap }).sees(FIRST, [3]).acks([0, 3]).rests(FIRST);
    story
}

#[test]
fn a_gap_names_exactly_what_is_missing() {
    let exact = MissingGap { room: Some(3), position: 11, ..gap(2) };
    assert_eq!(with_gap(exact.clone()).broken(), []);
    assert_eq!(with_gap(gap(2)).broken(), [], "the count alone will do");
    let wrong = [
        MissingGap { position: 12, ..exact.clone() },
        MissingGap { position: 10, ..exact.clone() },
        MissingGap { room: Some(4), ..exact.clone() },
        MissingGap { room: None, ..exact.clone() },
        MissingGap { count: 3, ..exact },
        gap(3),
    ];
    for gap in wrong {
        let broken = with_gap(gap.clone()).broken();
        assert!(broken.contains(&Rule::HonestGap), "{gap}: {broken:?}");
    }
    assert_eq!(with_gap(gap(1)).broken(), [Rule::NoLoss], "one was not told of");
}

#[test]
fn a_gap_where_nothing_is_missing_is_not_honest() {
    for count in [0, 1] {
        let mut story = Story::comet();
        story.acked(0..1).tells(Event::Missing { session: ONE, gap: gap(count) });
        story.tells(Event::SawGap { attempt: FIRST, gap: gap(count) });
        story.sees(FIRST, [0]).acks([0]).rests(FIRST);
        assert_eq!(story.broken(), [Rule::HonestGap], "of {count}");
    }
}

#[test]
fn a_client_and_its_router_are_told_the_same() {
    let mut story = Story::comet();
    story.acked(0..1).tells(Event::SawGap { attempt: FIRST, gap: gap(1) }).rests(FIRST);
    assert_eq!(story.broken(), [Rule::HonestGap]);
}

#[test]
fn of_a_dtalk_client_the_router_is_told() {
    let told = |count: Option<u64>| {
        let mut story = Story::dtalk();
        story.acked(0..2);
        if let Some(count) = count {
            let gap = MissingGap { from: 0, to: 0, ..gap(count) };
            story.tells(Event::Missing { session: ONE, gap });
        }
        story.sees(FIRST, [1]).acks([1]).rests(FIRST).broken()
    };
    assert_eq!(told(Some(1)), []);
    assert_eq!(told(None), [Rule::NoLoss]);
    assert_eq!(told(Some(2)), [Rule::HonestGap]);
}

#[test]
fn nobody_is_told_of_a_gap_in_a_session_that_is_not_there() {
    let mut story = Story::comet();
    story.tells(Event::Missing { session: Session(9), gap: gap(1) }).rests(FIRST);
    assert_eq!(story.broken(), [Rule::Life]);
}
