//! One thread of a run: its sessions, and its orders.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};
use std::time::Duration;

use super::churn::Churn;
use super::live::LiveCounters;
use super::order::{Collected, Order};
use super::partition::SessionSpecs;
use super::publishers::Publishers;
use super::roaming::{Moves, Roaming};
use super::sender::Sender;
use super::session_opener::SessionOpener;
use super::stalls::Stalls;
use super::storm::Storm;
use super::{Measurement, Pace, Totals};
use crate::audience::{Counts, Meter};
use crate::clock;
use crate::driver::Time;
use crate::host::cores;

/// A worker before its first order.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) sender: Sender,
    pub(super) publishers: Publishers,
    pub(super) specs: SessionSpecs,
    pub(super) stalls: Stalls,
    pub(super) churn: Option<Churn>,
    pub(super) storm: Option<Storm>,
    pub(super) roaming: Option<Roaming>,
    /// The share of all sessions that this thread has.
    pub(super) share: f64,
    /// The share of the threads before it.
    pub(super) phase: f64,
    /// Whether the driver burns time instead of oversleeping.
    pub(super) is_precise: bool,
    /// Whether other threads go first.
    pub(super) is_behind: bool,
    pub(super) live: Arc<LiveCounters>,
}

/// A worker that follows orders.
#[derive(Debug)]
struct Running {
    worker: Worker,
    opener: Option<SessionOpener>,
    /// Attempts that had ended before sessions were opened.
    settled_before: usize,
    is_silent: bool,
    shown: Time,
    /// Burnt CPU time.
    burnt: Duration,
    /// CPU time, without burnt time, when the window began and when it ended.
    cpu: [Option<Duration>; 2],
    stalls: u64,
    /// The last growth of the deliveries: count and time.
    last: (u64, Time),
    is_over: bool,
}

/// Interval at which a thread updates its status.
const SHOWN: Duration = Duration::from_millis(50);
/// Interval at which it counts outstanding deliveries.
const COUNTED: Duration = Duration::from_millis(10);
/// Silence after which a closed loop opens its window again.
const STALL: Duration = Duration::from_secs(1);
/// Waits that a precise driver burns instead of sleeping.
const TICK: Duration = Duration::from_millis(1);
/// Pause before messages are tried again that their sessions did not take. A session that takes
/// them again is an event, which comes first: more looks would only split acks into small pieces.
const RETRY: Duration = Duration::from_millis(1);

impl Worker {
    /// Follows orders until the last.
    pub(super) fn run(
        self,
        orders: &Receiver<Order>,
        replies: &SyncSender<Collected>,
    ) -> io::Result<Totals> {
        if self.is_behind {
            cores::give_way();
        }
        let mut running = Running {
            worker: self,
            opener: None,
            settled_before: 0,
            is_silent: true,
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
                // The owner is gone.
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => running.turn()?,
            }
        }
        Ok(running.end())
    }
}

impl Running {
    fn follow(&mut self, order: Order, replies: &SyncSender<Collected>) {
        match order {
            Order::Open(pace) => {
                let Worker { specs, share, phase, .. } = &self.worker;
                self.opener = Some(SessionOpener::new(&pace, specs.all.len(), (*share, *phase)));
                self.settled_before = self.settled();
            }
            Order::CloseAll => self.close_all(),
            Order::Send(pace, from, window) => self.start_sending(pace, from, window),
            Order::Storm(at) => {
                self.worker.storm.iter_mut().for_each(|storm| storm.announce(at));
            }
            Order::Cut(at) => {
                if let Some(meter) = &mut self.worker.sender.audience.meter {
                    meter.window.end = meter.window.end.min(at);
                }
            }
            Order::Stall => self.worker.stalls.begin(&mut self.worker.sender),
            Order::Resume => self.worker.stalls.end(&mut self.worker.sender),
            Order::StopSending => {
                self.worker.publishers.stop_sending();
                self.worker.churn.iter_mut().for_each(Churn::stay);
                self.worker.storm.iter_mut().for_each(Storm::call_off);
                self.worker.roaming.iter_mut().for_each(Roaming::stay);
                self.is_silent = true;
            }
            // Without a receiver the reply is not needed.
            Order::Collect => drop(replies.send(Collected::Measurement(Box::new(self.collect())))),
            Order::CollectOpens => {
                let opens = std::mem::take(&mut self.worker.sender.audience.opens);
                drop(replies.send(Collected::Opens(Box::new(opens))));
            }
            Order::End => self.is_over = true,
        }
        // A count from before an order may be wrong after it.
        self.worker.live.counted.set(0);
        self.shown = Time::default();
    }

