//! An embeddable connection gateway for instant messaging.
//!
//! Comet holds very many long-lived sessions over TCP and WebSocket, groups them into rooms, and
//! delivers to them with sequence numbers and acknowledgements. The meaning of messages is left to
//! one trait, [`Router`]:
//!
//! ```
//! use comet::{Connect, ConnectReply, Delivery, Gateway, Identity, Listen};
//! use comet::{Message, Peer, Receipt, Router};
//!
//! /// Everybody who has a name is in the lobby, and what one says all hear.
//! struct Lobby;
//!
//! impl Router for Lobby {
//!     fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
//!         if !request.token.is_empty() {
//!             reply.accept(Identity::new(request.app, request.token).room("lobby"));
//!         }
//!     }
//!
//!     fn receive(&self, gateway: &Gateway, _: &Peer, message: Message, receipt: Receipt) {
//!         if gateway.publish("lobby", Delivery::acked(message.body)).is_ok() {
//!             receipt.ack("");
//!         }
//!     }
//! }
//!
//! let gateway = Gateway::builder(Lobby).listen(Listen::tcp("127.0.0.1:0".parse()?)).start()?;
//! println!("listening on {}", gateway.addresses()[0]);
//! gateway.drain(std::time::Duration::from_secs(1));
//! gateway.wait();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A tour
//!
//! ## Embed
//!
//! [`Gateway::builder`] takes a router, any number of [`Listen`] addresses and a [`Config`] with
//! all limits. Starting it starts **shards**, threads that share nothing:
//!
//! ```text
//!   sockets --> shard threads (one poll each)      --> Router, called on the shard
//!                  | own: bucket = sessions + rooms          |
//!                  ^                                         v
//!   any thread ----+ bounded mailbox <---- Gateway: push, publish, join, kick, ...
//! ```
//!
//! A peer that connects is presented to the router as a [`Connect`], to be answered through a
//! [`ConnectReply`]: at once, or later from any thread. Accepted with an [`Identity`], it has a
//! **session**, which lives on the home shard of its user, and the router knows it as a [`Peer`].
//! Each [`Message`] comes with a [`Receipt`] that answers it; replies leave in order, whenever and
//! wherever they are settled. A router that wraps another one is a [`Middleware`]; [`Mux`] has a
//! router for each application. Each of them can attach data to a peer, under a type of its own:
//!
//! ```
//! use comet::{Connect, ConnectReply, Event, Gateway, Middleware, Peer, Router};
//!
//! /// The network that a peer comes from.
//! #[derive(Debug)]
//! struct Network(&'static str);
//!
//! struct Networks<R>(R);
//!
//! impl<R: Router> Middleware for Networks<R> {
//!     type Inner = R;
//!
//!     fn inner(&self) -> &R {
//!         &self.0
//!     }
//!
//!     fn connect(&self, gateway: &Gateway, request: Connect, reply: ConnectReply) {
//!         let is_local = request.remote.ip().is_loopback();
//!         let network = Network(if is_local { "local" } else { "outside" });
//!         self.0.connect(gateway, request, reply.context(network));
//!     }
//!
//!     fn event(&self, gateway: &Gateway, peer: &Peer, event: Event<'_>) {
//!         println!("{} {:?}: {}", peer.user(), peer.context::<Network>(), event.label());
//!         self.0.event(gateway, peer, event);
//!     }
//! }
//! ```
//!
//! ## Deliver: acks and gaps
//!
//! Everything in the other direction goes through the [`Gateway`] handle, from any thread: a
//! [`Delivery`] is pushed to a [`Target`]: a session, a user, a room, or all. Its [`Class`] is its
//! guarantee:
//!
//! * **acked** deliveries are numbered, sent again until acknowledged, and kept while they wait.
//!   The ack of one with a [`tag`](Delivery::tag) is reported as [`Event::Acked`], and a long wait
//!   for it as [`Event::Overdue`];
//! * **best-effort** ones cost nothing, and are dropped for peers that read too slowly;
//! * **latest** ones wait for a peer that cannot take them now, but only the newest of each key.
//!   Peers whose dialect has no such class get them as best effort, or, if they are
//!   [without fallback](Delivery::without_fallback), not at all.
//!
//! An acked delivery beyond a limit of [`Config`] becomes a [`Gap`]: the peer is told if it can be,
//! and the router can push again at [`Event::Gap`]. [`Event::Lost`] counts all other drops.
//!
//! ```
//! use comet::{Connect, ConnectReply, Delivery, Event, Gap, Gateway, Identity};
//! use comet::{Message, Peer, Receipt, Router, Target};
//!
//! /// Letters between users, under the numbers of a record.
//! struct Letters;
//!
//! impl Letters {
//!     fn record(&self, _body: &[u8]) -> u64 { /* Written down. */ 1 }
//!     fn has_arrived(&self, _user: &str, _number: u64) {}
//!     fn repair(&self, _gateway: &Gateway, _peer: &Peer, _gap: &Gap) { /* Pushed again. */ }
//! }
//!
//! impl Router for Letters {
//!     fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
//!         reply.accept(Identity::new(request.app, request.token));
//!     }
//!
//!     fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
//!         let number = self.record(&message.body);
//!         let letter = Delivery::acked(message.body).tag(number).position(number);
//!         // If a mailbox is full, the dropped receipt refuses the message, and it comes again.
//!         if gateway.push(Target::user(peer.app(), "bob"), letter).is_ok() {
//!             let typing = Delivery::latest("typing", "");
//!             let _ = gateway.push(Target::user(peer.app(), "bob"), typing);
//!             receipt.ack("");
//!         }
//!     }
//!
//!     fn event(&self, gateway: &Gateway, peer: &Peer, event: Event<'_>) {
//!         match event {
//!             Event::Acked { tag } => self.has_arrived(peer.user(), tag),
//!             Event::Gap(gap) => self.repair(gateway, peer, gap),
//!             _ => {}
//!         }
//!     }
//! }
//! # comet::Gateway::builder(Letters).start()?.drain(std::time::Duration::ZERO);
//! # Ok::<(), comet::StartError>(())
//! ```
//!
//! Gaps of [replayable](Delivery::replayable) deliveries can be repaired without reordering.
//!
//! ## Async router
//!
//! With the feature `tokio`, a router with async methods implements
//! [`AsyncRouter`](tokio::AsyncRouter), and [`OnTokio`](tokio::OnTokio) runs it. Calls for one
//! session are made in order, those for different sessions run concurrently, and all queues have
//! limits: see [`comet::tokio`](tokio).
//!
//! ```
//! # #[cfg(feature = "tokio")]
//! # mod example {
//! use std::time::Duration;
//!
//! use comet::tokio::{AsyncRouter, OnTokio, Rejection};
//! use comet::{Bytes, Connect, Gateway, Identity, Message, Peer, Refusal, Router};
//!
//! struct Accounts;
//!
//! impl Accounts {
//!     /// Asks a database: the user, or nobody; an error if it does not answer.
//!     async fn user(&self, token: &str) -> Result<Option<String>, ()> {
//!         Ok(Some(token.to_owned()))
//!     }
//! }
//!
//! impl AsyncRouter for Accounts {
//!     async fn connect(&self, _: &Gateway, request: Connect) -> Result<Identity, Rejection> {
//!         match self.user(&request.token).await {
//!             Ok(Some(user)) => Ok(Identity::new(request.app, user)),
//!             Ok(None) => Err(Rejection::Refuse("no such user".into())),
//!             Err(()) => Err(Rejection::Later(Duration::from_secs(5))),
//!         }
//!     }
//!
//!     async fn receive(&self, _: &Gateway, _: &Peer, m: Message) -> Result<Bytes, Refusal> {
//!         Ok(m.body)
//!     }
//! }
//!
//! /// On the runtime that this is called in.
//! pub fn router() -> impl Router {
//!     OnTokio::new(::tokio::runtime::Handle::current(), Accounts)
//! }
//! # }
//! # #[cfg(feature = "tokio")]
//! # ::tokio::runtime::Runtime::new()?.block_on(async {
//! #     let gateway = comet::Gateway::builder(example::router()).start()?;
//! #     gateway.drain(std::time::Duration::ZERO);
//! #     gateway.stopped().await;
//! #     Ok::<(), comet::StartError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ## Behind an HTTP server: axum
//!
//! A gateway needs no listener of its own: with the feature `tokio`, [`Gateway::adopt`] takes over
//! any `AsyncRead + AsyncWrite` stream: an upgraded connection, TLS, a pipe. From there on it is a
//! connection like any other, with all limits, back-pressure and the drain. An [`Adoption`] says
//! how it is framed and what is known of its peer: the dialect, the upgrade request, the address,
//! or the identity, if that is decided already.
//!
//! ```
//! # #[cfg(feature = "tokio")]
//! # mod example {
//! use std::net::SocketAddr;
//!
//! use axum::extract::{ConnectInfo, Request, State};
//! use axum::http::{StatusCode, header};
//! use axum::response::{IntoResponse, Response};
//! use comet::{Adoption, Client, Dialect, Gateway, UpgradeRequest};
//! use hyper_util::rt::TokioIo;
//!
//! /// Behind a route of axum; JSON is spoken then, see the text dialect.
//! async fn chat(
//!     State(gateway): State<Gateway>,
//!     ConnectInfo(remote): ConnectInfo<SocketAddr>,
//!     mut request: Request,
//! ) -> Result<Response, StatusCode> {
//!     let upgrade = UpgradeRequest::from_http("GET", request.uri().path(), request.headers());
//!     let upgrade = upgrade.map_err(|_| StatusCode::BAD_REQUEST)?;
//!     // A place first, so that a peer without one gets a status.
//!     let place = gateway.reserve(Client::Direct(remote.ip()));
//!     let place = place.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
//!     let accept = [(header::SEC_WEBSOCKET_ACCEPT, upgrade.accept_key())];
//!     let switch = [(header::UPGRADE, "websocket"), (header::CONNECTION, "Upgrade")];
//!     let adoption =
//!         Adoption::websocket().dialect(Dialect::Text).remote(remote).request(upgrade);
//!     let upgraded = hyper::upgrade::on(&mut request);
//!     tokio::spawn(async move {
//!         place.adopt(TokioIo::new(upgraded.await.ok()?), adoption).ok()
//!     });
//!     Ok((StatusCode::SWITCHING_PROTOCOLS, switch, accept).into_response())
//! }
//! # }
//! ```
//!
//! The graceful shutdown of the HTTP server does not cover upgraded connections:
//! [drain](#drain) the gateway after it, as the example `axum` of the repository does.
//!
//! A plain socket costs less by [`Gateway::adopt_socket`]. Under `axum::serve` it comes from
//! `hyper_util::server::conn::auto::upgrade::downcast::<TokioIo<TcpStream>>`, what was read already
//! with it. `Upgraded::downcast` is the wrong one there: it compiles, and fails at run time.
//!
//! ## Resume
//!
//! With a [`resume.ttl`](ResumeConfig::ttl), a session outlives its connection: it is **parked**,
//! keeps its rooms and its queue, and takes deliveries. Its peer comes back on any transport, with
//! a ticket in the comet dialect or as the same device in dtalk, and gets the deliveries it missed.
//! The router is notified by [`Event::Parked`], [`Event::Resumed`] and, in the end,
//! [`Event::Disconnected`].
//!
//! ```
//! use std::time::Duration;
//!
//! use comet::{Config, DevicePolicy, Winner};
//!
//! let mut config = Config::default();
//! config.resume.ttl = Duration::from_secs(120);
//! // The next process knows by it when each peer was asked to come back.
//! config.resume.ticket_key = Some([7; 32]);
//! // One phone for each user: the newer one replaces the older.
//! config.devices = DevicePolicy::default().group(["phone"], 1, Winner::Newest);
//! config.validate()?;
//! # Ok::<(), comet::StartError>(())
//! ```
//!
//! ## Limits
//!
//! Everything that a peer can make grow has a limit in [`Config`], with a default. Most are per
//! session; [`memory.budget`](MemoryConfig::budget) bounds the backlog of all sessions together,
//! and [`Stats::memory`] shows its use. A session with a full queue is treated as its [`Overflow`]
//! policy says. Some limits can be changed later by [`Gateway::reconfigure`].
//!
//! ```
//! use comet::{Config, Overflow};
//!
//! let mut config = Config::default().shards(4);
//! // Connections in all; bytes of a message, and messages a second.
//! config.limits.max_connections = 200_000;
//! config.limits.max_body = 64 * 1024;
//! config.limits.message_rate = 20;
//! // Deliveries in flight, waiting, and what happens to those beyond.
//! config.delivery.window = 128;
//! config.delivery.queue = 512;
//! config.delivery.overflow = Overflow::DropOldest;
//! config.memory.budget = 512 * 1024 * 1024;
//! config.validate()?;
//! # Ok::<(), comet::StartError>(())
//! ```
//!
//! A command that finds the mailbox of a shard full is not taken: [`CommandError::Full`].
//! [`Stats::closed`] counts the sessions that ended, by reason, most of them for a limit.
//!
//! ## Drain
//!
//! [`Gateway::drain`] stops accepting and ends the sessions a few at a time; peers that can be told
//! come back at different times. Then the shards end: [`Gateway::wait`] blocks until they have
//! ended, and [`Gateway::stopped`] is the same as a future, on any runtime.
//!
//! ```
//! /// On a signal.
//! fn stop(gateway: &comet::Gateway) {
//!     gateway.drain(std::time::Duration::from_secs(10));
//!     assert!(gateway.is_draining());
//!     gateway.wait();
//! }
//! ```
//!
//! # Backends
//!
//! Backends give messages their meaning: a [`Router`] with its tables and its HTTP routes. The
//! program `examples/backend` is a whole one; ARCHITECTURE.md has the steps to write another.
//!
//! Not here: storage, identity, groups (the backends), wire formats (`comet_protocol`), QUIC.
//!
//! # Features
//!
//! * `tls`: [`Listen::tls`], by rustls. No cost to other listeners.
//! * `tokio`: [`tokio::OnTokio`], and [`Gateway::adopt`] of async streams. No cost to others.
//! * `simulation`: [`simulation::Simulation`], to run a gateway on virtual sockets and time.
//! * `internals`: for the benchmarks of this workspace; nothing of it is stable.

