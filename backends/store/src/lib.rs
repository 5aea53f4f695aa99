//! Message store of a dtalk-compatible server: messages are stored before they are acknowledged,
//! delivered after that, and replayed later to clients that missed them.
//!
//! A [`Store`] is a [`comet::Router`] for the messages of sessions; [`routes`] is its HTTP
//! interface. A message confirmed to a client is on the disk; every message is once in the log of
//! its sender and once in that of its receiver, under an id that orders it; a client that sends a
//! message again gets the first answer.
//!
//! ```text
//!  shards ──receive, acked, connected──▶ queue ──▶ writer ──▶ database   one commit for each batch
//!     ▲                                              │  ▲
//!     └──────────── replies, deliveries ─────────────┘  └─pages── readers   for who catches up
//! ```
//!
//! ```no_run
//! use std::path::Path;
//! use std::sync::Arc;
//!
//! use comet::{Gateway, Listen};
//! use comet_dtalk::http::Verify;
//! use comet_store::{Config, NoGroups, Store, routes};
//!
//! # async fn serve(verify: Arc<dyn Verify>) -> Result<(), Box<dyn std::error::Error>> {
//! let store = Store::open(Path::new("store.db"), Config::default(), Arc::new(NoGroups)).await?;
//! // In earnest something that knows the users is around the store.
//! let listen = Listen::websocket(([127, 0, 0, 1], 3102).into());
//! let gateway = Gateway::builder(store.clone()).listen(listen).start()?;
//! let http = routes(store, gateway, verify);
//! # Ok(()) }
//! ```
//!
//! Not here: authentication of peers (the router that wraps the store), groups ([`Membership`]),
//! files, pushes to phones: the store only tells which messages no phone has ([`Store::heads`]).

mod body;
mod catch_up;
mod check;
mod config;
mod db;
mod entry;
mod heads;
mod http;
mod membership;
mod outbox;
mod received;
mod retention;
mod router;
mod stats;
mod store;
mod sync_marks;
mod tag;
#[cfg(test)]
mod testing;
mod typing;
mod unreceived;
mod writer;

pub use config::Config;
pub use db::OpenError;
pub use http::routes;
pub use membership::{Membership, NoGroups};
pub use outbox::{Change, Outbox};
pub use retention::{Keep, Retention};
pub use stats::Stats;
pub use store::{Store, UnusableReason};
pub use unreceived::{MessageHead, Receiver, Slice, Unreceived};
