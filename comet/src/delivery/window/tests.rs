//! Windows on a virtual clock.

use super::*;
use crate::Delivery;
use crate::delivery::Held;
use proptest::prelude::*;
use std::time::Duration;

const LIMITS: WindowLimits = WindowLimits {
    window: 3,
    window_bytes: 100,
    queue: QueueLimits { entries: 2, bytes: 50 },
    rto: 2_000,
    max_rto: 10_000,
    attempts: 3,
    overdue: u32::MAX,
};

fn body(len: usize) -> Rc<Held> {
    let delivery = Delivery::acked(vec![7; len]).tag(len as u64);
    Held::delivery(Time::START, &Account::unlimited(), delivery, None).unwrap()
}

fn window(salt: u32) -> Window {
    Window::new(&Account::unlimited(), salt, true).unwrap()
}

fn at(millis: u64) -> Time {
    Time::START + Duration::from_millis(millis)
}

/// Time until something may be due.
fn due_in(window: &Window, now: Time) -> Option<Duration> {
    window.due_at(now).map(|due| due.since(now))
}

fn push_at(window: &mut Window, now: Time, len: usize) -> Result<Option<u32>, QueueError> {
    let item = body(len);
    match window.push(now, std::slice::from_ref(&item), &LIMITS) {
        Pushed { first, count: 1, .. } => Ok(Some(first.get())),
        _ => window.queue().push(&item, None, false, &LIMITS.queue).map(|()| None),
    }
}

fn push(window: &mut Window, len: usize) -> Result<Option<u32>, QueueError> {
    push_at(window, at(0), len)
}

fn ack(window: &mut Window, now: Time, seq: u32) -> Ack {
    window.ack(now, Seq::new(seq))
}

#[test]
fn a_lane_that_is_held_back_keeps_its_deliveries_from_taking_numbers() {
    let mut window = window(7);
    assert_eq!(push(&mut window, 10), Ok(Some(1)));
    assert!(!window.queue().hold(1 << crate::Lane::Normal as u8));
    assert_eq!(push(&mut window, 11), Ok(None));
    assert!(window.poll_transmit(at(0), &LIMITS).is_none());
    assert_eq!(ack(&mut window, at(9), 1), Ack::Fresh(10));
    window.release();
    assert!(window.queue().hold(0));
    let next = window.poll_transmit(at(9), &LIMITS).unwrap();
    assert_eq!((next.seq.get(), next.item.len()), (2, 11));
    assert!(!window.queue().hold(1 << crate::Lane::Normal as u8));
    window.replay();
    assert_eq!(window.poll_transmit(at(9), &LIMITS).unwrap().seq.get(), 2);
    assert_eq!(push(&mut window, 12), Ok(Some(3)), "another connection has other streams");
}

#[test]
fn a_full_window_queues_and_a_full_queue_gives_back_without_taking_a_number() {
    let mut window = window(7);
    for seq in 1..=3 {
        assert_eq!(push(&mut window, 10), Ok(Some(seq)));
    }
    assert_eq!(push(&mut window, 11), Ok(None));
    assert_eq!(push(&mut window, 12), Ok(None));
    assert_eq!(push(&mut window, 13), Err(QueueError::Full));

    assert_eq!(ack(&mut window, at(5), 1), Ack::Fresh(10));
    let next = window.poll_transmit(at(5), &LIMITS).unwrap();
    assert_eq!((next.seq.get(), next.item.tag()), (4, 11), "no hole where 13 was refused");
    assert!(window.poll_transmit(at(5), &LIMITS).is_none());
}

#[test]
fn bytes_bound_the_window_but_one_delivery_always_flies() {
    let mut window = window(7);
    assert_eq!(push(&mut window, 500), Ok(Some(1)));
    assert_eq!(push(&mut window, 1), Ok(None));
    assert_eq!(push(&mut window, 50), Err(QueueError::Full), "51 waiting bytes are too many");
    assert_eq!(ack(&mut window, at(1), 1), Ack::Fresh(500));
    assert_eq!(window.poll_transmit(at(1), &LIMITS).unwrap().seq.get(), 2);
}

