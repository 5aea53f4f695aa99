//! The threads of a run, from outside.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::assembly::workers;
use super::live::Live;
use super::order::{Order, Reply};
use super::{Arrive, Ended, Finding, RunError, Talk};
use crate::account::Roster;
use crate::clock;
use crate::driver::{Route, Time, Tuning};
use crate::latency::Latency;
use crate::plan::{Layout, Plan};

/// What all threads show of themselves together.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Sessions that are open.
    pub open: u64,
    /// Sessions that ended although nobody wanted them to.
    pub ended: u64,
    /// Waits for another connection.
    pub waits: u64,
    /// Deliveries that came.
    pub arrived: u64,
    /// Faults that were found.
    pub faults: u64,
    /// Time on a core.
    pub cpu: Duration,
}

#[derive(Debug)]
struct Hand {
    orders: SyncSender<Order>,
    live: Arc<Live>,
    thread: JoinHandle<io::Result<Ended>>,
}

/// The threads of a run.
#[derive(Debug)]
pub struct Crew {
    hands: Vec<Hand>,
    replies: Receiver<Reply>,
    sessions: usize,
}

/// Orders that a thread has not followed yet.
const ORDERS: usize = 16;
/// How long a thread may take to follow an order.
const PATIENCE: Duration = Duration::from_secs(30);

impl Crew {
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
        let mut crew = Self { hands: Vec::new(), replies, sessions: plan.sessions };
        for (at, worker) in workers(plan, layout, roster, routes, tuning)?.into_iter().enumerate() {
            let live = Arc::clone(&worker.live);
            let (orders, inbox) = sync_channel(ORDERS);
            let reply = reply.clone();
            let thread = thread::Builder::new()
                .name(format!("load-{at}"))
                .spawn(move || worker.run(&inbox, &reply))?;
            crew.hands.push(Hand { orders, live, thread });
        }
        Ok(crew)
    }

    /// How many sessions there are to be.
    #[must_use]
    pub const fn sessions(&self) -> usize {
        self.sessions
    }

    /// Sessions connect, all of them, again if they were closed.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`] when a thread has ended; so it is with the others.
    pub fn arrive(&self, arrive: Arrive) -> Result<(), RunError> {
        self.order(&Order::Arrive(arrive))
    }

    /// All sessions close.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`].
    pub fn scatter(&self) -> Result<(), RunError> {
        self.order(&Order::Scatter)
    }

    /// Messages flow from a time on, and what comes in the window is measured.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`].
    pub fn talk(
        &self,
        talk: Talk,
        from: Time,
        window: std::ops::Range<Time>,
    ) -> Result<(), RunError> {
        self.order(&Order::Talk(talk, from, window))
    }

    /// All connections are cut at this time but those of the sessions that stay.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`].
    pub fn storm(&self, at: Time) -> Result<(), RunError> {
        self.order(&Order::Storm(at))
    }

    /// Whether connections were cut in all threads, and who was cut is back or over.
    #[must_use]
    pub fn are_back(&self) -> bool {
        self.hands.iter().all(|Hand { live, .. }| live.struck.get() > 0 && live.away.get() == 0)
    }

    /// Whether all threads have looked later than this for who was cut and is neither back nor
    /// over, and there is nobody.
    #[must_use]
    pub fn is_nobody_away(&self, since: Time) -> bool {
        self.hands
            .iter()
            .all(|Hand { live, .. }| live.counted.get() > since.as_micros() && live.away.get() == 0)
    }

    /// The window ends now, if it has not.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`].
    pub fn cut(&self) -> Result<(), RunError> {
        self.order(&Order::Cut(clock::now()))
    }

    /// Those who stop reading do so now, or read again.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`].
    pub fn stall(&self, is_stalled: bool) -> Result<(), RunError> {
        self.order(if is_stalled { &Order::Stall } else { &Order::GoOn })
    }

    /// Nothing more is sent.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`].
    pub fn hush(&self) -> Result<(), RunError> {
        self.order(&Order::Hush)
    }

    /// What was measured since the last time.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`].
    pub fn collect(&self) -> Result<Finding, RunError> {
        self.order(&Order::Collect)?;
        let mut all = Finding::default();
        self.hear(|reply| {
            if let Reply::Finding(finding) = reply {
                all.merge(&finding);
            }
        })?;
        Ok(all)
    }

    /// How long sessions took to open, since the last time.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`].
    pub fn take_opens(&self) -> Result<Latency, RunError> {
        self.order(&Order::CollectOpens)?;
        let mut all = Latency::new();
        self.hear(|reply| {
            if let Reply::Opens(opens) = reply {
                all.merge(&opens);
            }
        })?;
        Ok(all)
    }

    /// Hears every thread once.
    fn hear(&self, mut take: impl FnMut(Reply)) -> Result<(), RunError> {
        for _ in &self.hands {
            take(self.replies.recv_timeout(PATIENCE).map_err(|_gone| RunError::Thread)?);
        }
        Ok(())
    }

    /// What the threads show of themselves.
    #[must_use]
    pub fn shown(&self) -> Shown {
        let mut shown = Shown::default();
        for Hand { live, .. } in &self.hands {
            shown.open += live.open.get();
            shown.ended += live.ended.get();
            shown.waits += live.waits.get();
            shown.arrived += live.arrived.get();
            shown.faults += live.faults.get();
            shown.cpu += Duration::from_micros(live.cpu.get());
        }
        shown
    }

    /// From when the first session began to connect, of those that were told to, to when the last
    /// one was open.
    #[must_use]
    pub fn opening(&self) -> Duration {
        let dialed = self.hands.iter().map(|hand| hand.live.dialed.get()).min();
        let opened = self.hands.iter().map(|hand| hand.live.opened.get()).max();
        let micros = opened.unwrap_or(0).saturating_sub(dialed.unwrap_or(0));
        Duration::from_micros(micros)
    }

    /// Takes the times of what came since they were taken last.
    #[must_use]
    pub fn take_recent(&self) -> Latency {
        let mut recent = Latency::new();
        self.hands.iter().for_each(|hand| hand.live.take_recent(&mut recent));
        recent
    }

    /// Whether all threads have counted later than this what is on its way, and there is nothing.
    #[must_use]
    pub fn is_settled(&self, since: Time) -> bool {
        self.hands.iter().all(|Hand { live, .. }| {
            live.counted.get() > since.as_micros() && live.outstanding.get() == 0
        })
    }

    /// Whether a thread has ended.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.hands.iter().any(|hand| hand.thread.is_finished())
    }

    /// Why a connection failed last.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.hands.iter().find_map(|hand| hand.live.trouble())
    }

    /// Ends the threads.
    ///
    /// # Errors
    ///
    /// When a thread failed.
    pub fn end(self) -> Result<Ended, RunError> {
        // Whoever has ended by itself says so when it is joined.
        let _ = self.order(&Order::End);
        let mut all: Option<Ended> = None;
        for hand in self.hands {
            let ended = hand.thread.join().map_err(|_panic| RunError::Thread)??;
            match &mut all {
                Some(all) => all.merge(ended),
                None => all = Some(ended),
            }
        }
        all.ok_or(RunError::Thread)
    }

    fn order(&self, order: &Order) -> Result<(), RunError> {
        let mut hands = self.hands.iter();
        hands.try_for_each(|hand| hand.orders.send(order.clone())).map_err(|_| RunError::Thread)
    }
}
