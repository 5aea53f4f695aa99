//! The oracle with correct runs, and with runs that are wrong in one way.

use std::sync::Arc;

use comet_protocol::client::Time;
use comet_protocol::comet::{Gap, Seq};

use super::{ExpectedDelivery, FaultKind, Ledger, Oracle, Stamp, Verdict};

const DUE: Time = Time::from_micros(5);

/// A room of publishers and one reader, with some messages of each publisher.
fn room(publishers: usize, each: u64) -> Oracle {
    let mut oracle = Oracle::new();
    let (room, first) = oracle.add_room(publishers);
    oracle.add_reader(&[room]);
    for publisher in (first..).take(publishers) {
        for counter in 1..=each {
            assert_eq!(oracle.next_counter(publisher), counter);
            oracle.handle_sent(publisher, DUE);
        }
    }
    oracle
}

fn receive(oracle: &mut Oracle, publisher: u32, counters: impl IntoIterator<Item = u64>) {
    for counter in counters {
        let stamp = Stamp { publisher, counter, due: DUE };
        let _judged = oracle.handle_body(0, &stamp.body(64));
    }
}

fn gap(oracle: &mut Oracle, count: u64) {
    oracle.handle_gap(0, Seq::NONE, Seq::NONE, &Gap { count, ..Gap::default() });
}

fn faults(verdict: &Verdict) -> Vec<(FaultKind, u64)> {
    verdict.faults.counts().to_vec()
}

#[test]
fn a_run_in_which_all_came_once_and_in_order_has_no_fault() {
    let mut oracle = room(2, 3);
    receive(&mut oracle, 0, [1, 2]);
    receive(&mut oracle, 1, [1, 2, 3]);
    assert_eq!(oracle.outstanding(), 1);
    receive(&mut oracle, 0, [3]);
    assert_eq!((oracle.outstanding(), oracle.behind(0)), (0, 0));
    let verdict = oracle.finish();
    assert_eq!((faults(&verdict), verdict.expected, verdict.received), (vec![], 6, 6));
}

#[test]
fn what_never_came_is_lost_in_the_middle_and_at_the_end() {
    let mut oracle = room(2, 5);
    receive(&mut oracle, 0, [1, 4]);
    receive(&mut oracle, 1, 1..=5);
    let verdict = oracle.finish();
    assert_eq!(faults(&verdict), [(FaultKind::Lost, 3)]);
    assert_eq!(verdict.faults.first()[0].evidence, "3 missing (1 at the end), gaps told 0");
}

#[test]
fn repeated_and_late_messages_are_faults_of_their_own() {
    let mut oracle = room(2, 3);
    receive(&mut oracle, 0, [1, 3, 2, 3]);
    receive(&mut oracle, 1, 1..=3);
    let verdict = oracle.finish();
    assert_eq!(faults(&verdict), [(FaultKind::OutOfOrder, 1), (FaultKind::Duplicate, 1)]);
}

#[test]
fn a_gap_pays_for_exactly_what_is_missing() {
    let mut oracle = room(1, 9);
    receive(&mut oracle, 0, [1]);
    gap(&mut oracle, 2);
    gap(&mut oracle, 1);
    receive(&mut oracle, 0, 5..=7);
    gap(&mut oracle, 2);
    assert_eq!(oracle.outstanding(), 0);
    let verdict = oracle.finish();
    assert_eq!((faults(&verdict), verdict.told, verdict.gaps), (vec![], 5, 3));
}

#[test]
fn a_gap_that_counts_too_few_or_too_many_is_found_where_it_is() {
    let mut oracle = room(1, 9);
    receive(&mut oracle, 0, [1]);
    gap(&mut oracle, 2);
    receive(&mut oracle, 0, [5]);
    gap(&mut oracle, 4);
    receive(&mut oracle, 0, 9..=9);
    let verdict = oracle.finish();
    assert_eq!(faults(&verdict), [(FaultKind::Lost, 1), (FaultKind::WrongGap, 1)]);
}

#[test]
fn gaps_of_a_room_with_many_publishers_are_weighed_at_the_end() {
    let mut oracle = room(2, 4);
    receive(&mut oracle, 0, [1]);
    gap(&mut oracle, 4);
    receive(&mut oracle, 1, [3]);
    receive(&mut oracle, 0, [4]);
    receive(&mut oracle, 1, [4]);
    assert_eq!(faults(&oracle.finish()), []);
}

#[test]
fn numbers_that_had_arrived_do_not_count_in_a_gap() {
    let mut oracle = room(1, 6);
    receive(&mut oracle, 0, 1..=3);
    let told = Gap { from: 2, count: 4, ..Gap::default() };
    oracle.handle_gap(0, Seq::new(4), Seq::new(5), &told);
    receive(&mut oracle, 0, [6]);
    assert_eq!(faults(&oracle.finish()), []);
}

