//! Async routers: an [`AsyncRouter`] run on tokio, with the calls of each session in order.
//!
//! A shard never blocks. [`OnTokio`] hands each call to the runtime and keeps the calls of a
//! session in order: the next one begins when the one before has ended, while those of different
//! sessions run concurrently.
//!
//! ```
//! use std::time::Duration;
//!
//! use comet::tokio::{AsyncRouter, OnTokio, Rejection};
//! use comet::{Bytes, Connect, Delivery, Gateway, Identity, Listen, Message, Peer, Refusal};
//!
//! struct Lobby;
//!
//! impl AsyncRouter for Lobby {
//!     async fn connect(&self, _: &Gateway, request: Connect) -> Result<Identity, Rejection> {
//!         // A database would be asked here. If it is away, the client comes back later:
//!         // Err(Rejection::Later(Duration::from_secs(5)))
//!         if request.token.is_empty() {
//!             return Err(Rejection::Refuse("no token".into()));
//!         }
//!         Ok(Identity::new(request.app, request.token).room("lobby"))
//!     }
//!
//!     async fn receive(&self, gateway: &Gateway, _: &Peer, m: Message) -> Result<Bytes, Refusal> {
//!         match gateway.publish("lobby", Delivery::acked(m.body)) {
//!             Ok(()) => Ok(Bytes::new()),
//!             Err(_) => Err(Refusal::later(503)),
//!         }
//!     }
//! }
//!
//! # let runtime = ::tokio::runtime::Runtime::new()?;
//! # runtime.block_on(async {
//! let router = OnTokio::new(::tokio::runtime::Handle::current(), Lobby);
//! let listen = Listen::tcp(([127, 0, 0, 1], 0).into());
//! let gateway = Gateway::builder(router).listen(listen).start()?;
//! gateway.drain(Duration::from_secs(1));
//! gateway.stopped().await;
//! # Ok::<(), comet::StartError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limits
//!
//! Everything that waits has a limit, and every loss is reported:
//!
//! * connects and messages in progress: [`OnTokio::limit`]. A peer beyond it is told to come back,
//!   as by [`ConnectReply::later`]; a message is refused as retryable;
//! * events that wait for the router, for each session: [`OnTokio::events`]. A session with more
//!   ends, as [`Closed::RouterBehind`]. Its later events are dropped except for the last one,
//!   [`Event::Disconnected`], which gives that reason: acks among them count as never received.

mod lanes;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::tokio::runtime::Handle;
use bytes::Bytes;
use comet_protocol::comet::Code;

#[cfg(doc)]
use crate::Closed;
pub use crate::http::HttpStream;
#[cfg(feature = "tls")]
use crate::shard::transport::detached::tls_over;
pub use crate::stream::LaneStream;
use crate::{
    Connect, ConnectReply, Event, Gateway, Identity, Message, Peer, Receipt, Refusal, RoomRequest,
    Router,
};
use lanes::{Call, Lanes};

/// Begins TLS as its server on a socket accepted elsewhere, of which these bytes were read already.
/// Costs what TLS costs on a listener.
///
/// The handshake takes place as the stream is read: bound its time. Of an unfinished handshake
/// message 16,384 bytes are kept at most.
///
/// # Errors
///
/// Those of registering the socket, which happens here, and of rustls with its configuration.
///
/// # Panics
///
/// Outside of a tokio runtime with IO.
#[cfg(feature = "tls")]
pub fn accept_tls(
    socket: ::tokio::net::TcpStream,
    read: &Bytes,
    tls: &crate::tls::Tls,
) -> std::io::Result<HttpStream> {
    let stream = tls_over(socket.into_std()?, tls, read.to_vec())?;
    Ok(HttpStream::over_tls(stream, Bytes::new()))
}

