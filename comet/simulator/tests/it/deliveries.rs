//! Loss, duplicates, order, keys, and who sees what.

use comet_simulator::Rule;
use comet_simulator::history::{Dialect, Event, Lane, MissingGap, PushClass, Session};

use crate::story::{FIRST, ONE, SECOND, Story, connected, dial, gap};

const ALL_LANES: [Lane; 3] = [Lane::Signal, Lane::Normal, Lane::Bulk];

#[test]
fn what_is_seen_in_order_and_acked_breaks_nothing() {
    for dialect in [Dialect::Comet, Dialect::Dtalk] {
        let mut story = if dialect == Dialect::Comet { Story::comet() } else { Story::dtalk() };
        story.acked(0..4).sees(FIRST, 0..2).acks(0..2).comes_back(dialect).sees(SECOND, 2..4);
        assert_eq!(story.acks(2..4).rests(SECOND).broken(), [], "{dialect:?}");
    }
}

#[test]
fn a_delivery_that_never_comes_is_a_loss() {
    let mut story = Story::comet();
    story.acked(0..2).sees(FIRST, 0..1).acks(0..1).rests(FIRST);
    assert_eq!(story.broken(), [Rule::NoLoss]);
}

#[test]
fn a_delivery_that_is_stepped_over_is_a_loss_also_if_the_session_ends() {
    let mut story = Story::comet();
    story.acked(0..3).sees(FIRST, [0, 2]).tells(Event::Ended { session: ONE, reason: "kicked" });
    assert_eq!(story.broken(), [Rule::NoLoss]);
}

#[test]
fn a_gap_that_is_told_before_covers_what_is_stepped_over() {
    let mut story = Story::comet();
    let missing = Event::Missing { session: ONE, gap: gap(1) };
    story.acked(0..3).sees(FIRST, [0]).tells(missing.clone());
    story.tells(Event::SawGap { attempt: FIRST, gap: gap(1) }).sees(FIRST, [2]).acks([0, 2]);
    assert_eq!(story.rests(FIRST).broken(), []);

    let mut late = Story::comet();
    late.acked(0..3).sees(FIRST, [0, 2]).tells(missing);
    late.tells(Event::SawGap { attempt: FIRST, gap: gap(1) }).acks([0, 2]);
    assert_eq!(late.rests(FIRST).broken(), [Rule::NoLoss], "told too late");
}

#[test]
fn a_lane_may_pass_another_one_but_nothing_passes_within_it() {
    for (first, second) in ALL_LANES.iter().flat_map(|one| ALL_LANES.map(|two| (*one, two))) {
        let mut story = Story::comet();
        story.pushes(0, PushClass::Acked, first).pushes(1, PushClass::Acked, second);
        story.sees(FIRST, [1, 0]).acks([0, 1]).rests(FIRST);
        let broken = story.broken();
        assert_eq!(broken.contains(&Rule::Order), first == second, "{first:?}, {second:?}");
    }
}

#[test]
fn a_comet_client_sees_nothing_twice() {
    let mut story = Story::comet();
    story.acked(0..1).sees(FIRST, [0]).comes_back(Dialect::Comet).sees(SECOND, [0]).acks([0]);
    assert_eq!(story.rests(SECOND).broken(), [Rule::NoDuplicate]);
}

#[test]
fn a_dtalk_client_sees_again_what_was_not_acked_and_nothing_else() {
    let mut again = Story::dtalk();
    again.acked(0..2).sees(FIRST, 0..2).comes_back(Dialect::Dtalk).sees(SECOND, 0..2).acks(0..2);
    assert_eq!(again.rests(SECOND).broken(), []);

    let mut acked = Story::dtalk();
    acked.acked(0..1).sees(FIRST, [0]).acks([0]).comes_back(Dialect::Dtalk).sees(SECOND, [0]);
    assert_eq!(acked.rests(SECOND).broken(), [Rule::NoDuplicate]);

    let mut at_once = Story::dtalk();
    at_once.acked(0..1).sees(FIRST, [0, 0]).acks([0]);
    assert!(at_once.rests(FIRST).broken().contains(&Rule::NoDuplicate));
}

