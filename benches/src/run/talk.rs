//! Who of a thread's sessions says something now.
//!
//! With an open flow a message that is due is sent, or kept until its session can take it, with
//! the time when it was due. With a closed one, each publisher has a number of messages under way.

use std::collections::VecDeque;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::Talk;
use super::complete::Complete;
use super::desk::{Desk, Stuck, Voice};
use super::wakes::Wakes;
use crate::driver::Time;
use crate::plan::Pick;
use crate::schedule::Schedule;

/// Messages of one kind, as far as this thread's sessions send them.
#[derive(Debug)]
pub(super) struct Lane {
    /// This thread's part of all messages of all kinds.
    pub(super) share: f64,
    /// When its first message is due, in parts of the time between two: threads take turns.
    pub(super) phase: f64,
    pub(super) voices: Vec<Voice>,
    pub(super) pick: Pick,
    schedule: Option<Schedule>,
    turn: usize,
}

/// A message that its session could not take.
#[derive(Clone, Copy, Debug)]
struct Held {
    lane: usize,
    voice: usize,
    due: Time,
}

/// What this thread's sessions say.
#[derive(Debug)]
pub(super) struct Talker {
    lanes: Vec<Lane>,
    talk: Talk,
    held: VecDeque<Held>,
    /// Publishers that could not send when they had to, with a closed flow.
    short: Vec<(usize, usize)>,
    /// The publisher of each stream that is of this thread.
    of: Vec<Option<(usize, usize)>>,
    /// Those whose readers are of other threads as well.
    spread: Vec<(usize, usize)>,
    complete: Complete,
    wakes: Wakes,
    rng: StdRng,
    pub(super) held_back: u64,
    pub(super) unsent: u64,
}

/// Messages that are kept for sessions which cannot take them; more are never sent.
const HELD: usize = 65_536;
/// Sessions that are asked for one message, when it is by chance who sends it.
const CHANCES: usize = 16;
/// Messages that are tried again in one turn.
const TRIES: usize = 64;

impl Lane {
    pub(super) const fn new(share: f64, phase: f64, voices: Vec<Voice>, pick: Pick) -> Self {
        Self { share, phase, voices, pick, schedule: None, turn: 0 }
    }

    /// When its messages are due, of so many a second of all threads.
    fn schedule(&self, from: Time, rate: f64) -> Schedule {
        Schedule::in_phase(from, rate * self.share, self.phase)
    }

    fn next_voice(&mut self, rng: &mut StdRng) -> usize {
        match self.pick {
            Pick::InTurn => {
                let voice = self.turn;
                self.turn = (voice + 1) % self.voices.len();
                voice
            }
            Pick::ByChance => rng.random_range(0..self.voices.len()),
        }
    }
}