#[test]
fn a_gap_without_a_count_says_too_little() {
    let mut oracle = room(1, 1);
    gap(&mut oracle, 0);
    receive(&mut oracle, 0, [1]);
    assert_eq!(faults(&oracle.finish()), [(FaultKind::WrongGap, 1)]);
}

#[test]
fn messages_of_other_rooms_and_of_nobody_are_strays() {
    let mut oracle = room(1, 1);
    let (_other, publisher) = oracle.add_room(1);
    oracle.handle_sent(publisher, DUE);
    receive(&mut oracle, publisher, [1]);
    receive(&mut oracle, 9, [1]);
    receive(&mut oracle, 0, [2]);
    receive(&mut oracle, 0, [1]);
    assert_eq!(oracle.handle_body(0, b"who knows"), None);
    let found = [(FaultKind::Stray, 3), (FaultKind::Damaged, 1)];
    assert_eq!(faults(&oracle.finish()), found);
}

#[test]
fn a_session_that_begins_anew_is_a_fault_and_no_longer_waited_for() {
    let mut oracle = Oracle::new();
    let (room, publisher) = oracle.add_room(1);
    oracle.add_reader(&[room]);
    oracle.add_reader(&[room]);
    (0..4).for_each(|_| oracle.handle_sent(publisher, DUE));
    receive(&mut oracle, 0, [1]);
    oracle.handle_reset(0, || "expired".into());
    receive(&mut oracle, 0, [4]);
    assert_eq!(oracle.outstanding(), 4, "what the other one waits for");
    oracle.handle_ended(1, || "refused".into());
    oracle.handle_ended(1, || "again".into());
    assert_eq!(oracle.outstanding(), 0);
    oracle.handle_sent(publisher, DUE);
    assert_eq!(oracle.outstanding(), 0);
    assert_eq!(faults(&oracle.finish()), [(FaultKind::Reset, 1), (FaultKind::Ended, 2)]);
}

#[test]
fn a_reader_of_several_rooms_gets_what_is_said_in_each() {
    let mut oracle = Oracle::new();
    let rooms = [oracle.add_room(2), oracle.add_room(1), oracle.add_room(1)];
    oracle.add_reader(&[rooms[2].0, rooms[0].0]);
    for stream in [0, 1, 2, 3, 3] {
        oracle.handle_sent(stream, DUE);
    }
    receive(&mut oracle, 3, [1, 2]);
    receive(&mut oracle, 1, [1]);
    assert_eq!((oracle.outstanding(), oracle.behind(0)), (1, 1));
    receive(&mut oracle, 2, [1]);
    let verdict = oracle.finish();
    assert_eq!(faults(&verdict), [(FaultKind::Stray, 1), (FaultKind::Lost, 1)]);
    assert_eq!((verdict.expected, verdict.received), (4, 3));
}

#[test]
fn who_leaves_is_owed_nothing_until_it_returns() {
    let mut oracle = room(1, 2);
    receive(&mut oracle, 0, [1]);
    oracle.handle_left(0);
    assert_eq!(oracle.outstanding(), 0);
    (0..3).for_each(|_| oracle.handle_sent(0, DUE));
    oracle.handle_returned(0);
    receive(&mut oracle, 0, [5]);
    (0..2).for_each(|_| oracle.handle_sent(0, DUE));
    assert_eq!(oracle.outstanding(), 2);
    receive(&mut oracle, 0, [7]);
    oracle.handle_left(0);
    oracle.handle_sent(0, DUE);
    let verdict = oracle.finish();
    assert_eq!(faults(&verdict), [(FaultKind::Lost, 1)]);
    assert_eq!((verdict.expected, verdict.received), (4, 3));
}

#[test]
fn a_gap_before_leaving_pays_for_nothing_that_comes_later() {
    for publishers in [1, 2] {
        let mut oracle = room(publishers, 4);
        receive(&mut oracle, 0, [1]);
        gap(&mut oracle, 3);
        oracle.handle_left(0);
        oracle.handle_returned(0);
        assert_eq!((oracle.outstanding(), oracle.settled()), (0, 1));
        (0..4).for_each(|_| oracle.handle_sent(0, DUE));
        receive(&mut oracle, 0, [5]);
        assert_eq!(oracle.outstanding(), 3);
        receive(&mut oracle, 0, [8]);
        let verdict = oracle.finish();
        assert_eq!(faults(&verdict), [(FaultKind::Lost, 2)], "{publishers} publishers");
        assert_eq!((verdict.expected, verdict.received, verdict.told), (5, 3, 0));
    }
}

