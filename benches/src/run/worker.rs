//! One thread of a run: its sessions, and what it was told to do with them.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};
use std::time::Duration;

use super::arrivals::Arrivals;
use super::comings::Comings;
use super::deal::Guests;
use super::desk::Desk;
use super::live::Live;
use super::order::{Order, Reply};
use super::stalls::Stalls;
use super::storm::Storm;
use super::talk::Talker;
use super::{Ended, Finding, Talk};
use crate::audience::{Counts, Meter};
use crate::clock;
use crate::driver::Time;
use crate::host::cores;

/// A worker before its first order.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) desk: Desk,
    pub(super) talker: Talker,
    pub(super) guests: Guests,
    pub(super) stalls: Stalls,
    pub(super) comings: Option<Comings>,
    pub(super) storm: Option<Storm>,
    /// The share of all sessions that this thread has.
    pub(super) share: f64,
    /// The share of the threads before it.
    pub(super) phase: f64,
    /// Whether the driver burns time instead of oversleeping.
    pub(super) is_precise: bool,
    /// Whether other threads go first.
    pub(super) is_behind: bool,
    pub(super) live: Arc<Live>,
}

/// A worker that follows orders.
#[derive(Debug)]
struct Running {
    worker: Worker,
    arrivals: Option<Arrivals>,
    /// Attempts that had come to an end before the arrivals began.
    settled_before: usize,
    is_hushed: bool,
    shown: Time,
    /// Time on a core that was only burnt.
    burnt: Duration,
    /// Time on a core, without what was burnt, when the window began and when it ended.
    cpu: [Option<Duration>; 2],
    stalls: u64,
    /// What had arrived when, the last time that it was more.
    last: (u64, Time),
    is_over: bool,
}

/// How often a thread shows itself.
const SHOWN: Duration = Duration::from_millis(50);
/// How often it counts what is outstanding.
const COUNTED: Duration = Duration::from_millis(10);
/// Nothing that was sent has come for so long.
const STALL: Duration = Duration::from_secs(1);
/// What is shorter than this is burnt by a driver that is to be precise.
const TICK: Duration = Duration::from_millis(1);
/// Pause before messages are tried again that their sessions did not take. A session that takes
/// them again is an event, which comes first: more looks would only split acks into small pieces.
const RETRY: Duration = Duration::from_millis(1);

impl Worker {
    /// Follows orders to the end.
    pub(super) fn run(
        self,
        orders: &Receiver<Order>,
        replies: &SyncSender<Reply>,
    ) -> io::Result<Ended> {
        if self.is_behind {
            cores::give_way();
        }
        let mut running = Running {
            worker: self,
            arrivals: None,
            settled_before: 0,
            is_hushed: true,
            shown: Time::default(),
            burnt: Duration::ZERO,
            cpu: [None; 2],
            stalls: 0,
            last: (0, clock::now()),
            is_over: false,
        };
        while !running.is_over {
            match orders.try_recv() {
                Ok(order) => running.follow(order, replies),
                // Nobody is interested any more.
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => running.turn()?,
            }
        }
        Ok(running.end())
    }
}

impl Running {
    fn follow(&mut self, order: Order, replies: &SyncSender<Reply>) {
        match order {
            Order::Arrive(arrive) => {
                let Worker { guests, share, phase, .. } = &self.worker;
                self.arrivals = Some(Arrivals::new(&arrive, guests.all.len(), (*share, *phase)));
                self.settled_before = self.settled();
            }
            Order::Scatter => self.scatter(),
            Order::Talk(talk, from, window) => self.talk(talk, from, window),
            Order::Storm(at) => {
                self.worker.storm.iter_mut().for_each(|storm| storm.announce(at));
            }
            Order::Cut(at) => {
                if let Some(meter) = &mut self.worker.desk.audience.meter {
                    meter.window.end = meter.window.end.min(at);
                }
            }
            Order::Stall => self.worker.stalls.begin(&mut self.worker.desk),
            Order::GoOn => self.worker.stalls.end(&mut self.worker.desk),
            Order::Hush => {
                self.worker.talker.hush();
                self.worker.comings.iter_mut().for_each(Comings::stay);
                self.worker.storm.iter_mut().for_each(Storm::call_off);
                self.is_hushed = true;
            }
            // Without anybody to take it there is nobody who misses it.
            Order::Collect => drop(replies.send(Reply::Finding(Box::new(self.collect())))),
            Order::CollectOpens => {
                let opens = std::mem::take(&mut self.worker.desk.audience.opens);
                drop(replies.send(Reply::Opens(Box::new(opens))));
            }
            Order::End => self.is_over = true,
        }
        // What was counted before an order may be wrong after it.
        self.worker.live.counted.set(0);
        self.shown = Time::default();
    }

