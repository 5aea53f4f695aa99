//! Deliveries that have gone unacknowledged for long. Each is reported once.
//!
//! A delivery has no mark of its own: what was reported follows from the time of the last report,
//! because deliveries age alike.

use super::{Window, WindowLimits};
use crate::delivery::Held;
use crate::time::Time;

/// When overdue deliveries were reported last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told(Option<u32>);

/// Age from which deliveries are reported, and the time of the last report.
#[derive(Clone, Copy)]
struct Report {
    age: u32,
    last: Option<u32>,
}

impl Window {
    /// Tags of the deliveries in flight or waiting that have become overdue, oldest first. A
    /// delivery without a tag is not reported.
    pub(crate) fn take_overdue(&mut self, now: Time, limits: &WindowLimits) -> Vec<u64> {
        let millis = now.wrapping_millis();
        let Some(report) = self.told.report(limits) else { return Vec::new() };
        let mut tags = Vec::new();
        self.each_unreported(report, |item, since| {
            if report.is_overdue(since, millis) {
                tags.push(item.tag());
            }
        });
        self.told = Told(Some(millis));
        tags
    }

    /// Time left until the next delivery is overdue, in milliseconds.
    pub(crate) fn overdue_in(&self, millis: u32, limits: &WindowLimits) -> Option<u32> {
        let report = self.told.report(limits)?;
        let mut least = None;
        self.each_unreported(report, |_, since| {
            let left = report.left(since, millis);
            least = Some(least.map_or(left, |least: u32| least.min(left)));
        });
        least
    }

    /// Makes `due` early enough for the last delivery that was sent, which has waited before.
    pub(super) fn expect_overdue(&mut self, millis: u32, limits: &WindowLimits) {
        let Some(report) = self.told.report(limits) else { return };
        let last = self.in_flight.back().and_then(|entry| entry.item.as_ref());
        let since = last.and_then(|item| item.awaited_since());
        if let Some(since) = since.filter(|&since| !report.is_told(since)) {
            let left = report.left(since, millis).min(self.due.wrapping_sub(millis));
            self.due = millis.wrapping_add(left);
        }
    }

    /// Visits the deliveries that the router waits for and has not been told of as overdue.
    fn each_unreported(&self, report: Report, mut visit: impl FnMut(&Held, u32)) {
        let mut visit_item = |item: &Held| {
            let since = item.awaited_since().filter(|&since| !report.is_told(since));
            if let Some(since) = since {
                visit(item, since);
            }
        };
        self.in_flight.iter().filter_map(|entry| entry.item.as_ref()).for_each(|it| visit_item(it));
        if let Some(queue) = &self.queue {
            queue.each_delivery(visit_item);
        }
    }
}

impl Told {
    /// `None` if nothing is reported.
    fn report(self, limits: &WindowLimits) -> Option<Report> {
        let (age, last) = (limits.overdue, self.0);
        (age < u32::MAX).then_some(Report { age, last })
    }
}

impl Report {
    fn left(self, since: u32, millis: u32) -> u32 {
        self.age.saturating_sub(age(since, millis))
    }

    fn is_overdue(self, since: u32, millis: u32) -> bool {
        age(since, millis) >= self.age
    }

    fn is_told(self, since: u32) -> bool {
        self.last.is_some_and(|last| self.is_overdue(since, last))
    }
}

