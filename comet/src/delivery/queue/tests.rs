//! Queues: lanes, limits, and a gap for every loss.

use super::super::Log;
use super::*;
use crate::time::Time;
use crate::{Class, Delivery, GapReason};

const LIMITS: QueueLimits = QueueLimits { entries: 4, bytes: 100 };

fn held(account: &Rc<Account>, lane: Lane, body: &'static str) -> Rc<Held> {
    Held::delivery(Time::START, account, Delivery::acked(body).lane(lane), None).unwrap()
}

fn push(queue: &mut Queue, lane: Lane, body: &'static str, limits: &QueueLimits) -> bool {
    let item = held(&Rc::clone(queue.charge.account()), lane, body);
    queue.push(&item, None, false, limits).is_ok()
}

/// Pushes a delivery, giving up the oldest.
fn push_out(queue: &mut Queue, lane: Lane, body: &'static str) -> bool {
    let item = held(&Rc::clone(queue.charge.account()), lane, body);
    queue.push(&item, None, true, &LIMITS).is_ok()
}

/// Bodies, and gaps as "-count".
fn drain(queue: &mut Queue) -> Vec<String> {
    std::iter::from_fn(|| queue.pop(|_, _| true))
        .map(|held| match &held.item {
            super::super::Item::Delivery(delivery) => {
                String::from_utf8_lossy(&delivery.body).into_owned()
            }
            super::super::Item::Gap(gap) => format!("-{}", gap.count),
        })
        .collect()
}

#[test]
fn signals_go_first_and_bulk_gets_a_fifth_of_the_rest() {
    let limits = QueueLimits { entries: 100, ..LIMITS };
    let mut queue = Queue::new(&Account::unlimited(), Pass::FIRST);
    for body in ["b1", "b2"] {
        assert!(push(&mut queue, Lane::Bulk, body, &limits));
    }
    for body in ["n1", "n2", "n3", "n4", "n5"] {
        assert!(push(&mut queue, Lane::Normal, body, &limits));
    }
    assert!(push(&mut queue, Lane::Signal, "s", &limits));
    assert_eq!(drain(&mut queue), ["s", "n1", "n2", "n3", "n4", "b1", "n5", "b2"]);
}

#[test]
fn a_lane_that_is_held_back_lets_the_others_pass_and_goes_on_where_it_was() {
    let limits = QueueLimits { entries: 400, bytes: 10_000 };
    let mut queue = Queue::new(&Account::unlimited(), Pass::FIRST);
    assert!(push(&mut queue, Lane::Bulk, "b1", &limits));
    assert!(!queue.lets_pass(Lane::Normal), "something waits");
    assert!(!queue.hold(1 << Lane::Bulk as u8), "none is let go");
    assert!(queue.lets_pass(Lane::Normal) && queue.lets_pass(Lane::Signal));
    assert!(!queue.lets_pass(Lane::Bulk));
    for _ in 0..300 {
        assert!(push(&mut queue, Lane::Normal, "n", &limits));
    }
    assert_eq!(drain(&mut queue), ["n"; 300]);
    assert!(!queue.hold(1 << Lane::Bulk as u8 | 1 << Lane::Signal as u8));
    assert!(push(&mut queue, Lane::Signal, "s", &limits));
    assert!(drain(&mut queue).is_empty() && !queue.lets_pass(Lane::Signal));
    assert!(queue.hold(1 << Lane::Signal as u8), "bulk is let go");
    assert_eq!(drain(&mut queue), ["b1"]);
    assert!(queue.hold(0));
    assert_eq!(drain(&mut queue), ["s"]);
}

#[test]
fn a_gap_is_told_in_the_lane_of_what_is_missing() {
    let mut queue = Queue::new(&Account::unlimited(), Pass::FIRST);
    for lane in [Lane::Bulk, Lane::Signal] {
        let item = held(&Account::unlimited(), lane, "x");
        queue.lose(lane, &item.given_up(GapReason::Slow).unwrap()).unwrap();
    }
    let lanes = std::iter::from_fn(|| queue.pop(|_, _| true)).map(|gap| gap.lane());
    assert_eq!(lanes.collect::<Vec<_>>(), [Lane::Signal, Lane::Bulk]);
}