#[test]
fn acks_out_of_order_free_in_order() {
    let mut window = window(7);
    (0..3).for_each(|_| assert!(push(&mut window, 1).is_ok()));
    assert_eq!(ack(&mut window, at(1), 3), Ack::Fresh(1));
    assert_eq!(ack(&mut window, at(1), 2), Ack::Fresh(1));
    assert_eq!(window.in_flight(), 3);
    assert_eq!(ack(&mut window, at(1), 1), Ack::Fresh(1));
    assert_eq!(window.in_flight(), 0);
}

#[test]
fn acks_of_the_future_of_nothing_and_repeated_ones_change_nothing() {
    let mut window = window(7);
    (0..2).for_each(|_| assert!(push(&mut window, 1).is_ok()));
    assert_eq!(ack(&mut window, at(1), 1), Ack::Fresh(1));
    assert_eq!(ack(&mut window, at(1), 1), Ack::Repeated);
    for seq in [0, 3, 4, 1_000, u32::MAX, i32::MAX as u32] {
        assert_eq!(ack(&mut window, at(1), seq), Ack::Unknown, "{seq}");
    }
    assert_eq!(window.in_flight(), 1);
}

#[test]
fn an_unacked_delivery_is_sent_again_after_two_seconds_then_backs_off_then_gives_up() {
    let mut window = window(7);
    assert_eq!(push(&mut window, 1), Ok(Some(1)));
    let due = due_in(&window, at(0)).unwrap();
    assert!((2_000..=2_250).contains(&due.as_millis()), "{due:?}");
    assert_eq!(window.handle_timeout(at(1_999), false, &LIMITS), Due::Nothing);

    let first = at(0) + due;
    assert_eq!(window.handle_timeout(first, false, &LIMITS), Due::Resend);
    assert_eq!(window.poll_resend(first, &LIMITS).unwrap().seq.get(), 1);
    assert!(window.poll_resend(first, &LIMITS).is_none());

    let second = due_in(&window, first).unwrap();
    assert!((4_000..=4_500).contains(&second.as_millis()), "{second:?}");
    let second = first + second;
    assert_eq!(window.handle_timeout(second, false, &LIMITS), Due::Resend);
    assert!(window.poll_resend(second, &LIMITS).is_some());
    assert!(window.poll_resend(second, &LIMITS).is_none());

    let third = second + due_in(&window, second).unwrap();
    assert_eq!(window.handle_timeout(third, false, &LIMITS), Due::Exhausted);
}

#[test]
fn a_new_delivery_is_due_in_its_own_time_while_an_old_one_has_backed_off() {
    let mut window = window(7);
    assert_eq!(push(&mut window, 1), Ok(Some(1)));
    let again = at(0) + due_in(&window, at(0)).unwrap();
    assert_eq!(window.handle_timeout(again, false, &LIMITS), Due::Resend);
    assert_eq!(window.poll_resend(again, &LIMITS).unwrap().seq.get(), 1);
    assert!(window.poll_resend(again, &LIMITS).is_none());
    assert!(due_in(&window, again).unwrap() >= Duration::from_secs(4));

    assert_eq!(push_at(&mut window, again, 1), Ok(Some(2)));
    let due = due_in(&window, again).unwrap();
    assert!((2_000..=2_250).contains(&due.as_millis()), "{due:?}");
    assert_eq!(window.handle_timeout(again + due, false, &LIMITS), Due::Resend);
    assert_eq!(window.poll_resend(again + due, &LIMITS).unwrap().seq.get(), 2);
}

