//! Routers that await: an [`AsyncRouter`] run on tokio, in the order of each session.
//!
//! A shard never waits. [`OnTokio`] gives each call to the runtime as it comes, and keeps what
//! belongs to one session in a lane: one after the other, as it came, while lanes of different
//! sessions run side by side. A lane exists only while it has something to do.
//!
//! Connects and messages under way are bounded by [`OnTokio::limit`], and refused beyond it. Events
//! are always taken.

mod lanes;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::runtime::Handle;

use crate::{
    Closed, Connect, ConnectReply, Event, Gap, Gateway, Identity, Message, Peer, Receipt, Refusal,
    RoomRequest, Router,
};
use lanes::Lanes;

/// What [`Router`] decides, decided by futures. They run on the runtime, so they may wait, for a
/// database for instance, but must not block its threads.
pub trait AsyncRouter: Send + Sync + 'static {
    /// A peer wants a session.
    fn connect(
        &self,
        gateway: &Gateway,
        request: Connect,
    ) -> impl Future<Output = Result<Identity, Refused>> + Send;

    /// A peer sent a message. The reply's body, or why the message was not taken.
    fn receive(
        &self,
        gateway: &Gateway,
        peer: &Peer,
        message: Message,
    ) -> impl Future<Output = Result<Bytes, Refusal>> + Send;

    /// A peer asks something about a room: see [`Router::room`]. The reply's body, or why the
    /// request was not granted. Refused by default.
    fn room(
        &self,
        gateway: &Gateway,
        peer: &Peer,
        request: RoomRequest,
    ) -> impl Future<Output = Result<Bytes, Refusal>> + Send {
        let _ = (gateway, peer, request);
        async { Err(Refusal::new(comet_protocol::comet::Code::FORBIDDEN.get())) }
    }

    /// Something else happened to a session. Ignored by default.
    fn event(
        &self,
        gateway: &Gateway,
        peer: &Peer,
        event: Event<'_>,
    ) -> impl Future<Output = ()> + Send {
        let _ = (gateway, peer, event);
        async {}
    }
}

/// How a peer is refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refused {
    /// With an auth reply that has this body; the peer may try again.
    Told(Bytes),
    /// Without a word.
    Closed,
}

/// Runs an [`AsyncRouter`] on a tokio runtime.
///
/// A future that panics refuses its peer or message; the session of the message is kicked.
#[derive(Debug)]
pub struct OnTokio<R> {
    router: Arc<R>,
    runtime: Handle,
    lanes: Arc<Lanes>,
    /// One permit for each connect and message under way.
    places: Arc<Places>,
}

/// How many connects and messages may be under way at once, and how many are.
#[derive(Debug)]
struct Places {
    limit: usize,
    taken: AtomicUsize,
}

/// Given back when dropped.
#[derive(Debug)]
struct Place(Arc<Places>);

impl Places {
    fn take(self: &Arc<Self>) -> Option<Place> {
        if self.taken.fetch_add(1, Ordering::Relaxed) < self.limit {
            return Some(Place(Arc::clone(self)));
        }
        self.taken.fetch_sub(1, Ordering::Relaxed);
        None
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<R: AsyncRouter> OnTokio<R> {
    /// Runs `router` on the runtime behind `handle`, which must outlive the gateway.
    #[must_use]
    pub fn new(runtime: Handle, router: R) -> Self {
        let places = Arc::new(Places { limit: 65_536, taken: AtomicUsize::new(0) });
        Self { router: Arc::new(router), runtime, lanes: Arc::default(), places }
    }

    /// Connects and messages that may be under way at once. Default 65,536; each is a future and,
    /// for a message, its body.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.places = Arc::new(Places { limit, taken: AtomicUsize::new(0) });
        self
    }

    fn in_lane<F>(&self, gateway: &Gateway, peer: &Peer, job: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.lanes.push(&self.runtime, gateway, peer.session(), job);
    }
}

impl<R: AsyncRouter> Router for OnTokio<R> {
    fn connect(&self, gateway: &Gateway, request: Connect, reply: ConnectReply) {
        let Some(place) = self.places.take() else { return reply.close() };
        let (router, gateway) = (Arc::clone(&self.router), gateway.clone());
        self.runtime.spawn(async move {
            let _place = place;
            match router.connect(&gateway, request).await {
                Ok(identity) => reply.accept(identity),
                Err(Refused::Told(body)) => reply.refuse(body),
                Err(Refused::Closed) => reply.close(),
            }
        });
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        let Some(place) = self.places.take() else { return receipt.refuse(Refusal::later(0)) };
        let (router, handle, whom) = (Arc::clone(&self.router), gateway.clone(), peer.clone());
        self.in_lane(gateway, peer, async move {
            let _place = place;
            match router.receive(&handle, &whom, message).await {
                Ok(reply) => receipt.ack(reply),
                Err(refusal) => receipt.refuse(refusal),
            }
        });
    }

    fn room(&self, gateway: &Gateway, peer: &Peer, request: RoomRequest, receipt: Receipt) {
        let Some(place) = self.places.take() else { return receipt.refuse(Refusal::later(0)) };
        let (router, handle, whom) = (Arc::clone(&self.router), gateway.clone(), peer.clone());
        self.in_lane(gateway, peer, async move {
            let _place = place;
            match router.room(&handle, &whom, request).await {
                Ok(reply) => receipt.ack(reply),
                Err(refusal) => receipt.refuse(refusal),
            }
        });
    }

    fn event(&self, gateway: &Gateway, peer: &Peer, event: Event<'_>) {
        let (router, handle, whom) = (Arc::clone(&self.router), gateway.clone(), peer.clone());
        let event = OwnedEvent::from(event);
        self.in_lane(gateway, peer, async move {
            router.event(&handle, &whom, event.lend()).await;
        });
    }
}

/// An [`Event`] on its way through a lane.
enum OwnedEvent {
    Connected,
    Acked { tag: u64 },
    Lost(Gap),
    Gap(Gap),
    Parked(Closed),
    Resumed,
    Disconnected(Closed),
}

impl From<Event<'_>> for OwnedEvent {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Connected => Self::Connected,
            Event::Acked { tag } => Self::Acked { tag },
            Event::Lost(gap) => Self::Lost(gap.clone()),
            Event::Gap(gap) => Self::Gap(gap.clone()),
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
            Self::Lost(gap) => Event::Lost(gap),
            Self::Gap(gap) => Event::Gap(gap),
            Self::Parked(closed) => Event::Parked(closed),
            Self::Resumed => Event::Resumed,
            Self::Disconnected(closed) => Event::Disconnected(closed),
        }
    }
}
