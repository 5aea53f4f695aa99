//! Authentication: dtalk tokens, the devices of a user, and admission of logins.
//!
//! Users prove by a signature that they hold the key of their address ([`token`]).
//! [`Authenticated`] wraps the inner router, and admits peers with a valid token; the devices of
//! users are stored in the [`Registry`], which also prevents two phones of one user from replacing
//! each other endlessly. The other backends depend on none of this: they take an `Arc<dyn Verify>`
//! for their HTTP handlers, implemented by [`Tokens`], and find a `DeviceInfo` as the context of
//! each peer.
//!
//! ```no_run
//! # use {comet::Router, comet_sql::Pool, std::error::Error};
//! # async fn start(pool: Pool, rest: impl Router) -> Result<(), Box<dyn Error>> {
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
//! let http = login::routes(Arc::new(Tokens::default()), registry);
//! # Ok(())
//! # }
//! ```

mod address;
pub mod alternation;
pub mod announcer;
pub mod devices;
mod endpoint;
mod gate;
mod jwt;
mod key;
pub mod login;
mod outcome;
mod presence;
pub mod registry;
mod router;
mod superseded;
pub mod token;
mod tokens;

pub use address::Address;
pub use jwt::{Jwt, JwtAlgorithm, JwtKeyError};
pub use key::{Key, KeyError};
pub use outcome::{Logins, Outcome};
pub use presence::Presence;
pub use registry::Registry;
pub use router::Authenticated;
pub use token::{TokenError, verify};
pub use tokens::Tokens;