#[test]
fn several_due_deliveries_are_sent_again_oldest_first_and_only_if_unacked() {
    let mut window = window(7);
    (0..3).for_each(|_| assert!(push(&mut window, 1).is_ok()));
    assert_eq!(ack(&mut window, at(1), 2), Ack::Fresh(1));
    let late = at(2_500);
    assert_eq!(window.handle_timeout(late, false, &LIMITS), Due::Resend);
    let again: Vec<u32> = std::iter::from_fn(|| window.poll_resend(late, &LIMITS))
        .map(|next| next.seq.get())
        .collect();
    assert_eq!(again, [1, 3]);
}

#[test]
fn what_was_sent_together_is_due_together_but_not_with_other_windows() {
    let due = |salt: u32| {
        let mut window = window(salt);
        (0..3).for_each(|_| assert!(push(&mut window, 1).is_ok()));
        let due = due_in(&window, at(0)).unwrap();
        assert_eq!(window.handle_timeout(at(0) + due, false, &LIMITS), Due::Resend);
        let again = std::iter::from_fn(|| window.poll_resend(at(0) + due, &LIMITS));
        assert_eq!(again.map(|next| next.seq.get()).collect::<Vec<_>>(), [1, 2, 3]);
        due
    };
    let dues: std::collections::HashSet<Duration> = (0..200).map(due).collect();
    assert!(dues.len() > 100, "200 windows are due at {} moments", dues.len());
}

#[test]
fn a_restart_sends_what_is_unacked_again_from_1_before_anything_newer() {
    let mut window = window(0);
    (10..15).for_each(|len| assert!(push(&mut window, len).is_ok()));
    assert_eq!(ack(&mut window, at(1), 2), Ack::Fresh(11));
    window.restart(true).unwrap();
    assert_eq!((window.in_flight(), window.queue().deliveries()), (0, 4));
    let again: Vec<(u32, u64)> = std::iter::from_fn(|| window.poll_transmit(at(2), &LIMITS))
        .map(|next| (next.seq.get(), next.item.tag()))
        .collect();
    assert_eq!(again, [(1, 10), (2, 12), (3, 13)]);
    assert_eq!(ack(&mut window, at(3), 1), Ack::Fresh(10));
    assert_eq!(window.poll_transmit(at(3), &LIMITS).unwrap().item.tag(), 14);
}

#[test]
fn a_blocked_socket_puts_resends_off() {
    let mut window = window(7);
    assert!(push(&mut window, 1).is_ok());
    assert_eq!(window.handle_timeout(at(2_500), true, &LIMITS), Due::Nothing);
    assert!(due_in(&window, at(2_500)).unwrap() >= Duration::from_secs(2));
}

#[test]
fn the_clock_may_wrap() {
    let mut window = window(7);
    let late = Time::from_micros((u64::from(u32::MAX) - 500) * 1_000);
    assert_eq!(push_at(&mut window, late, 1), Ok(Some(1)));
    let before = late + Duration::from_millis(1_999);
    assert_eq!(window.handle_timeout(before, false, &LIMITS), Due::Nothing);
    let after = late + Duration::from_millis(2_300);
    assert_eq!(window.handle_timeout(after, false, &LIMITS), Due::Resend);
}

#[derive(Clone, Debug)]
enum Step {
    Push(usize),
    Ack(u32),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0usize..60).prop_map(Step::Push),
        (0u32..40).prop_map(Step::Ack),
        (0u64..3_000).prop_map(Step::Wait),
    ]
}

