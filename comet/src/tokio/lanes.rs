//! Lanes: sequential calls within a session, concurrent between sessions.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::tokio::runtime::Handle;

use super::{AsyncRouter, Place};
use crate::{Closed, Event, Gap, Gateway, Message, Peer, Receipt, Refusal, RoomRequest, SessionId};

/// Enough locks that shards seldom contend for one.
const STRIPES: usize = 64;

/// Lanes with pending calls, or with a session that is about to end.
pub(super) struct Lanes<R> {
    router: Arc<R>,
    /// Limit of events that wait in a lane.
    events: usize,
    stripes: [Mutex<HashMap<SessionId, Lane>>; STRIPES],
}

/// Calls of a session that wait behind the one in progress.
#[derive(Default)]
struct Lane {
    waiting: VecDeque<(Peer, Call)>,
    /// Number of events among them.
    events: usize,
    is_running: bool,
    /// The limit of events was exceeded: from now on only the last one is taken.
    has_overflowed: bool,
    /// The last event has been taken.
    has_ended: bool,
}

/// A call of the router.
pub(super) enum Call {
    Message(Box<(Message, Receipt, Place)>),
    Room(Box<(RoomRequest, Receipt, Place)>),
    Event(OwnedEvent),
}

/// Outcome of [`Lane::admit`].
enum Admission {
    Start,
    Wait,
    Overflow,
    Drop(Call),
}

impl Lane {
    fn admit(&mut self, peer: &Peer, call: Call, limit: usize) -> Admission {
        match &call {
            Call::Event(OwnedEvent::Disconnected(_)) => self.has_ended = true,
            _ if self.has_overflowed => return Admission::Drop(call),
            Call::Event(_) if self.events >= limit => {
                self.has_overflowed = true;
                return Admission::Overflow;
            }
            Call::Event(_) => self.events += 1,
            Call::Message(_) | Call::Room(_) => {}
        }
        self.waiting.push_back((peer.clone(), call));
        if std::mem::replace(&mut self.is_running, true) {
            Admission::Wait
        } else {
            Admission::Start
        }
    }

    fn next(&mut self) -> Option<(Peer, Call)> {
        let (peer, call) = self.waiting.pop_front()?;
        if matches!(&call, Call::Event(event) if !matches!(event, OwnedEvent::Disconnected(_))) {
            self.events -= 1;
        }
        Some((peer, call))
    }
}

impl<R: AsyncRouter> Lanes<R> {
    pub(super) fn new(router: Arc<R>, events: usize) -> Self {
        Self { router, events, stripes: std::array::from_fn(|_| Mutex::default()) }
    }

    /// Appends a call to its session's lane. A message after an overflow of events is refused; see
    /// [`OnTokio::events`](super::OnTokio::events).
    pub(super) fn push(
        self: &Arc<Self>,
        runtime: &Handle,
        gateway: &Gateway,
        peer: &Peer,
        call: Call,
    ) {
        let session = peer.session();
        let admission = {
            let mut lanes = self.stripe(session);
            lanes.entry(session).or_default().admit(peer, call, self.events)
        };
        match admission {
            Admission::Start => {
                let (this, gateway) = (Arc::clone(self), gateway.clone());
                runtime.spawn(async move { this.run(gateway, session).await });
            }
            Admission::Overflow => gateway.fail(session, Closed::RouterBehind),
            Admission::Drop(Call::Message(call)) => call.1.refuse(Refusal::later(0)),
            Admission::Drop(Call::Room(call)) => call.1.refuse(Refusal::later(0)),
            Admission::Wait | Admission::Drop(Call::Event(_)) => {}
        }
    }

    async fn run(self: Arc<Self>, gateway: Gateway, session: SessionId) {
        while let Some((peer, call)) = self.next(session) {
            let job = call.make(Arc::clone(&self.router), gateway.clone(), peer);
            // A task of its own, so that a panic ends the job and not the lane.
            if ::tokio::spawn(job).await.is_err() {
                // Counted before the peer can observe the end of the session.
                if let Some(more) = gateway.count_panic() {
                    tracing::error!(%session, "the async router panicked{more}");
                }
                gateway.fail(session, Closed::RouterPanicked);
            }
        }
    }

    /// The lane's next call. An empty lane is removed, unless it has overflowed and the last event
    /// is still to come.
    fn next(&self, session: SessionId) -> Option<(Peer, Call)> {
        let mut lanes = self.stripe(session);
        let lane = lanes.get_mut(&session)?;
        let next = lane.next();
        if next.is_none() {
            lane.is_running = false;
            if !lane.has_overflowed || lane.has_ended {
                lanes.remove(&session);
            }
        }
        next
    }

    fn stripe(&self, session: SessionId) -> MutexGuard<'_, HashMap<SessionId, Lane>> {
        // Slots are dense, so that their low bits spread sessions well.
        let stripe = session.slot() as usize % STRIPES;
        self.stripes[stripe].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R> fmt::Debug for Lanes<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes").finish_non_exhaustive()
    }
}

impl Call {
    async fn make<R: AsyncRouter>(self, router: Arc<R>, gateway: Gateway, peer: Peer) {
        match self {
            Self::Event(event) => router.event(&gateway, &peer, event.lend()).await,
            Self::Room(call) => {
                let (request, receipt, _place) = *call;
                match router.room(&gateway, &peer, request).await {
                    Ok(reply) => receipt.ack(reply),
                    Err(refusal) => receipt.refuse(refusal),
                }
            }
            Self::Message(call) => {
                let (message, receipt, _place) = *call;
                match router.receive(&gateway, &peer, message).await {
                    Ok(reply) => receipt.ack(reply),
                    Err(refusal) => receipt.refuse(refusal),
                }
            }
        }
    }
}

/// An owned [`Event`], queued in a lane.
pub(super) enum OwnedEvent {
    Connected,
    Acked { tag: u64 },
    Overdue { tag: u64 },
    Lost(Box<Gap>),
    Gap(Box<Gap>),
    Parked(Closed),
    Resumed,
    Disconnected(Closed),
}

impl From<Event<'_>> for OwnedEvent {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Connected => Self::Connected,
            Event::Acked { tag } => Self::Acked { tag },
            Event::Overdue { tag } => Self::Overdue { tag },
            Event::Lost(gap) => Self::Lost(Box::new(gap.clone())),
            Event::Gap(gap) => Self::Gap(Box::new(gap.clone())),
            Event::Parked(closed) => Self::Parked(closed.clone()),
            Event::Resumed => Self::Resumed,
            Event::Disconnected(closed) => Self::Disconnected(closed.clone()),
        }
    }
}

impl OwnedEvent {
    fn lend(&self) -> Event<'_> {
        match self {
            Self::Connected => Event::Connected,
            Self::Acked { tag } => Event::Acked { tag: *tag },
            Self::Overdue { tag } => Event::Overdue { tag: *tag },
            Self::Lost(gap) => Event::Lost(gap),
            Self::Gap(gap) => Event::Gap(gap),
            Self::Parked(closed) => Event::Parked(closed),
            Self::Resumed => Event::Resumed,
            Self::Disconnected(closed) => Event::Disconnected(closed),
        }
    }
}