    fn talk(&mut self, talk: Talk, from: Time, window: Range<Time>) {
        self.worker.desk.audience.meter = Some(Meter::new(window));
        self.worker.talker.set(talk, from);
        self.is_hushed = talk == Talk::Silent;
        self.cpu = [None; 2];
        self.last.1 = clock::now();
        if let Some(comings) = self.worker.comings.as_mut().filter(|_| !self.is_hushed) {
            comings.begin(from);
        }
    }

    /// Attempts to connect that have come to an end.
    fn settled(&self) -> usize {
        let counts = self.worker.desk.audience.counts();
        usize::try_from(counts.begun + counts.ended).unwrap_or(usize::MAX)
    }

    fn scatter(&mut self) {
        let Desk { driver, audience, .. } = &mut self.worker.desk;
        for session in 0..driver.sessions() {
            driver.abandon(session);
            audience.handle_left(session);
        }
    }

    fn turn(&mut self) -> io::Result<()> {
        let now = clock::now();
        self.mark(now);
        self.arrive(now);
        if let Some(comings) = &mut self.worker.comings {
            comings.turn(now, &mut self.worker.desk);
        }
        if let Some(storm) = &mut self.worker.storm {
            storm.turn(now, &mut self.worker.desk);
        }
        self.worker.stalls.turn(now, &mut self.worker.desk);
        self.worker.talker.speak(now, &mut self.worker.desk);
        self.watch_for_stalls(now);
        let every = if self.is_hushed { COUNTED } else { SHOWN };
        if now.since(self.shown) >= every {
            self.show(now);
        }
        let until = self.next(now, every);
        let before = self.doings();
        let is_short = self.worker.is_precise && until.since(now) < TICK;
        // What others take of the core meanwhile is not burnt.
        let used = is_short.then(clock::thread_cpu);
        let Desk { driver, audience, .. } = &mut self.worker.desk;
        driver.turn(until, audience)?;
        // These two are waited for.
        let (live, Counts { ended, waits, .. }) = (&self.worker.live, audience.counts());
        live.waits.set(waits);
        live.opened.set(audience.last_opened().as_micros());
        live.open.set(audience.open() as u64);
        if let Some(struck) = self.worker.storm.as_ref().and_then(Storm::struck) {
            live.away.set(audience.comebacks.away());
            live.struck.set(struck.as_micros());
        }
        if live.ended.get() != ended {
            live.set_trouble(driver.trouble());
            live.ended.set(ended);
        }
        if let Some(used) = used.filter(|_| self.doings() == before) {
            self.burnt += clock::thread_cpu().saturating_sub(used);
        }
        Ok(())
    }

    /// Everything that the thread can be busy with.
    fn doings(&self) -> [u64; 4] {
        let desk = &self.worker.desk;
        let counts = desk.audience.counts();
        let arrived = desk.audience.meter.as_ref().map_or(0, |meter| meter.arrived);
        [arrived, desk.sent, counts.replies, counts.begun]
    }

    fn used(&self) -> Duration {
        clock::thread_cpu().saturating_sub(self.burnt)
    }

    /// When to be here again at the latest.
    fn next(&self, now: Time, every: Duration) -> Time {
        let worker = &self.worker;
        let soon = worker.talker.is_waiting().then(|| now + RETRY);
        let window = worker.desk.audience.meter.as_ref().map(|meter| meter.window.clone());
        let edges = window.map(|window| [window.start, window.end]).into_iter().flatten();
        let edges = edges.filter(|edge| *edge > now);
        let arrivals = self.arrivals.as_ref().and_then(Arrivals::next);
        let comings = self.worker.comings.as_ref().and_then(Comings::next);
        let storm = worker.storm.as_ref().and_then(Storm::next);
        let returns = worker.stalls.next();
        let dues = [worker.talker.next(), soon, arrivals, comings, storm, returns];
        let edges = edges.chain([now + every]);
        dues.into_iter().flatten().chain(edges).min().unwrap_or(now)
    }

    /// Notes what the thread has used at the edges of the window.
    fn mark(&mut self, now: Time) {
        let Some(meter) = &self.worker.desk.audience.meter else { return };
        for (mark, edge) in [meter.window.start, meter.window.end].into_iter().enumerate() {
            if self.cpu[mark].is_none() && now >= edge {
                self.cpu[mark] = Some(self.used());
            }
        }
    }

