//! A connection gateway for instant messaging, to be embedded.
//!
//! Comet holds very many long-lived sessions over TCP and WebSocket, groups them into rooms, and
//! delivers to them with sequence numbers and acknowledgements. What the messages mean is the
//! business of one trait, [`Router`]:
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
//! [`Gateway::builder`] takes a router, any number of [`Listen`] addresses and a [`Config`] with
//! every limit. Starting it starts **shards**, threads that share nothing:
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
//! Each [`Message`] comes with a [`Receipt`] that answers it; replies leave in order, however late
//! and from wherever they are settled.
//!
//! Everything in the other direction goes through the [`Gateway`] handle: a [`Delivery`] is pushed
//! to a [`Target`]: a session, a user, a room, or all. Its [`Class`] says what is promised:
//! acked deliveries are numbered, sent again until acknowledged, also on the connections to come,
//! and reported as [`Event::Acked`]; best-effort ones cost nothing and are dropped for who reads
//! too slowly; of latest ones only the newest of a key is kept for who cannot take it now. What of
//! the acked ones is lost all the same, by a limit of [`Config`], is told to the peer if its
//! dialect can, and to the router as [`Event::Gap`].
//!
//! Routers combine by wrapping one in another ([`Middleware`]), or by application with [`Mux`].
//! With the feature `tokio`, an [async router](tokio) can await.
//!
//! # What is not here
//!
//! Storage, identity, groups: the backends. Wire formats: `comet_protocol`. TLS and QUIC.
//!
//! # Features
//!
//! * `tokio`: [`tokio::OnTokio`]. Adds nothing to the cost of other routers.
//! * `simulation`: [`simulation::Simulation`], to run a gateway on virtual sockets and time.
//! * `internals`: for the benchmarks of this workspace; nothing of it is stable.

mod adopt;
mod bucket;
mod budget;
mod builder;
mod closed;
mod config;
mod contexts;
mod delivery;
mod devices;
mod dispatch;
mod error;
mod event;
mod gateway;
mod histogram;
mod home;
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
mod router;
mod session;
mod shard;
#[cfg(feature = "simulation")]
pub mod simulation;
mod stats;
mod target;
mod ticket;
mod time;
#[cfg(feature = "tokio")]
pub mod tokio;
mod wheel;

pub use adopt::Place;
pub use builder::Builder;
pub use bytes::Bytes;
pub use closed::Closed;
pub use comet_protocol::comet::FrameError;
pub use comet_protocol::ws::WsError;
pub use comet_protocol::ws::handshake::Request as UpgradeRequest;
pub use comet_protocol::{DecodeError, Dialect};
pub use config::{Config, Io, Overflow};
pub use delivery::{Class, Delivery, Gap, GapReason, Kind, Lane, Pass, Replay};
pub use devices::{Claim, Crowded, DevicePolicy, Winner};
pub use error::{AdoptError, CommandError, StartError};
pub use event::Event;
pub use gateway::Gateway;
pub use histogram::{Distribution, Histogram};
pub use id::SessionId;
pub use identity::{Identity, Peer};
pub use ipnet::IpNet;
pub use listen::{Listen, OriginPolicy};
pub use middleware::Middleware;
pub use mux::Mux;
pub use proxies::{Client, ForwardedHeader, TrustedProxies, network};
pub use refusal::Refusal;
pub use repeats::{LeftOut, Repeats};
pub use reservation::Reservation;
pub use room_request::RoomRequest;
pub use router::Router;
pub use shard::settle::{Connect, ConnectReply, Message, Receipt};
pub use stats::{Metric, MetricKind, Stats};
pub use target::Target;