proptest! {
    /// Every delivery taken is first sent in the order taken, under consecutive numbers; sent
    /// again only while unacknowledged; and memory stays within the limits.
    #[test]
    fn numbers_are_counted_as_one_by_one(
        first in prop_oneof![1..20u32, u32::MAX - 20..=u32::MAX],
        numbers in 0..6usize,
        up_to in prop_oneof![0..30u32, u32::MAX - 30..=u32::MAX],
    ) {
        let mut window = window(7);
        window.first = Seq::new(first);
        for _ in 0..numbers {
            window.in_flight.push_back(InFlight { item: None, sent_at: 0, attempts: 1 });
        }
        let one_by_one = std::iter::successors(Some(window.first), |seq| Some(seq.next()))
            .take(numbers)
            .take_while(|seq| !seq.is_after(Seq::new(up_to)));
        prop_assert_eq!(window.count_up_to(Seq::new(up_to)), one_by_one.count());
    }

    #[test]
    fn nothing_is_lost_reordered_or_unbounded(steps in prop::collection::vec(step(), 1..200)) {
        let (mut window, mut now) = (window(7), at(0));
        let (mut taken, mut sent) = (Vec::new(), Vec::new());
        let mut acked = std::collections::HashSet::new();
        for step in steps {
            match step {
                Step::Push(len) => {
                    match push_at(&mut window, now, len) {
                        Ok(Some(seq)) => { taken.push(len); sent.push((seq, len)); }
                        Ok(None) => taken.push(len),
                        Err(_) => {}
                    }
                }
                Step::Ack(seq) => {
                    let known = sent.iter().any(|&(other, _)| other == seq);
                    let expected = match (known, acked.insert(seq)) {
                        (true, true) => Ack::Fresh(sent[seq as usize - 1].1 as u64),
                        (true, false) => Ack::Repeated,
                        (false, _) => { acked.remove(&seq); Ack::Unknown }
                    };
                    prop_assert_eq!(ack(&mut window, now, seq), expected);
                }
                Step::Wait(millis) => {
                    now = now + Duration::from_millis(millis);
                    if window.handle_timeout(now, false, &LIMITS) == Due::Exhausted {
                        break;
                    }
                    let mut last = 0;
                    while let Some(again) = window.poll_resend(now, &LIMITS) {
                        prop_assert!(!acked.contains(&again.seq.get()));
                        prop_assert!(again.seq.get() > last);
                        last = again.seq.get();
                    }
                }
            }
            while let Some(next) = window.poll_transmit(now, &LIMITS) {
                sent.push((next.seq.get(), next.item.len()));
            }
            prop_assert!(window.in_flight() <= 3 && window.queue().deliveries() <= 2);
            prop_assert!(window.in_flight() == 0 || due_in(&window, now).is_some());
        }
        for (index, (seq, len)) in sent.iter().enumerate() {
            prop_assert_eq!(*seq as usize, index + 1);
            prop_assert_eq!(*len, taken[index]);
        }
    }
}

#[test]
fn what_is_pushed_together_flies_as_far_as_there_is_room() {
    let mut window = window(7);
    let items: Vec<_> = [10, 11, 12, 13].map(body).into();
    let pushed = window.push(at(0), &items, &LIMITS);
    assert_eq!(pushed, Pushed { first: Seq::FIRST, count: 3, due: window.due_at(at(0)) });
    assert!(pushed.due.is_some());
    assert_eq!(window.bytes(), 33);
    assert_eq!(window.push(at(1), &items[3..], &LIMITS).count, 0);
    assert_eq!(ack(&mut window, at(1), 1), Ack::Fresh(10));
    let pushed = window.push(at(1), &items[3..], &LIMITS);
    assert_eq!(pushed, Pushed { first: Seq::new(4), count: 1, due: None });
    assert_eq!(window.push(at(1), &[], &LIMITS), Pushed::NONE);
}

#[test]
fn what_is_pushed_while_others_have_backed_off_is_due_sooner() {
    let mut window = window(7);
    assert_eq!(push(&mut window, 1), Ok(Some(1)));
    let first = at(0) + due_in(&window, at(0)).unwrap();
    assert_eq!(window.handle_timeout(first, false, &LIMITS), Due::Resend);
    assert!(window.poll_resend(first, &LIMITS).is_some());
    assert!(window.poll_resend(first, &LIMITS).is_none());
    assert!(due_in(&window, first).unwrap() > Duration::from_secs(3));
    let pushed = window.push(first, &[body(1)], &LIMITS);
    assert_eq!(pushed.due, window.due_at(first));
    assert!(due_in(&window, first).unwrap() < Duration::from_secs(3));
}
