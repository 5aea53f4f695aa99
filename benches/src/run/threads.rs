//! Handle of a run's threads: orders, replies, status.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::assembly::workers;
use super::live::LiveCounters;
use super::order::{Collected, Order};
use super::{Measurement, OpenPace, Pace, RunError, Totals};
use crate::account::Roster;
use crate::clock;
use crate::driver::{Route, Time, Tuning};
use crate::latency::Latency;
use crate::plan::{Layout, Plan};

/// Status of all threads together.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Sessions that are open.
    pub open: u64,
    /// Sessions that ended unexpectedly.
    pub ended: u64,
    /// Waits for another connection.
    pub waits: u64,
    /// Deliveries that came.
    pub arrived: u64,
    /// Faults that were found.
    pub faults: u64,
    /// CPU time.
    pub cpu: Duration,
}

#[derive(Debug)]
struct Handle {
    orders: SyncSender<Order>,
    live: Arc<LiveCounters>,
    thread: JoinHandle<io::Result<Totals>>,
}

/// The threads of a run.
#[derive(Debug)]
pub struct Threads {
    handles: Vec<Handle>,
    replies: Receiver<Collected>,
    sessions: usize,
}

/// Orders that a thread has not followed yet.
const ORDERS: usize = 16;
/// Limit of the time to follow an order.
const PATIENCE: Duration = Duration::from_secs(30);

impl Threads {
    /// Starts the threads; no session connects yet.
    ///
    /// # Errors
    ///
    /// When the system has no more polls or threads.
    pub fn start(
        plan: &Plan,
        (layout, roster): (&Layout, &Roster),
        routes: &Arc<[Route]>,
        tuning: &Tuning,
    ) -> Result<Self, RunError> {
        let (reply, replies) = sync_channel(plan.threads);
        let mut threads = Self { handles: Vec::new(), replies, sessions: plan.sessions };
        for (at, worker) in workers(plan, layout, roster, routes, tuning)?.into_iter().enumerate() {
            let live = Arc::clone(&worker.live);
            let (orders, inbox) = sync_channel(ORDERS);
            let reply = reply.clone();
            let thread = thread::Builder::new()
                .name(format!("load-{at}"))
                .spawn(move || worker.run(&inbox, &reply))?;
            threads.handles.push(Handle { orders, live, thread });
        }
        Ok(threads)
    }

    /// The number of sessions that are to open.
    #[must_use]
    pub const fn sessions(&self) -> usize {
        self.sessions
    }

    /// Connects all sessions, again if they were closed.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`] when a thread has ended; so it is with the others.
    pub fn open_sessions(&self, pace: OpenPace) -> Result<(), RunError> {
        self.order(&Order::Open(pace))
    }

    /// Closes all sessions.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`].
    pub fn close_all(&self) -> Result<(), RunError> {
        self.order(&Order::CloseAll)
    }

    /// Lets messages flow from a time on, and measures in the window.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`].
    pub fn start_sending(
        &self,
        pace: Pace,
        from: Time,
        window: std::ops::Range<Time>,
    ) -> Result<(), RunError> {
        self.order(&Order::Send(pace, from, window))
    }

    /// Cuts all connections at this time, except those of the sessions that stay.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`].
    pub fn storm(&self, at: Time) -> Result<(), RunError> {
        self.order(&Order::Storm(at))
    }

    /// Whether connections were cut in all threads, and all cut sessions are back or over.
    #[must_use]
    pub fn are_back(&self) -> bool {
        self.handles.iter().all(|Handle { live, .. }| live.struck.get() > 0 && live.away.get() == 0)
    }

    /// Whether all threads have looked later than this, and no cut session is away.
    #[must_use]
    pub fn is_nobody_away(&self, since: Time) -> bool {
        self.handles.iter().all(|Handle { live, .. }| {
            live.counted.get() > since.as_micros() && live.away.get() == 0
        })
    }

