//! In the making.

mod bucket;
mod builder;
mod closed;
mod config;
mod delivery;
mod dispatch;
mod error;
mod gateway;
mod home;
mod id;
mod identity;
mod listen;
mod mux;
mod refusal;
mod router;
mod session;
mod shard;
mod stats;
mod time;
mod wheel;

pub use builder::Builder;
pub use closed::Closed;
pub use comet_protocol::Dialect;
pub use comet_protocol::ws::handshake::Request as UpgradeRequest;
pub use config::Config;
pub use delivery::{Class, Delivery, Kind};
pub use error::{AdoptError, CommandError, StartError};
pub use gateway::Gateway;
pub use id::SessionId;
pub use identity::{Identity, Peer};
pub use listen::{Listen, OriginPolicy};
pub use mux::Mux;
pub use refusal::Refusal;
pub use router::Router;
pub use shard::settle::{Connect, ConnectReply, Message, Receipt};
pub use stats::Stats;