/// Async counterpart of [`Router`]. Its futures run on the runtime, so they may await, a database
/// for instance, but must not block its threads.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an `AsyncRouter`",
    label = "not an `AsyncRouter`",
    note = "a `Router` needs no runtime: pass it to `Gateway::builder` without `OnTokio`"
)]
pub trait AsyncRouter: Send + Sync + 'static {
    /// A peer asks for a session.
    fn connect(
        &self,
        gateway: &Gateway,
        request: Connect,
    ) -> impl Future<Output = Result<Identity, Rejection>> + Send;

    /// A peer sent a message. Returns the reply's body, or the refusal.
    fn receive(
        &self,
        gateway: &Gateway,
        peer: &Peer,
        message: Message,
    ) -> impl Future<Output = Result<Bytes, Refusal>> + Send;

    /// A peer sends a request about a room: see [`Router::room`]. Returns the reply's body, or the
    /// refusal. Refused by default.
    fn room(
        &self,
        gateway: &Gateway,
        peer: &Peer,
        request: RoomRequest,
    ) -> impl Future<Output = Result<Bytes, Refusal>> + Send {
        let _ = (gateway, peer, request);
        async { Err(Refusal::new(Code::FORBIDDEN.get())) }
    }

    /// Any other event of a session. Ignored by default.
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

/// Answer to a peer that gets no session; each variant is a method of [`ConnectReply`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Rejection {
    /// [`ConnectReply::refuse`]: the peer gets this body, and may try again.
    Refuse(Bytes),
    /// [`ConnectReply::refuse_http`]: the same, with an HTTP status for raw peers.
    RefuseHttp {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: Bytes,
    },
    /// [`ConnectReply::later`]: the peer comes back after this time.
    Later(Duration),
    /// [`ConnectReply::close`]: the connection ends without an answer.
    Close,
}

/// Time after which a peer is to come back if no place was free.
const BACK_AFTER: Duration = Duration::from_secs(1);

/// Runs an [`AsyncRouter`] on a tokio runtime.
///
/// A panic in [`connect`](AsyncRouter::connect) refuses the peer; anywhere else it closes the
/// session. Each panic is counted and logged.
#[derive(Debug)]
pub struct OnTokio<R> {
    router: Arc<R>,
    runtime: Handle,
    lanes: Arc<Lanes<R>>,
    /// One permit for each connect and message in progress.
    places: Arc<Places>,
}

/// Limit and number of the connects and messages in progress.
#[derive(Debug)]
struct Places {
    limit: usize,
    taken: AtomicUsize,
}

/// Released when dropped.
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
        let router = Arc::new(router);
        let places = Arc::new(Places { limit: 65_536, taken: AtomicUsize::new(0) });
        let lanes = Arc::new(Lanes::new(Arc::clone(&router), 1_024));
        Self { router, runtime, lanes, places }
    }

    /// Limit of connects and messages in progress. Default 65,536; each is a future and, for a
    /// message, its body.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.places = Arc::new(Places { limit, taken: AtomicUsize::new(0) });
        self
    }

    /// Limit of events of a session that wait for the router, at least 1. Default 1,024, of about
    /// 40 bytes each.
    ///
    /// A peer may acknowledge all of its window and queue at once: a limit below that can end
    /// sessions of well-behaved peers.
    #[must_use]
    pub fn events(mut self, limit: usize) -> Self {
        self.lanes = Arc::new(Lanes::new(Arc::clone(&self.router), limit.max(1)));
        self
    }
}

impl<R: AsyncRouter> Router for OnTokio<R> {
    fn connect(&self, gateway: &Gateway, request: Connect, reply: ConnectReply) {
        let Some(place) = self.places.take() else { return reply.later(BACK_AFTER) };
        let (router, gateway) = (Arc::clone(&self.router), gateway.clone());
        self.runtime.spawn(async move {
            let _place = place;
            match router.connect(&gateway, request).await {
                Ok(identity) => reply.accept(identity),
                Err(Rejection::Refuse(body)) => reply.refuse(body),
                Err(Rejection::RefuseHttp { status, body }) => reply.refuse_http(status, body),
                Err(Rejection::Later(after)) => reply.later(after),
                Err(Rejection::Close) => reply.close(),
            }
        });
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        let Some(place) = self.places.take() else { return receipt.refuse(Refusal::later(0)) };
        let call = Call::Message(Box::new((message, receipt, place)));
        self.lanes.push(&self.runtime, gateway, peer, call);
    }

    fn room(&self, gateway: &Gateway, peer: &Peer, request: RoomRequest, receipt: Receipt) {
        let Some(place) = self.places.take() else { return receipt.refuse(Refusal::later(0)) };
        let call = Call::Room(Box::new((request, receipt, place)));
        self.lanes.push(&self.runtime, gateway, peer, call);
    }

    fn event(&self, gateway: &Gateway, peer: &Peer, event: Event<'_>) {
        self.lanes.push(&self.runtime, gateway, peer, Call::Event(event.into()));
    }
}