    fn arrive(&mut self, now: Time) {
        let there = self.settled() - self.settled_before;
        let Some(arrivals) = &mut self.arrivals else { return };
        let Worker { desk, guests, live, .. } = &mut self.worker;
        let is_first = arrivals.begun() == 0;
        while let Some((session, free)) = arrivals.take(now, there) {
            if session < desk.driver.sessions() {
                desk.driver.reopen(session);
            } else {
                guests.connect(now, session, desk);
            }
            desk.audience.handle_free(session, free);
        }
        if is_first && arrivals.begun() > 0 {
            live.dialed.set(now.as_micros());
        }
    }

    fn watch_for_stalls(&mut self, now: Time) {
        let arrived = self.worker.desk.audience.meter.as_ref().map_or(0, |meter| meter.arrived);
        if arrived != self.last.0 || self.is_hushed {
            self.last = (arrived, now);
        } else if now.since(self.last.1) > STALL {
            self.last.1 = now;
            let Worker { talker, desk, .. } = &mut self.worker;
            self.stalls += u64::from(talker.give_up(desk));
        }
    }

    fn show(&mut self, now: Time) {
        self.shown = now;
        let (desk, live) = (&mut self.worker.desk, &self.worker.live);
        live.faults.set(desk.audience.oracle.faults());
        live.cpu.set(u64::try_from(clock::thread_cpu().as_micros()).unwrap_or(u64::MAX));
        live.set_trouble(desk.driver.trouble());
        if let Some(meter) = &mut desk.audience.meter {
            live.arrived.set(meter.arrived);
            live.add_recent(&mut meter.recent);
        }
        if self.is_hushed {
            let mut outstanding = desk.audience.oracle.outstanding();
            if desk.is_answered {
                outstanding += desk.audience.unanswered();
            }
            let is_complete = self.worker.comings.as_ref().is_none_or(Comings::is_complete);
            outstanding += self.worker.stalls.absent(&desk.audience);
            outstanding += self.worker.talker.held() + u64::from(!is_complete);
            outstanding += desk.audience.comebacks.away();
            live.outstanding.set(outstanding);
            live.counted.set(now.as_micros());
        }
    }

    fn collect(&mut self) -> Finding {
        let now = clock::now();
        self.mark(now);
        let used_so_far = self.used();
        let (desk, talker) = (&mut self.worker.desk, &mut self.worker.talker);
        let mut meter =
            desk.audience.meter.replace(Meter::new(now..now)).unwrap_or(Meter::new(now..now));
        for due in talker.take_held() {
            meter.handle_missing(now, due);
        }
        let window = meter.window.end.min(now).since(meter.window.start);
        let used = match self.cpu {
            [Some(start), Some(end)] => end.saturating_sub(start),
            [Some(start), None] => used_so_far.saturating_sub(start),
            [None, _] => Duration::ZERO,
        };
        let busy = if window.is_zero() { 0.0 } else { used.as_secs_f64() / window.as_secs_f64() };
        desk.audience.meter.iter_mut().for_each(|new| new.arrived = meter.arrived);
        Finding {
            latency: meter.latency,
            lag: std::mem::take(&mut desk.lag),
            arrived: meter.arrived_within,
            due: meter.due_within,
            untimed: meter.untimed,
            sent: std::mem::take(&mut desk.sent_within),
            held_back: std::mem::take(&mut talker.held_back),
            unsent: std::mem::take(&mut talker.unsent),
            stalls: std::mem::take(&mut self.stalls),
            comebacks: desk.audience.comebacks.clone(),
            losses: desk.audience.take_losses(),
            window,
            busy: vec![busy],
        }
    }

    fn end(self) -> Ended {
        let stalls = &self.worker.stalls;
        let (waiting, absent) = (stalls.waiting, stalls.absent(&self.worker.desk.audience));
        let Desk { driver, audience, sent, is_answered, .. } = self.worker.desk;
        let (left, broken) =
            self.worker.comings.map_or((0, 0), |comings| (comings.left, comings.broken));
        Ended {
            sent,
            unanswered: if is_answered { audience.unanswered() } else { 0 },
            outstanding: audience.oracle.outstanding(),
            counts: audience.counts(),
            opens: audience.opens,
            tally: driver.tally(),
            left,
            broken,
            waiting,
            absent,
            verdict: audience.oracle.finish(),
        }
    }
}