#[test]
fn a_full_queue_refuses_or_gives_up_the_oldest_of_the_least_urgent() {
    let mut queue = Queue::new(&Account::unlimited(), Pass::FIRST);
    assert!(push(&mut queue, Lane::Normal, "n1", &LIMITS));
    assert!(push(&mut queue, Lane::Bulk, "b1", &LIMITS));
    assert!(push(&mut queue, Lane::Bulk, "b2", &LIMITS));
    assert!(push(&mut queue, Lane::Normal, "n2", &LIMITS));
    assert!(!push(&mut queue, Lane::Normal, "n3", &LIMITS));
    // The gap itself is an entry: two more bulk entries go for one new one.
    assert!(push_out(&mut queue, Lane::Normal, "n3"));
    assert_eq!(drain(&mut queue), ["n1", "n2", "n3", "-2"]);
}

#[test]
fn a_delivery_longer_than_the_queue_is_refused_and_can_be_said_to_be_lost() {
    let mut queue = Queue::new(&Account::unlimited(), Pass::FIRST);
    assert!(push_out(&mut queue, Lane::Normal, "n1"));
    let long = held(&Account::unlimited(), Lane::Normal, "x".repeat(101).leak());
    assert!(queue.push(&long, None, true, &LIMITS).is_err());
    let gap = long.given_up(GapReason::TooLarge).unwrap();
    queue.lose(Lane::Normal, &gap).unwrap();
    assert_eq!(drain(&mut queue), ["-1", "-1"], "two reasons, two gaps");
}

#[test]
fn gaps_of_many_records_are_summed_up_and_never_lost() {
    let mut queue = Queue::new(&Account::unlimited(), Pass::FIRST);
    for number in 0..100u64 {
        let room = Some(format!("room-{}", number % 20).into());
        let (class, reason, position) = (Class::Acked, GapReason::Slow, 0);
        let gap = Gap { class, count: 1, reason, room, position, replay: None };
        queue.lose(Lane::Normal, &gap).unwrap();
    }
    let gaps = drain(&mut queue);
    assert!(gaps.len() <= GAPS);
    let count: u64 = gaps.iter().map(|gap| gap[1..].parse::<u64>().unwrap()).sum();
    assert_eq!(count, 100);
}

#[test]
fn giving_up_leaves_exact_ranges_and_no_memory() {
    let account = Account::unlimited();
    let mut queue = Queue::new(&account, Pass::FIRST);
    let log = Log::new(&account, &"r".into());
    for position in 10..14 {
        let item = Delivery::acked("x").position(position);
        let item = Held::delivery(Time::START, &account, item, None).unwrap();
        let index = log.borrow_mut().append(&item, 100, 1_000);
        queue.push(&item, Some(&Logged { log: Rc::clone(&log), index }), false, &LIMITS).unwrap();
    }
    assert_eq!(queue.deliveries(), 4);
    assert_eq!(queue.give_up(GapReason::Memory), Ok(true));
    assert_eq!(queue.give_up(GapReason::Memory), Ok(false));
    let told = queue.pop(|_, _| true).unwrap();
    let super::super::Item::Gap(gap) = &told.item else { panic!("a gap") };
    assert_eq!((gap.count, gap.position, gap.room.as_deref()), (4, 10, Some("r")));
    assert_eq!(gap.reason, GapReason::Memory);
    drop((told, queue, log));
    assert_eq!(account.used(), 0);
}

#[test]
fn a_busy_room_costs_a_slow_reader_one_entry() {
    let account = Account::unlimited();
    let log = Log::new(&account, &"r".into());
    let mut queues: Vec<Queue> = (0..100).map(|_| Queue::new(&account, Pass::FIRST)).collect();
    let before = account.used();
    for position in 1..=50 {
        let item =
            Held::delivery(Time::START, &account, Delivery::acked("x").position(position), None)
                .unwrap();
        let index = log.borrow_mut().append(&item, 100, 1_000);
        let at = Logged { log: Rc::clone(&log), index };
        queues.iter_mut().for_each(|queue| queue.push(&item, Some(&at), false, &LIMITS).unwrap());
    }
    let each = (account.used() - before) / 100;
    assert!(each <= 128 + 200, "{each} bytes for each of 100 readers, the log shared by them");
    assert!(queues.iter().all(|queue| queue.deliveries() == 50));
}