#[test]
fn an_ack_of_what_nobody_saw_is_a_loss_and_one_that_is_told_twice_is_wrong() {
    let mut unseen = Story::comet();
    unseen.acked(0..1).acks([0]).rests(FIRST);
    assert_eq!(unseen.broken(), [Rule::NoLoss]);

    let mut twice = Story::comet();
    twice.acked(0..1).sees(FIRST, [0]).acks([0, 0]).rests(FIRST);
    assert_eq!(twice.broken(), [Rule::Life]);

    let mut never = Story::comet();
    never.acked(0..1).sees(FIRST, [0]).rests(FIRST);
    assert_eq!(never.broken(), [Rule::Liveness]);
}

#[test]
fn best_effort_comes_once_and_in_order_or_is_told_to_be_missing() {
    let best_effort = |ids: &[u32]| {
        let mut story = Story::comet();
        story.pushes(0, PushClass::BestEffort, Lane::Normal);
        story.pushes(1, PushClass::BestEffort, Lane::Normal).sees(FIRST, ids.iter().copied());
        story
    };
    assert_eq!(best_effort(&[0, 1]).rests(FIRST).broken(), []);
    assert_eq!(best_effort(&[1, 0]).rests(FIRST).broken(), [Rule::Order]);
    assert_eq!(best_effort(&[0, 0, 1]).rests(FIRST).broken(), [Rule::NoDuplicate]);
    assert_eq!(best_effort(&[1]).rests(FIRST).broken(), [Rule::NoLoss]);
    let unnumbered = MissingGap { from: 0, to: 0, ..gap(1) };
    let mut told = best_effort(&[1]);
    told.tells(Event::SawGap { attempt: FIRST, gap: unnumbered.clone() });
    assert_eq!(told.rests(FIRST).broken(), [Rule::NoLoss], "the router has not heard of it");
    let mut told = best_effort(&[1]);
    told.tells(Event::SawGap { attempt: FIRST, gap: unnumbered.clone() });
    told.tells(Event::Dropped { session: ONE, gap: unnumbered });
    assert_eq!(told.rests(FIRST).broken(), []);
    let mut lost = best_effort(&[1]);
    lost.comes_back(Dialect::Comet);
    assert_eq!(lost.rests(SECOND).broken(), [], "it may go with its connection");
}

#[test]
fn of_best_effort_that_a_dtalk_client_does_not_get_the_router_is_told_the_count() {
    let told = |count: Option<u64>| {
        let mut story = Story::dtalk();
        (0..2).for_each(|id| {
            story.pushes(id, PushClass::BestEffort, Lane::Normal);
        });
        if let Some(count) = count {
            let gap = MissingGap { from: 0, to: 0, ..gap(count) };
            story.tells(Event::Dropped { session: ONE, gap });
        }
        story.sees(FIRST, [1]).rests(FIRST).broken()
    };
    assert_eq!(told(Some(1)), []);
    assert_eq!(told(None), [Rule::NoLoss]);
    assert_eq!(told(Some(2)), [Rule::HonestGap]);
}

#[test]
fn the_newest_of_a_key_comes_and_nothing_older_after_it() {
    let latest = |ids: &[u32]| {
        let mut story = Story::comet();
        (0..3).for_each(|id| {
            story.pushes(id, PushClass::Latest(9), Lane::Normal);
        });
        story.sees(FIRST, ids.iter().copied()).rests(FIRST).broken()
    };
    assert_eq!(latest(&[0, 1, 2]), []);
    assert_eq!(latest(&[2]), [], "older ones may be left out");
    assert_eq!(latest(&[2, 1]), [Rule::Latest]);
    assert_eq!(latest(&[0, 1]), [Rule::Latest]);
    assert_eq!(latest(&[2, 2]), [Rule::Latest]);
}

#[test]
fn nobody_sees_what_was_not_pushed_to_him() {
    let mut unknown = Story::comet();
    unknown.sees(FIRST, [0]).rests(FIRST);
    assert_eq!(unknown.broken(), [Rule::NoStray]);

    let mut foreign = Story::comet();
    foreign.acked(0..1).sees(FIRST, [0]).acks([0]);
    let other = Session(1);
    foreign.dials(dial(SECOND, 1, Dialect::Comet)).tells(connected(other, SECOND));
    foreign.opens(SECOND, false).sees(SECOND, [0]).rests(FIRST);
    foreign.tells(Event::Ended { session: other, reason: "draining" });
    assert_eq!(foreign.broken(), [Rule::NoStray]);
}
