//! Publishers of a thread: the next messages, and the sessions that send them.
//!
//! In an open loop a due message is sent, or kept until its session can take it, with the time when
//! it was due. In a closed loop each publisher has a number of messages under way.

use std::collections::VecDeque;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::Pace;
use super::complete::Complete;
use super::sender::{Publisher, SendError, Sender};
use super::wakes::Wakes;
use crate::driver::Time;
use crate::plan::Pick;
use crate::schedule::Schedule;

/// Messages of one kind, as far as this thread's sessions send them.
#[derive(Debug)]
pub(super) struct ThreadTraffic {
    /// This thread's part of all messages of all kinds.
    pub(super) share: f64,
    /// Phase of its first message, in parts of the interval: threads take turns.
    pub(super) phase: f64,
    pub(super) publishers: Vec<Publisher>,
    pub(super) pick: Pick,
    schedule: Option<Schedule>,
    turn: usize,
}

/// A message that its session could not take.
#[derive(Clone, Copy, Debug)]
struct DeferredMessage {
    lane: usize,
    publisher: usize,
    due: Time,
}

/// Publishers of a thread.
#[derive(Debug)]
pub(super) struct Publishers {
    lanes: Vec<ThreadTraffic>,
    pace: Pace,
    held: VecDeque<DeferredMessage>,
    /// Publishers that could not send when they had to, with a closed flow.
    short: Vec<(usize, usize)>,
    /// The publisher of each stream of this thread.
    of: Vec<Option<(usize, usize)>>,
    /// Publishers with readers on other threads as well.
    spread: Vec<(usize, usize)>,
    complete: Complete,
    wakes: Wakes,
    rng: StdRng,
    pub(super) held_back: u64,
    pub(super) unsent: u64,
}

/// Messages that are kept for sessions which cannot take them; more are never sent.
const HELD: usize = 65_536;
/// Sessions that are tried for one message, when its sender is chosen by chance.
const CHANCES: usize = 16;
/// Messages that are tried again in one turn.
const TRIES: usize = 256;

impl ThreadTraffic {
    pub(super) const fn new(
        share: f64,
        phase: f64,
        publishers: Vec<Publisher>,
        pick: Pick,
    ) -> Self {
        Self { share, phase, publishers, pick, schedule: None, turn: 0 }
    }

    /// Due times of its messages, at a rate of all threads.
    fn schedule(&self, from: Time, rate: f64) -> Schedule {
        Schedule::in_phase(from, rate * self.share, self.phase)
    }

    fn next_publisher(&mut self, rng: &mut StdRng) -> usize {
        match self.pick {
            Pick::InTurn => {
                let publisher = self.turn;
                self.turn = (publisher + 1) % self.publishers.len();
                publisher
            }
            Pick::ByChance => rng.random_range(0..self.publishers.len()),
        }
    }
}

impl Publishers {
    pub(super) fn new(
        lanes: Vec<ThreadTraffic>,
        complete: Complete,
        wakes: Wakes,
        seed: u64,
    ) -> Self {
        let (mut of, mut spread) = (vec![None; complete.streams()], Vec::new());
        for (lane, known) in lanes.iter().enumerate() {
            for (publisher, Publisher { stream, .. }) in known.publishers.iter().enumerate() {
                of[*stream as usize] = Some((lane, publisher));
                if complete.is_spread(*stream) {
                    spread.push((lane, publisher));
                }
            }
        }
        Self {
            lanes,
            pace: Pace::Silent,
            held: VecDeque::new(),
            short: Vec::new(),
            of,
            spread,
            complete,
            wakes,
            rng: StdRng::seed_from_u64(seed),
            held_back: 0,
            unsent: 0,
        }
    }

    /// From now on messages flow like this.
    pub(super) fn set(&mut self, pace: Pace, from: Time) {
        self.pace = pace;
        self.unsent += self.held.len() as u64;
        self.held.clear();
        self.short.clear();
        for (at, lane) in self.lanes.iter_mut().enumerate() {
            lane.schedule = match pace {
                Pace::Open(rate) => Some(lane.schedule(from, rate)),
                Pace::Silent | Pace::Closed(_) => None,
            };
            if matches!(pace, Pace::Closed(_)) {
                self.short.extend((0..lane.publishers.len()).map(|publisher| (at, publisher)));
            }
        }
    }

    /// Stops new messages; held ones still go if their session takes them.
    pub(super) fn stop_sending(&mut self) {
        self.pace = Pace::Silent;
        self.short.clear();
        self.lanes.iter_mut().for_each(|lane| lane.schedule = None);
    }

    /// Messages that wait for their sessions.
    pub(super) fn held(&self) -> u64 {
        self.held.len() as u64
    }