#[test]
fn what_was_taken_out_and_put_back_is_first_again() {
    let mut queue = Queue::new(&Account::unlimited(), Pass::FIRST);
    assert!(push(&mut queue, Lane::Normal, "one", &LIMITS));
    assert!(push(&mut queue, Lane::Normal, "two", &LIMITS));
    let one = queue.pop(|_, _| true).unwrap();
    queue.restore(one).unwrap();
    assert_eq!(drain(&mut queue), ["one", "two"]);
}

/// Pushes a replayable delivery in a pass; its tag is its body.
fn push_again(queue: &mut Queue, tag: u64, pass: Pass) -> bool {
    let delivery = Delivery::acked(tag.to_string()).tag(tag).replayable(pass);
    let item =
        Held::delivery(Time::START, &Rc::clone(queue.charge.account()), delivery, None).unwrap();
    let taken = queue.push(&item, None, false, &LIMITS).is_ok();
    if !taken {
        queue.lose(Lane::Normal, &item.given_up(GapReason::Slow).unwrap()).unwrap();
    }
    taken
}

/// Replays requested by the remaining entries, each with its count.
fn asked(queue: &mut Queue) -> Vec<(u64, Option<Replay>)> {
    std::iter::from_fn(|| queue.pop(|_, _| true))
        .filter_map(|held| match &held.item {
            super::super::Item::Gap(gap) => Some((gap.count, gap.replay)),
            super::super::Item::Delivery(_) => None,
        })
        .collect()
}

#[test]
fn a_loss_of_something_replayable_begins_a_pass_and_asks_for_the_first_that_is_missing() {
    let mut queue = Queue::new(&Account::unlimited(), Pass::FIRST);
    for tag in 1..=4 {
        assert!(push_again(&mut queue, tag, Pass::FIRST));
    }
    assert!(!push_again(&mut queue, 5, Pass::FIRST));
    let next = Pass::FIRST.next();
    assert_eq!(queue.pass(), next);
    // A delivery in transit is not a loss of its own.
    assert!(!push_again(&mut queue, 6, Pass::FIRST));
    assert_eq!(queue.pass(), next);
    assert_eq!(asked(&mut queue), [(1, Some(Replay { from: 5, pass: next }))]);
    assert!(push_again(&mut queue, 5, next));
}

#[test]
fn a_second_loss_before_the_first_is_told_asks_once_for_the_earlier() {
    let mut queue = Queue::new(&Account::unlimited(), Pass::FIRST);
    for tag in 1..=5 {
        push_again(&mut queue, tag, Pass::FIRST);
    }
    assert_eq!(queue.give_up(GapReason::Memory), Ok(true));
    let pass = Pass::FIRST.next().next();
    assert_eq!(asked(&mut queue), [(5, Some(Replay { from: 1, pass }))]);
}

#[test]
fn a_queue_that_gives_up_for_others_gives_up_what_comes_again_last_and_from_its_end() {
    let mut queue = Queue::new(&Account::unlimited(), Pass::FIRST);
    for tag in 1..=2 {
        assert!(push_again(&mut queue, tag, Pass::FIRST));
    }
    for body in ["n1", "n2"] {
        assert!(push_out(&mut queue, Lane::Normal, body));
    }
    // The gap itself is an entry: two others go for one new one.
    assert!(push_out(&mut queue, Lane::Signal, "s"));
    assert_eq!(drain(&mut queue), ["s", "1", "2", "-2"]);
    assert_eq!(queue.pass(), Pass::FIRST, "everything replayable is there");

    for tag in 1..=4 {
        assert!(push_again(&mut queue, tag, Pass::FIRST));
    }
    push_again(&mut queue, 5, Pass::FIRST);
    // Five entries with the gap: two go for one, and the gap absorbs them.
    assert!(push_out(&mut queue, Lane::Signal, "s"));
    let pass = Pass::FIRST.next().next().next();
    assert_eq!(asked(&mut queue), [(3, Some(Replay { from: 3, pass }))]);
}

#[test]
fn what_is_too_long_is_not_asked_for_again() {
    let delivery = Delivery::acked("x").tag(1).replayable(Pass::FIRST);
    let item = Held::delivery(Time::START, &Account::unlimited(), delivery, None).unwrap();
    assert_eq!(item.given_up(GapReason::TooLarge).unwrap().replay, None);
    assert!(item.given_up(GapReason::Memory).unwrap().replay.is_some());
}