mod bucket;
mod budget;
mod closed;
mod config;
mod contexts;
mod delivery;
mod devices;
mod error;
mod event;
mod gateway;
mod histogram;
mod home;
mod http;
mod id;
mod identity;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod keyed;
mod listen;
mod middleware;
mod mux;
mod pings;
mod proxies;
mod rate;
mod refusal;
mod repeats;
mod reservation;
mod room_request;
mod session;
mod shard;
#[cfg(feature = "simulation")]
pub mod simulation;
mod stats;
#[cfg(feature = "tokio")]
mod stream;
mod target;
mod ticket;
mod time;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(feature = "tokio")]
pub mod tokio;
mod wheel;

pub use bytes::Bytes;
pub use closed::{Closed, TlsFault};
pub use comet_protocol::ws::{WsError, deflate, handshake::Request as UpgradeRequest};
pub use comet_protocol::{DecodeError, Dialect, comet::FrameError, proxy::ProxyError};
pub use config::{
    Config, DeflateConfig, DeliveryConfig, HandshakeConfig, Io, IoConfig, LimitsConfig,
    MemoryConfig, Overflow, PingConfig, ResumeConfig,
};
pub use delivery::{Class, Delivery, Gap, GapReason, Kind, Lane, Pass, Replay};
pub use devices::{Claim, Crowded, DevicePolicy, Winner};
pub use error::{AdoptError, CommandError, StartError};
pub use event::Event;
pub use gateway::{Adoption, Builder, Gateway, Place, Router};
pub use histogram::{Distribution, Histogram};
pub use http::HttpConnection;
pub use id::SessionId;
pub use identity::{Identity, Peer};
pub use ipnet::IpNet;
pub use listen::{Listen, OriginPolicy, ProxyProtocol};
pub use middleware::Middleware;
pub use mux::Mux;
pub use proxies::{Client, ForwardedHeader, TrustedProxies, Via, network};
pub use refusal::Refusal;
pub use repeats::{LeftOut, Repeats};
pub use reservation::Reservation;
pub use room_request::RoomRequest;
pub use shard::requests::{Connect, ConnectReply, Message, Receipt};
pub use stats::{Metric, MetricKind, Stats};
pub use target::Target;