    /// Drops held messages; returns their due times.
    pub(super) fn take_held(&mut self) -> impl Iterator<Item = Time> + '_ {
        self.unsent += self.held.len() as u64;
        self.held.drain(..).map(|held| held.due)
    }

    /// Time when the next message is due; `None` when it depends on events.
    pub(super) fn next(&self) -> Option<Time> {
        self.lanes.iter().filter_map(|lane| lane.schedule.as_ref()?.next()).min()
    }

    /// Whether something waits that may go in the next turn.
    pub(super) fn is_waiting(&self) -> bool {
        !self.held.is_empty() || !self.short.is_empty()
    }

    /// Sends due messages.
    pub(super) fn send_due(&mut self, now: Time, sender: &mut Sender) {
        match self.pace {
            Pace::Silent => self.retry(sender),
            Pace::Open(_) => {
                self.retry(sender);
                (0..self.lanes.len()).for_each(|lane| self.send_open(now, lane, sender));
            }
            Pace::Closed(window) => self.fill(now, u64::from(window), sender),
        }
    }

    fn send_open(&mut self, now: Time, at: usize, sender: &mut Sender) {
        let lane = &mut self.lanes[at];
        while let Some(due) = lane.schedule.as_mut().and_then(|schedule| schedule.take(now)) {
            let mut publisher = lane.next_publisher(&mut self.rng);
            let mut outcome = sender.publish(&lane.publishers[publisher], due, Some(now));
            for _ in 0..CHANCES {
                // An absent session sends nothing; another does.
                if outcome != Err(SendError::Absent) || lane.pick != Pick::ByChance {
                    break;
                }
                publisher = lane.next_publisher(&mut self.rng);
                outcome = sender.publish(&lane.publishers[publisher], due, Some(now));
            }
            if outcome.is_err() {
                self.held_back += 1;
                match self.held.len() {
                    HELD => self.unsent += 1,
                    _ => self.held.push_back(DeferredMessage { lane: at, publisher, due }),
                }
            }
        }
    }

    fn retry(&mut self, sender: &mut Sender) {
        for _ in 0..self.held.len().min(TRIES) {
            let Some(held) = self.held.pop_front() else { return };
            let publisher = &self.lanes[held.lane].publishers[held.publisher];
            if sender.publish(publisher, held.due, None).is_err() {
                self.held.push_back(held);
            }
        }
    }

    /// Gives every publisher that has fewer messages under way the next ones.
    fn fill(&mut self, now: Time, window: u64, sender: &mut Sender) {
        let mut short = std::mem::take(&mut self.short);
        if let Some(rounds) = &mut sender.audience.rounds {
            for (stream, complete) in rounds.take_fresh() {
                self.complete.set(stream, complete);
                match self.of[stream as usize] {
                    Some(own) => short.push(own),
                    None => self.wakes.note(stream),
                }
            }
        }
        self.wakes.wake();
        short.extend(&self.spread);
        for (lane, at) in short.drain(..) {
            let publisher = &self.lanes[lane].publishers[at];
            while sender.ledger.sent(publisher.stream)
                < self.complete.get(publisher.stream) + window
            {
                if sender.publish(publisher, now, Some(now)).is_err() {
                    self.short.push((lane, at));
                    break;
                }
            }
        }
    }

    /// Gives up outstanding messages after a long silence. Returns whether there were any.
    pub(super) fn give_up(&mut self, sender: &mut Sender) -> bool {
        let Some(rounds) = &mut sender.audience.rounds else { return false };
        let mut was_waiting = false;
        for stream in 0..self.of.len() {
            let Ok(stream) = u32::try_from(stream) else { break };
            let sent = sender.ledger.sent(stream);
            if rounds.readers(stream) > 0 && rounds.complete(stream) < sent {
                rounds.give_up(stream, sent);
                was_waiting = true;
            }
        }
        was_waiting
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::audience::{Audience, Meter, Rounds};
    use crate::dialect::Dialect;
    use crate::driver::{Destination, Driver, Event, Identity, Observer, Route, Tuning};
    use crate::latency::Latency;
    use crate::oracle::{Ledger, Oracle};

    fn at(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    /// Two sessions that echo, and are open without any server. Those of comet keep messages; raw
    /// ones cannot.
    fn sender(dialect: Dialect) -> (Sender, Vec<ThreadTraffic>) {
        let mut ledger = Ledger::new();
        let rooms = [ledger.add_room(1), ledger.add_room(1)];
        let ledger = Arc::new(ledger);
        let mut audience = Audience::new();
        audience.oracle = Oracle::of(Arc::clone(&ledger));
        audience.meter = Some(Meter::new(at(0)..at(1_000)));
        audience.rounds = Some(Rounds::new([1, 1]));
        let mut driver = Driver::new(Tuning::default()).unwrap();
        let routes: Arc<[Route]> = Arc::new([Route::tcp("127.0.0.1:9".parse().unwrap())]);
        let mut publishers = Vec::new();
        for (room, stream) in rooms {
            let me = Identity::new(format!("u{room}"), []);
            let session = driver.add(dialect, me, Arc::clone(&routes), 0);
            audience.add(at(0), &[room]);
            audience.handle(at(0), session, Event::Opened { resumed: false, welcome: None });
            publishers.push(Publisher { session, stream, to: Destination::Rooms });
        }
        let (lag, body) = (Latency::new(), 64);
        let (sent, sent_within, is_answered) = (0, 0, false);
        let sender = Sender { driver, audience, ledger, body, is_answered, sent, sent_within, lag };
        (sender, vec![ThreadTraffic::new(1.0, 0.0, publishers, Pick::InTurn)])
    }

    fn publishers(lanes: Vec<ThreadTraffic>) -> Publishers {
        let complete = Complete::new(&[vec![1, 1]]).pop().unwrap();
        Publishers::new(lanes, complete, Wakes::default(), 1)
    }

    fn sent(sender: &Sender) -> [u64; 2] {
        [0, 1].map(|stream| sender.ledger.sent(stream))
    }

    #[test]
    fn what_is_due_is_said_in_turn_however_late_it_is() {
        let (mut sender, lanes) = sender(Dialect::Comet);
        let mut publishers = publishers(lanes);
        publishers.set(Pace::Open(100.0), at(10));
        assert_eq!(publishers.next(), Some(at(10)));
        publishers.send_due(at(9), &mut sender);
        assert_eq!(sent(&sender), [0, 0]);
        publishers.send_due(at(35), &mut sender);
        assert_eq!((sent(&sender), publishers.next()), ([2, 1], Some(at(40))));
        assert_eq!((sender.sent_within, sender.lag.len()), (3, 3));
        assert!((sender.lag.ms(1.0) - 25.0).abs() < 0.1, "{}", sender.lag.ms(1.0));
        publishers.set(Pace::Silent, at(40));
        publishers.send_due(at(90), &mut sender);
        assert_eq!((sent(&sender), publishers.next()), ([2, 1], None));
    }

    #[test]
    fn what_a_session_cannot_take_waits_and_is_counted() {
        let (mut sender, lanes) = sender(Dialect::Raw);
        let mut publishers = publishers(lanes);
        publishers.set(Pace::Open(100.0), at(0));
        publishers.send_due(at(25), &mut sender);
        assert!(publishers.is_waiting());
        assert_eq!((publishers.held_back, publishers.unsent, sent(&sender)), (3, 0, [0, 0]));
        publishers.stop_sending();
        assert_eq!((publishers.unsent, publishers.held(), publishers.next()), (0, 3, None));
        assert_eq!(publishers.take_held().collect::<Vec<_>>(), [at(0), at(10), at(20)]);
        assert_eq!((publishers.unsent, publishers.is_waiting()), (3, false));
    }

    #[test]
    fn what_waits_when_all_falls_silent_still_goes_when_its_session_is_there() {
        let (mut sender, lanes) = sender(Dialect::Comet);
        let until = at(25) + Duration::from_secs(60);
        sender.audience.handle(at(0), 0, Event::Waiting { until });
        let mut publishers = publishers(lanes);
        publishers.set(Pace::Open(100.0), at(0));
        publishers.send_due(at(25), &mut sender);
        publishers.stop_sending();
        publishers.send_due(at(40), &mut sender);
        assert_eq!((publishers.held(), sent(&sender)), (2, [0, 1]));
        sender.audience.handle(at(50), 0, Event::Opened { resumed: true, welcome: None });
        publishers.send_due(at(60), &mut sender);
        assert_eq!((publishers.held(), publishers.unsent, sent(&sender)), (0, 0, [2, 1]));
    }

    #[test]
    fn each_publisher_keeps_its_window_under_way() {
        let (mut sender, lanes) = sender(Dialect::Comet);
        let mut publishers = publishers(lanes);
        publishers.set(Pace::Closed(3), at(0));
        publishers.send_due(at(1), &mut sender);
        publishers.send_due(at(2), &mut sender);
        assert_eq!(sent(&sender), [3, 3]);
        let rounds = sender.audience.rounds.as_mut().unwrap();
        (1..=2).for_each(|counter| rounds.handle(1, counter));
        publishers.send_due(at(3), &mut sender);
        assert_eq!((sent(&sender), publishers.is_waiting()), ([3, 5], false));
        assert!(publishers.give_up(&mut sender), "nothing else came");
        publishers.send_due(at(4), &mut sender);
        assert_eq!(sent(&sender), [6, 8]);
    }

    #[test]
    fn threads_take_turns_so_that_all_messages_are_evenly_apart() {
        let lane = |phase| ThreadTraffic::new(0.25, phase, Vec::new(), Pick::InTurn);
        let mut dues = Vec::new();
        for phase in [0.0, 0.25, 0.5, 0.75] {
            let mut schedule = lane(phase).schedule(at(5), 100.0);
            dues.extend(std::iter::from_fn(|| schedule.take(at(84))));
        }
        dues.sort_unstable();
        assert_eq!(dues, [5, 15, 25, 35, 45, 55, 65, 75].map(at));
    }

    #[test]
    fn a_lane_has_its_share_of_the_rate() {
        let (mut sender, mut lanes) = sender(Dialect::Comet);
        lanes[0].share = 0.25;
        let mut publishers = publishers(lanes);
        publishers.set(Pace::Open(400.0), at(0));
        publishers.send_due(at(99), &mut sender);
        assert_eq!(sent(&sender).iter().sum::<u64>(), 10);
        assert_eq!(publishers.next(), Some(at(0) + Duration::from_millis(100)));
    }
}
