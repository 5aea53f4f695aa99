//! Who is this: dtalk tokens, the devices of a user, and who may log in.
//!
//! Users prove by a signature that they hold the key of their address ([`token`]).
//! [`Authenticated`] wraps the router that does the rest of the work, and lets in who has a good
//! token; the devices that users log in from stand in the [`Registry`], which also keeps two phones
//! of one user from quarrelling. The other backends see none of this: they take an
//! `Arc<dyn Verify>` for their HTTP handlers, which [`Tokens`] is, and find a `DeviceInfo` as the
//! context of each peer.
//!
//! ```no_run
//! # use {comet::Router, sqlx::SqlitePool, std::error::Error};
//! # async fn start(pool: SqlitePool, rest: impl Router) -> Result<(), Box<dyn Error>> {
//! use std::sync::Arc;
//!
//! use comet::{Gateway, Listen};
//! use comet_identity::{Authenticated, Registry, Tokens, login};
//! use tokio::runtime::Handle;
//!
//! let registry = Registry::open(pool).await?;
//! let router = Authenticated::new(registry.clone(), Handle::current(), ["dtalk"], rest);
//! let gateway =
//!     Gateway::builder(router).listen(Listen::tcp("127.0.0.1:3101".parse()?)).start()?;
//! let http = login::routes(Arc::new(Tokens), registry);
//! # Ok(())
//! # }
//! ```

mod address;
pub mod announcer;
mod gate;
mod key;
pub mod login;
mod outcome;
mod presence;
pub mod quarrel;
mod reconnect;
pub mod registry;
mod router;
pub mod token;
mod tokens;

pub use address::Address;
pub use key::{Key, KeyError};
pub use outcome::{Logins, Outcome};
pub use presence::Presence;
pub use registry::Registry;
pub use router::Authenticated;
pub use token::{TokenError, verify};
pub use tokens::Tokens;