#[test]
fn a_gap_that_was_used_up_before_leaving_is_still_good() {
    let mut oracle = room(2, 4);
    receive(&mut oracle, 0, [1]);
    gap(&mut oracle, 3);
    receive(&mut oracle, 0, [4]);
    oracle.handle_left(0);
    oracle.handle_returned(0);
    let verdict = oracle.finish();
    assert_eq!(faults(&verdict), []);
    assert_eq!((verdict.expected, verdict.received, verdict.told), (4, 2, 2));
}

#[test]
fn threads_judge_their_own_readers_by_what_all_have_sent() {
    let mut ledger = Ledger::new();
    let (room, publisher) = ledger.add_room(1);
    let ledger = Arc::new(ledger);
    let mut oracles = [Oracle::of(Arc::clone(&ledger)), Oracle::of(ledger)];
    oracles.iter_mut().for_each(|oracle| oracle.add_reader(&[room]));
    oracles[0].handle_sent(publisher, DUE);
    receive(&mut oracles[1], publisher, [1]);
    assert_eq!(oracles.each_ref().map(Oracle::outstanding), [1, 0]);
    let verdicts = oracles.map(Oracle::finish);
    assert_eq!(verdicts.each_ref().map(|verdict| faults(verdict).len()), [1, 0]);
}

#[test]
fn a_short_body_is_judged_like_a_long_one() {
    let mut ledger = Ledger::new();
    let (room, publisher) = ledger.add_room(1);
    ledger.keep_dues();
    let mut oracle = Oracle::of(Arc::new(ledger));
    oracle.add_reader(&[room]);
    (0..3).for_each(|_| oracle.handle_sent(publisher, DUE));
    let body = |counter| Stamp { publisher, counter, due: Time::from_micros(0) }.body(10);
    let arrived = ExpectedDelivery { stream: publisher, counter: 1, due: Some(DUE) };
    assert_eq!(oracle.handle_body(0, &body(1)), Some(arrived));
    let _judged = [3, 3, 4].map(|counter| oracle.handle_body(0, &body(counter)));
    let found = [(FaultKind::Lost, 1), (FaultKind::Duplicate, 1), (FaultKind::Stray, 1)];
    assert_eq!(faults(&oracle.finish()), found);
}

#[test]
fn who_has_stalled_may_get_anything_or_nothing_but_nothing_twice_and_all_in_order() {
    let mut oracle = room(1, 9);
    receive(&mut oracle, 0, [1]);
    oracle.handle_stalled(0, true);
    assert_eq!((oracle.outstanding(), oracle.behind(0), oracle.is_lenient(0)), (0, 8, true));
    receive(&mut oracle, 0, [2, 5, 7]);
    oracle.handle_going_on(0);
    assert_eq!((oracle.outstanding(), oracle.faults()), (0, 0));
    let verdict = oracle.finish();
    assert_eq!((faults(&verdict), verdict.expected, verdict.received), (vec![], 4, 4));
    assert_eq!(verdict.forgone, 5);
    let mut oracle = room(1, 9);
    oracle.handle_stalled(0, true);
    receive(&mut oracle, 0, [4, 4, 2, 2]);
    let verdict = oracle.finish();
    assert_eq!(faults(&verdict), [(FaultKind::Duplicate, 2), (FaultKind::OutOfOrder, 1)]);
    assert_eq!((verdict.received, verdict.forgone), (2, 7));
}

#[test]
fn who_has_stalled_where_gaps_tell_is_waited_for_when_it_goes_on() {
    let mut oracle = room(1, 9);
    receive(&mut oracle, 0, [1]);
    oracle.handle_stalled(0, false);
    assert_eq!((oracle.outstanding(), oracle.behind(0)), (0, 8));
    oracle.handle_going_on(0);
    assert_eq!(oracle.outstanding(), 8);
    receive(&mut oracle, 0, [2]);
    gap(&mut oracle, 5);
    receive(&mut oracle, 0, [9]);
    let verdict = oracle.finish();
    assert_eq!(faults(&verdict), [(FaultKind::Lost, 1)]);
    assert_eq!((verdict.told, verdict.forgone), (5, 0));
}

#[test]
fn who_was_ended_as_it_stalled_is_owed_nothing_when_it_is_back() {
    let mut oracle = room(2, 4);
    receive(&mut oracle, 0, [1]);
    oracle.handle_stalled(0, true);
    oracle.handle_left(0);
    oracle.handle_going_on(0);
    oracle.handle_returned(0);
    for counter in 5..=7 {
        assert_eq!(oracle.next_counter(1), counter);
        oracle.handle_sent(1, DUE);
    }
    receive(&mut oracle, 1, [6, 7]);
    let verdict = oracle.finish();
    assert_eq!((faults(&verdict), verdict.received, verdict.forgone), (vec![], 3, 8));
}
