//! Histories in which memory is short: who may notice.

use comet_simulator::history::{
    Attempt, Dial, Dialect, Event, Lane, MissingGap, Push, PushClass, PushId, Session, Target,
};
use comet_simulator::{History, Rule, check};

use crate::story::{FIRST, ONE, SECOND, Story, connected, dial, gap};

const TALKER: Session = Session(1);

/// Somebody who is offered much and has read nothing of it, and somebody who reads all.
fn story(offered: u32) -> Story {
    let mut story = Story::comet();
    story.tells(Event::Fault { attempt: FIRST, what: "is read no more" });
    for id in 0..offered {
        let (id, target) = (PushId(id), Target::Session(ONE));
        let class = PushClass::BestEffort;
        story.pushes_this(Push {
            id,
            class,
            lane: Lane::Normal,
            target,
            position: 0,
            datagram: false,
            letter: None,
        });
    }
    let steady = Dial { steady: true, ..dial(SECOND, 3, Dialect::Comet) };
    story.dials(steady).tells(connected(TALKER, SECOND)).opens(SECOND, false);
    story
}

fn is_unfair(mut story: Story, what: Event) -> bool {
    story.tells(what);
    story.broken().contains(&Rule::Fairness)
}

#[test]
fn a_talker_is_not_shed_while_somebody_who_reads_nothing_holds_more() {
    let shed = || Event::Ended { session: TALKER, reason: "shed" };
    assert!(is_unfair(story(100), shed()));
    assert!(is_unfair(story(100), Event::Parked { session: TALKER, reason: "shed" }));
    assert!(!is_unfair(story(3), shed()), "who does not?");
    assert!(!is_unfair(story(100), Event::Ended { session: TALKER, reason: "by_peer" }));
    assert!(!is_unfair(story(100), Event::Ended { session: ONE, reason: "shed" }));
}

#[test]
fn a_talker_misses_nothing_while_somebody_who_reads_nothing_holds_more() {
    let gap = |reason| {
        let gap = MissingGap { reason, ..gap(1) };
        Event::Missing { session: TALKER, gap }
    };
    assert!(is_unfair(story(100), gap("memory")));
    assert!(!is_unfair(story(3), gap("memory")));
    assert!(!is_unfair(story(100), gap("slow")));
}

#[test]
fn a_newcomer_is_let_in_while_somebody_who_reads_nothing_holds_much() {
    let newcomer = Attempt(2);
    let judge = |offered, is_let_in: bool, steady| {
        let mut story = story(offered);
        story.dials(Dial { steady, ..dial(newcomer, 4, Dialect::Comet) });
        if is_let_in {
            story.tells(connected(Session(2), newcomer)).opens(newcomer, false);
        }
        let mut history = History::of(story.0);
        let last = history.entries.len() - 1;
        history.entries.push(history.entries[last].clone());
        history.entries[last + 1].at += 10_000_000;
        history.entries[last + 1].event = Event::Healed;
        check(&history).iter().any(|violation| violation.rule == Rule::Fairness)
    };
    assert!(judge(100, false, true));
    assert!(!judge(100, true, true));
    assert!(!judge(3, false, true), "there is nobody to give way");
    assert!(!judge(100, false, false), "its network may have failed");
}