    fn start_sending(&mut self, pace: Pace, from: Time, window: Range<Time>) {
        self.worker.sender.audience.meter = Some(Meter::new(window));
        self.worker.publishers.set(pace, from);
        self.is_silent = pace == Pace::Silent;
        self.cpu = [None; 2];
        self.last.1 = clock::now();
        if let Some(churn) = self.worker.churn.as_mut().filter(|_| !self.is_silent) {
            churn.begin(from);
        }
        if let Some(roaming) = self.worker.roaming.as_mut().filter(|_| !self.is_silent) {
            roaming.begin(from);
        }
    }

    /// Attempts to connect that have ended.
    fn settled(&self) -> usize {
        let counts = self.worker.sender.audience.counts();
        usize::try_from(counts.begun + counts.ended).unwrap_or(usize::MAX)
    }

    fn close_all(&mut self) {
        let Sender { driver, audience, .. } = &mut self.worker.sender;
        for session in 0..driver.sessions() {
            driver.abandon(session);
            audience.handle_left(session);
        }
    }

    fn turn(&mut self) -> io::Result<()> {
        let now = clock::now();
        self.mark(now);
        self.open_sessions(now);
        if let Some(churn) = &mut self.worker.churn {
            churn.turn(now, &mut self.worker.sender);
        }
        if let Some(storm) = &mut self.worker.storm {
            storm.turn(now, &mut self.worker.sender);
        }
        if let Some(roaming) = &mut self.worker.roaming {
            roaming.turn(now, &mut self.worker.sender)?;
        }
        self.worker.stalls.turn(now, &mut self.worker.sender);
        self.worker.publishers.send_due(now, &mut self.worker.sender);
        self.watch_for_stalls(now);
        let every = if self.is_silent { COUNTED } else { SHOWN };
        if now.since(self.shown) >= every {
            self.show(now);
        }
        let until = self.next(now, every);
        let before = self.doings();
        let is_short = self.worker.is_precise && until.since(now) < TICK;
        // CPU time that other processes take meanwhile is not burnt.
        let used = is_short.then(clock::thread_cpu);
        let Sender { driver, audience, .. } = &mut self.worker.sender;
        driver.turn(until, audience)?;
        // Others wait for these two.
        let (live, Counts { ended, waits, .. }) = (&self.worker.live, audience.counts());
        live.waits.set(waits);
        live.opened.set(audience.last_opened().as_micros());
        live.open.set(audience.open() as u64);
        if let Some(struck) = self.worker.storm.as_ref().and_then(Storm::struck) {
            live.away.set(audience.reconnects.away());
            live.struck.set(struck.as_micros());
        }
        if live.ended.get() != ended {
            live.set_last_error(driver.last_error());
            live.ended.set(ended);
        }
        if let Some(used) = used.filter(|_| self.doings() == before) {
            self.burnt += clock::thread_cpu().saturating_sub(used);
        }
        Ok(())
    }

    /// Counts of all work that the thread can do.
    fn doings(&self) -> [u64; 4] {
        let sender = &self.worker.sender;
        let counts = sender.audience.counts();
        let arrived = sender.audience.meter.as_ref().map_or(0, |meter| meter.arrived);
        [arrived, sender.sent, counts.replies, counts.begun]
    }

    fn used(&self) -> Duration {
        clock::thread_cpu().saturating_sub(self.burnt)
    }

    /// Time of the next turn at the latest.
    fn next(&self, now: Time, every: Duration) -> Time {
        let worker = &self.worker;
        let soon = worker.publishers.is_waiting().then(|| now + RETRY);
        let window = worker.sender.audience.meter.as_ref().map(|meter| meter.window.clone());
        let edges = window.map(|window| [window.start, window.end]).into_iter().flatten();
        let edges = edges.filter(|edge| *edge > now);
        let opener = self.opener.as_ref().and_then(SessionOpener::next);
        let churn = self.worker.churn.as_ref().and_then(Churn::next);
        let storm = worker.storm.as_ref().and_then(Storm::next);
        let roaming = worker.roaming.as_ref().and_then(Roaming::next);
        let returns = worker.stalls.next();
        let dues = [worker.publishers.next(), soon, opener, churn, storm, roaming, returns];
        let edges = edges.chain([now + every]);
        dues.into_iter().flatten().chain(edges).min().unwrap_or(now)
    }

    /// Notes the CPU time of the thread at the edges of the window.
    fn mark(&mut self, now: Time) {
        let Some(meter) = &self.worker.sender.audience.meter else { return };
        for (mark, edge) in [meter.window.start, meter.window.end].into_iter().enumerate() {
            if self.cpu[mark].is_none() && now >= edge {
                self.cpu[mark] = Some(self.used());
            }
        }
    }