impl Talker {
    pub(super) fn new(lanes: Vec<Lane>, complete: Complete, wakes: Wakes, seed: u64) -> Self {
        let (mut of, mut spread) = (vec![None; complete.streams()], Vec::new());
        for (lane, known) in lanes.iter().enumerate() {
            for (voice, Voice { stream, .. }) in known.voices.iter().enumerate() {
                of[*stream as usize] = Some((lane, voice));
                if complete.is_spread(*stream) {
                    spread.push((lane, voice));
                }
            }
        }
        Self {
            lanes,
            talk: Talk::Silent,
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
    pub(super) fn set(&mut self, talk: Talk, from: Time) {
        self.talk = talk;
        self.unsent += self.held.len() as u64;
        self.held.clear();
        self.short.clear();
        for (at, lane) in self.lanes.iter_mut().enumerate() {
            lane.schedule = match talk {
                Talk::Open(rate) => Some(lane.schedule(from, rate)),
                Talk::Silent | Talk::Closed(_) => None,
            };
            if matches!(talk, Talk::Closed(_)) {
                self.short.extend((0..lane.voices.len()).map(|voice| (at, voice)));
            }
        }
    }

    /// Nothing new is said; what waits for its session still goes if that takes it.
    pub(super) fn hush(&mut self) {
        self.talk = Talk::Silent;
        self.short.clear();
        self.lanes.iter_mut().for_each(|lane| lane.schedule = None);
    }

    /// Messages that wait for their sessions.
    pub(super) fn held(&self) -> u64 {
        self.held.len() as u64
    }

    /// What waits is not sent any more; returns when it was due.
    pub(super) fn take_held(&mut self) -> impl Iterator<Item = Time> + '_ {
        self.unsent += self.held.len() as u64;
        self.held.drain(..).map(|held| held.due)
    }

    /// When the next message is due; `None` when that is not a matter of time.
    pub(super) fn next(&self) -> Option<Time> {
        self.lanes.iter().filter_map(|lane| lane.schedule.as_ref()?.next()).min()
    }

    /// Whether something waits that may go in the next turn.
    pub(super) fn is_waiting(&self) -> bool {
        !self.held.is_empty() || !self.short.is_empty()
    }

    /// Sends what is due.
    pub(super) fn speak(&mut self, now: Time, desk: &mut Desk) {
        match self.talk {
            Talk::Silent => self.retry(desk),
            Talk::Open(_) => {
                self.retry(desk);
                (0..self.lanes.len()).for_each(|lane| self.say(now, lane, desk));
            }
            Talk::Closed(window) => self.fill(now, u64::from(window), desk),
        }
    }

    fn say(&mut self, now: Time, at: usize, desk: &mut Desk) {
        let lane = &mut self.lanes[at];
        while let Some(due) = lane.schedule.as_mut().and_then(|schedule| schedule.take(now)) {
            let mut voice = lane.next_voice(&mut self.rng);
            let mut outcome = desk.publish(&lane.voices[voice], due, Some(now));
            for _ in 0..CHANCES {
                // Who is away says nothing; somebody else does.
                if outcome != Err(Stuck::Absent) || lane.pick != Pick::ByChance {
                    break;
                }
                voice = lane.next_voice(&mut self.rng);
                outcome = desk.publish(&lane.voices[voice], due, Some(now));
            }
            if outcome.is_err() {
                self.held_back += 1;
                match self.held.len() {
                    HELD => self.unsent += 1,
                    _ => self.held.push_back(Held { lane: at, voice, due }),
                }
            }
        }
    }

    fn retry(&mut self, desk: &mut Desk) {
        for _ in 0..self.held.len().min(TRIES) {
            let Some(held) = self.held.pop_front() else { return };
            let voice = &self.lanes[held.lane].voices[held.voice];
            if desk.publish(voice, held.due, None).is_err() {
                self.held.push_back(held);
            }
        }
    }

    /// Gives every publisher that has fewer messages under way the next ones.
    fn fill(&mut self, now: Time, window: u64, desk: &mut Desk) {
        let mut short = std::mem::take(&mut self.short);
        if let Some(rounds) = &mut desk.audience.rounds {
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
            let voice = &self.lanes[lane].voices[at];
            while desk.ledger.sent(voice.stream) < self.complete.get(voice.stream) + window {
                if desk.publish(voice, now, Some(now)).is_err() {
                    self.short.push((lane, at));
                    break;
                }
            }
        }
    }

    /// Nothing has come for a while: what is under way is not waited for any more. Returns whether
    /// there was something.
    pub(super) fn give_up(&mut self, desk: &mut Desk) -> bool {
        let Some(rounds) = &mut desk.audience.rounds else { return false };
        let mut was_waiting = false;
        for stream in 0..self.of.len() {
            let Ok(stream) = u32::try_from(stream) else { break };
            let sent = desk.ledger.sent(stream);
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
    use crate::driver::{Driver, Event, Identity, Observer, Route, To, Tuning};
    use crate::latency::Latency;
    use crate::oracle::{Ledger, Oracle};

    fn at(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    /// Two sessions that echo, and are open without any server. Those of comet keep what they
    /// have to say; raw ones cannot.
    fn desk(dialect: Dialect) -> (Desk, Vec<Lane>) {
        let mut ledger = Ledger::new();
        let rooms = [ledger.add_room(1), ledger.add_room(1)];
        let ledger = Arc::new(ledger);
        let mut audience = Audience::new();
        audience.oracle = Oracle::of(Arc::clone(&ledger));
        audience.meter = Some(Meter::new(at(0)..at(1_000)));
        audience.rounds = Some(Rounds::new([1, 1]));
        let mut driver = Driver::new(Tuning::default()).unwrap();
        let routes: Arc<[Route]> = Arc::new([Route::tcp("127.0.0.1:9".parse().unwrap())]);
        let mut voices = Vec::new();
        for (room, stream) in rooms {
            let me = Identity::new(format!("u{room}"), []);
            let session = driver.add(dialect, me, Arc::clone(&routes), 0);
            audience.add(at(0), &[room]);
            audience.handle(at(0), session, Event::Opened { resumed: false, welcome: None });
            voices.push(Voice { session, stream, to: To::Rooms });
        }
        let (lag, body) = (Latency::new(), 64);
        let (sent, sent_within, is_answered) = (0, 0, false);
        let desk = Desk { driver, audience, ledger, body, is_answered, sent, sent_within, lag };
        (desk, vec![Lane::new(1.0, 0.0, voices, Pick::InTurn)])
    }

    fn talker(lanes: Vec<Lane>) -> Talker {
        let complete = Complete::new(&[vec![1, 1]]).pop().unwrap();
        Talker::new(lanes, complete, Wakes::default(), 1)
    }

    fn sent(desk: &Desk) -> [u64; 2] {
        [0, 1].map(|stream| desk.ledger.sent(stream))
    }

    #[test]
    fn what_is_due_is_said_in_turn_however_late_it_is() {
        let (mut desk, lanes) = desk(Dialect::Comet);
        let mut talker = talker(lanes);
        talker.set(Talk::Open(100.0), at(10));
        assert_eq!(talker.next(), Some(at(10)));
        talker.speak(at(9), &mut desk);
        assert_eq!(sent(&desk), [0, 0]);
        talker.speak(at(35), &mut desk);
        assert_eq!((sent(&desk), talker.next()), ([2, 1], Some(at(40))));
        assert_eq!((desk.sent_within, desk.lag.len()), (3, 3));
        assert!((desk.lag.ms(1.0) - 25.0).abs() < 0.1, "{}", desk.lag.ms(1.0));
        talker.set(Talk::Silent, at(40));
        talker.speak(at(90), &mut desk);
        assert_eq!((sent(&desk), talker.next()), ([2, 1], None));
    }

    #[test]
    fn what_a_session_cannot_take_waits_and_is_counted() {
        let (mut desk, lanes) = desk(Dialect::Raw);
        let mut talker = talker(lanes);
        talker.set(Talk::Open(100.0), at(0));
        talker.speak(at(25), &mut desk);
        assert!(talker.is_waiting());
        assert_eq!((talker.held_back, talker.unsent, sent(&desk)), (3, 0, [0, 0]));
        talker.hush();
        assert_eq!((talker.unsent, talker.held(), talker.next()), (0, 3, None));
        assert_eq!(talker.take_held().collect::<Vec<_>>(), [at(0), at(10), at(20)]);
        assert_eq!((talker.unsent, talker.is_waiting()), (3, false));
    }

    #[test]
    fn what_waits_when_all_falls_silent_still_goes_when_its_session_is_there() {
        let (mut desk, lanes) = desk(Dialect::Comet);
        let until = at(25) + Duration::from_secs(60);
        desk.audience.handle(at(0), 0, Event::Waiting { until });
        let mut talker = talker(lanes);
        talker.set(Talk::Open(100.0), at(0));
        talker.speak(at(25), &mut desk);
        talker.hush();
        talker.speak(at(40), &mut desk);
        assert_eq!((talker.held(), sent(&desk)), (2, [0, 1]));
        desk.audience.handle(at(50), 0, Event::Opened { resumed: true, welcome: None });
        talker.speak(at(60), &mut desk);
        assert_eq!((talker.held(), talker.unsent, sent(&desk)), (0, 0, [2, 1]));
    }

    #[test]
    fn each_publisher_keeps_its_window_under_way() {
        let (mut desk, lanes) = desk(Dialect::Comet);
        let mut talker = talker(lanes);
        talker.set(Talk::Closed(3), at(0));
        talker.speak(at(1), &mut desk);
        talker.speak(at(2), &mut desk);
        assert_eq!(sent(&desk), [3, 3]);
        let rounds = desk.audience.rounds.as_mut().unwrap();
        (1..=2).for_each(|counter| rounds.handle(1, counter));
        talker.speak(at(3), &mut desk);
        assert_eq!((sent(&desk), talker.is_waiting()), ([3, 5], false));
        assert!(talker.give_up(&mut desk), "nothing else came");
        talker.speak(at(4), &mut desk);
        assert_eq!(sent(&desk), [6, 8]);
    }

    #[test]
    fn threads_take_turns_so_that_all_messages_are_evenly_apart() {
        let lane = |phase| Lane::new(0.25, phase, Vec::new(), Pick::InTurn);
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
        let (mut desk, mut lanes) = desk(Dialect::Comet);
        lanes[0].share = 0.25;
        let mut talker = talker(lanes);
        talker.set(Talk::Open(400.0), at(0));
        talker.speak(at(99), &mut desk);
        assert_eq!(sent(&desk).iter().sum::<u64>(), 10);
        assert_eq!(talker.next(), Some(at(0) + Duration::from_millis(100)));
    }
}