/// Age at a time, of wrapping milliseconds; 0 before it began.
fn age(since: u32, millis: u32) -> u32 {
    let age = millis.wrapping_sub(since);
    if age > u32::MAX / 2 { 0 } else { age }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::budget::Account;
    use crate::delivery::QueueLimits;
    use crate::{Delivery, Lane};
    use comet_protocol::comet::Seq;

    const AGE: u32 = 15_000;

    const LIMITS: WindowLimits = WindowLimits {
        window: 3,
        window_bytes: 1_000,
        queue: QueueLimits { entries: 100, bytes: 1_000 },
        rto: 2_000,
        max_rto: 60_000,
        attempts: 200,
        overdue: AGE,
    };

    fn at(millis: u32) -> Time {
        Time::START.plus_millis(millis)
    }

    fn window() -> Window {
        Window::new(&Account::unlimited(), 7, true).unwrap()
    }

    /// Pushes a delivery, or queues it.
    fn push(window: &mut Window, now: Time, delivery: Delivery) {
        let item = Held::delivery(now, &Account::unlimited(), delivery, None).unwrap();
        if window.push(now, std::slice::from_ref(&item), &LIMITS).count == 0 {
            window.queue().push(&item, None, false, &LIMITS.queue).unwrap();
        }
    }

    fn tagged(tag: u64) -> Delivery {
        Delivery::acked("x").tag(tag)
    }

    /// The times at which deliveries are reported, by a session's timer: with the time of the
    /// report, and the tag.
    fn reports(window: &mut Window, mut now: Time, until: Time) -> Vec<(u64, u64)> {
        let mut seen = Vec::new();
        while let Some(due) = window.due_at(now).filter(|&due| due <= until) {
            assert!(due > now || window.due_at(now) == Some(now), "it goes on");
            now = due;
            seen.extend(window.take_overdue(now, &LIMITS).iter().map(|&tag| (now.millis(), tag)));
            let _due = window.handle_timeout(now, false, &LIMITS);
            while window.poll_resend(now, &LIMITS).is_some() {}
        }
        seen
    }

    #[test]
    fn a_delivery_in_flight_or_waiting_is_reported_once_at_its_age() {
        let mut window = window();
        for tag in 1..=6 {
            push(&mut window, at(100 * tag), tagged(tag.into()));
        }
        let seen = reports(&mut window, at(600), at(100_000));
        let expected: Vec<_> = (1..=6).map(|tag| (100 * tag + u64::from(AGE), tag)).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn one_that_is_acknowledged_has_no_tag_or_is_a_gap_is_not_reported() {
        let mut window = window();
        push(&mut window, at(0), tagged(1));
        push(&mut window, at(0), tagged(0));
        push(&mut window, at(0), tagged(2));
        window.ack(at(40), Seq::new(3));
        window.give_up(crate::GapReason::Slow).unwrap();
        assert_eq!(reports(&mut window, at(40), at(100_000)), [(AGE.into(), 1)]);
    }

    #[test]
    fn a_parked_window_says_when_the_next_is_overdue() {
        let mut window = window();
        assert_eq!(window.overdue_in(0, &LIMITS), None);
        push(&mut window, at(1_000), tagged(1));
        push(&mut window, at(2_000), tagged(2));
        assert_eq!(window.overdue_in(5_000, &LIMITS), Some(AGE - 4_000));
        assert_eq!(window.take_overdue(at(1_000 + AGE), &LIMITS), [1]);
        assert_eq!(window.overdue_in(1_000 + AGE, &LIMITS), Some(1_000));
        window.restart(true).unwrap();
        assert_eq!(window.take_overdue(at(90_000), &LIMITS), [2], "not 1 again");
        assert_eq!(window.overdue_in(90_000, &LIMITS), None);
    }

    #[test]
    fn without_an_age_nothing_is_reported() {
        let limits = WindowLimits { overdue: u32::MAX, ..LIMITS };
        let mut window = window();
        push(&mut window, at(0), tagged(1));
        assert!(window.take_overdue(at(100_000), &limits).is_empty());
        assert_eq!(window.overdue_in(100_000, &limits), None);
    }

    proptest! {
        #[test]
        fn each_unacknowledged_delivery_is_reported_once_and_never_early(
            pushes in prop::collection::vec((0_u32..4_000, any::<bool>()), 1..20),
            acks in prop::collection::vec((1_u32..20, 0_u32..60_000), 0..10),
        ) {
            let mut window = window();
            let mut events: Vec<(u32, Result<u64, u32>)> = Vec::new();
            let mut pushed_at = 0;
            let mut taken = Vec::new();
            for (tag, &(after, _)) in (1..).zip(&pushes) {
                pushed_at += after;
                taken.push(pushed_at);
                events.push((pushed_at, Ok(tag)));
            }
            events.extend(acks.iter().map(|&(seq, at)| (at, Err(seq))));
            events.sort_by_key(|event| event.0);
            let (mut now, mut seen, mut acked) = (at(0), Vec::new(), Vec::new());
            for (millis, event) in events {
                seen.extend(reports(&mut window, now, at(millis)));
                now = at(millis);
                match event {
                    Ok(tag) => {
                        let signal = pushes[usize::try_from(tag - 1).unwrap()].1;
                        let lane = if signal { Lane::Signal } else { Lane::Normal };
                        push(&mut window, now, tagged(tag).lane(lane));
                    }
                    Err(seq) => {
                        if let super::super::Ack::Fresh(tag) = window.ack(now, Seq::new(seq)) {
                            acked.push(tag);
                        }
                        while window.poll_transmit(now, &LIMITS).is_some() {}
                    }
                }
            }
            seen.extend(reports(&mut window, now, at(400_000)));
            let mut tags: Vec<u64> = seen.iter().map(|&(_, tag)| tag).collect();
            for &(at, tag) in &seen {
                let due = u64::from(taken[usize::try_from(tag - 1).unwrap()] + AGE);
                prop_assert!(at >= due, "{tag} early");
                prop_assert!(at == due, "{tag} late: {at} {due}");
            }
            tags.sort_unstable();
            let all = tags.len();
            tags.dedup();
            prop_assert_eq!(all, tags.len(), "each once");
            let missing = (1..=taken.len() as u64).filter(|tag| !tags.contains(tag));
            prop_assert!(missing.into_iter().all(|tag| acked.contains(&tag)));
        }
    }
}