    fn open_sessions(&mut self, now: Time) {
        let there = self.settled() - self.settled_before;
        let Some(opener) = &mut self.opener else { return };
        let Worker { sender, specs, live, .. } = &mut self.worker;
        let is_first = opener.begun() == 0;
        while let Some((session, free)) = opener.take(now, there) {
            if session < sender.driver.sessions() {
                sender.driver.reopen(session);
            } else {
                specs.connect(now, session, sender);
            }
            sender.audience.handle_free(session, free);
        }
        if is_first && opener.begun() > 0 {
            live.dialed.set(now.as_micros());
        }
    }

    fn watch_for_stalls(&mut self, now: Time) {
        let arrived = self.worker.sender.audience.meter.as_ref().map_or(0, |meter| meter.arrived);
        if arrived != self.last.0 || self.is_silent {
            self.last = (arrived, now);
        } else if now.since(self.last.1) > STALL {
            self.last.1 = now;
            let Worker { publishers, sender, .. } = &mut self.worker;
            self.stalls += u64::from(publishers.give_up(sender));
        }
    }

    fn show(&mut self, now: Time) {
        self.shown = now;
        let (sender, live) = (&mut self.worker.sender, &self.worker.live);
        live.faults.set(sender.audience.oracle.faults());
        live.cpu.set(u64::try_from(clock::thread_cpu().as_micros()).unwrap_or(u64::MAX));
        live.set_last_error(sender.driver.last_error());
        if let Some(meter) = &mut sender.audience.meter {
            live.arrived.set(meter.arrived);
            live.add_recent(&mut meter.recent);
        }
        if self.is_silent {
            let mut outstanding = sender.audience.oracle.outstanding();
            if sender.is_answered {
                outstanding += sender.audience.unanswered();
            }
            let is_complete = self.worker.churn.as_ref().is_none_or(Churn::is_complete);
            outstanding += self.worker.stalls.absent(&sender.audience);
            outstanding += self.worker.publishers.held() + u64::from(!is_complete);
            outstanding += sender.audience.reconnects.away();
            live.outstanding.set(outstanding);
            live.counted.set(now.as_micros());
        }
    }

    fn collect(&mut self) -> Measurement {
        let now = clock::now();
        self.mark(now);
        let used_so_far = self.used();
        let (sender, publishers) = (&mut self.worker.sender, &mut self.worker.publishers);
        let mut meter =
            sender.audience.meter.replace(Meter::new(now..now)).unwrap_or(Meter::new(now..now));
        for due in publishers.take_held() {
            meter.handle_missing(now, due);
        }
        let window = meter.window.end.min(now).since(meter.window.start);
        let used = match self.cpu {
            [Some(start), Some(end)] => end.saturating_sub(start),
            [Some(start), None] => used_so_far.saturating_sub(start),
            [None, _] => Duration::ZERO,
        };
        let busy = if window.is_zero() { 0.0 } else { used.as_secs_f64() / window.as_secs_f64() };
        sender.audience.meter.iter_mut().for_each(|new| new.arrived = meter.arrived);
        Measurement {
            latency: meter.latency,
            lag: std::mem::take(&mut sender.lag),
            arrived: meter.arrived_within,
            due: meter.due_within,
            untimed: meter.untimed,
            sent: std::mem::take(&mut sender.sent_within),
            held_back: std::mem::take(&mut publishers.held_back),
            unsent: std::mem::take(&mut publishers.unsent),
            stalls: std::mem::take(&mut self.stalls),
            reconnects: sender.audience.reconnects.clone(),
            losses: sender.audience.take_losses(),
            window,
            busy: vec![busy],
        }
    }

    fn end(self) -> Totals {
        let stalls = &self.worker.stalls;
        let (waiting, absent) = (stalls.waiting, stalls.absent(&self.worker.sender.audience));
        let Sender { driver, audience, sent, is_answered, .. } = self.worker.sender;
        let (left, broken) = self.worker.churn.map_or((0, 0), |churn| (churn.left, churn.broken));
        Totals {
            sent,
            unanswered: if is_answered { audience.unanswered() } else { 0 },
            outstanding: audience.oracle.outstanding(),
            counts: audience.counts(),
            opens: audience.opens,
            tally: driver.tally(),
            left,
            broken,
            moves: self.worker.roaming.map_or(Moves::default(), |roaming| roaming.moves),
            waiting,
            absent,
            verdict: audience.oracle.finish(),
        }
    }
}
