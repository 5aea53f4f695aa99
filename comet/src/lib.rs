//! In the making.

mod bucket;
mod closed;
mod config;
mod delivery;
mod error;
mod id;
mod identity;
mod session;
mod time;
mod wheel;

pub use closed::Closed;
pub use config::Config;
pub use delivery::{Class, Delivery, Kind};
pub use error::{AdoptError, CommandError, StartError};
pub use id::SessionId;
pub use identity::{Identity, Peer};