    /// Ends the window now, if it has not ended.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`].
    pub fn cut(&self) -> Result<(), RunError> {
        self.order(&Order::Cut(clock::now()))
    }

    /// Stalls the sessions that stall, or lets them read again.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`].
    pub fn stall(&self, is_stalled: bool) -> Result<(), RunError> {
        self.order(if is_stalled { &Order::Stall } else { &Order::Resume })
    }

    /// Stops sending.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`].
    pub fn stop_sending(&self) -> Result<(), RunError> {
        self.order(&Order::StopSending)
    }

    /// Takes the measurement since the last time.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`].
    pub fn collect(&self) -> Result<Measurement, RunError> {
        self.order(&Order::Collect)?;
        let mut all = Measurement::default();
        self.receive(|reply| {
            if let Collected::Measurement(measurement) = reply {
                all.merge(&measurement);
            }
        })?;
        Ok(all)
    }

    /// Takes the times of openings since the last time.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`].
    pub fn take_opens(&self) -> Result<Latency, RunError> {
        self.order(&Order::CollectOpens)?;
        let mut all = Latency::new();
        self.receive(|reply| {
            if let Collected::Opens(opens) = reply {
                all.merge(&opens);
            }
        })?;
        Ok(all)
    }

    /// Takes a reply of every thread.
    fn receive(&self, mut take: impl FnMut(Collected)) -> Result<(), RunError> {
        for _ in &self.handles {
            take(self.replies.recv_timeout(PATIENCE).map_err(|_gone| RunError::Thread)?);
        }
        Ok(())
    }

    /// Status of the threads.
    #[must_use]
    pub fn status(&self) -> Status {
        let mut status = Status::default();
        for Handle { live, .. } in &self.handles {
            status.open += live.open.get();
            status.ended += live.ended.get();
            status.waits += live.waits.get();
            status.arrived += live.arrived.get();
            status.faults += live.faults.get();
            status.cpu += Duration::from_micros(live.cpu.get());
        }
        status
    }

    /// Time from the first attempt to connect, since the last order to, to the last opening.
    #[must_use]
    pub fn opening(&self) -> Duration {
        let dialed = self.handles.iter().map(|handle| handle.live.dialed.get()).min();
        let opened = self.handles.iter().map(|handle| handle.live.opened.get()).max();
        let micros = opened.unwrap_or(0).saturating_sub(dialed.unwrap_or(0));
        Duration::from_micros(micros)
    }

    /// Takes the latencies since the last time.
    #[must_use]
    pub fn take_recent(&self) -> Latency {
        let mut recent = Latency::new();
        self.handles.iter().for_each(|handle| handle.live.take_recent(&mut recent));
        recent
    }

    /// Whether all threads have counted later than this, and nothing is outstanding.
    #[must_use]
    pub fn is_settled(&self, since: Time) -> bool {
        self.handles.iter().all(|Handle { live, .. }| {
            live.counted.get() > since.as_micros() && live.outstanding.get() == 0
        })
    }

    /// Whether a thread has ended.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.handles.iter().any(|handle| handle.thread.is_finished())
    }

    /// The last error of a connection.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.handles.iter().find_map(|handle| handle.live.last_error())
    }

    /// Ends the threads.
    ///
    /// # Errors
    ///
    /// When a thread failed.
    pub fn end(self) -> Result<Totals, RunError> {
        // A thread that has ended by itself says so when it is joined.
        let _ = self.order(&Order::End);
        let mut all: Option<Totals> = None;
        for handle in self.handles {
            let ended = handle.thread.join().map_err(|_panic| RunError::Thread)??;
            match &mut all {
                Some(all) => all.merge(ended),
                None => all = Some(ended),
            }
        }
        all.ok_or(RunError::Thread)
    }

    fn order(&self, order: &Order) -> Result<(), RunError> {
        let mut handles = self.handles.iter();
        handles
            .try_for_each(|handle| handle.orders.send(order.clone()))
            .map_err(|_| RunError::Thread)
    }
}
