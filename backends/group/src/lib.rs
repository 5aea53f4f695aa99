//! Groups of a dtalk-compatible server: members, roles, mutes, applications.
//!
//! [`Groups`] are in the database of the store. Each change is one transaction with its entries in
//! the store's outbox, so that members learn of exactly what was committed, in its order. For the
//! store `Groups` are the [`Membership`](comet_store::Membership): who may speak where is answered
//! from memory, which follows each commit. [`routes`] are the HTTP interface; the organisation
//! backend calls the `force_` operations and answers as an [`Organisation`].
//!
//! ```text
//!  routes ──┐                       ┌─▶ dtalk_group_*  ┐
//!           ├─▶ operation ─▶ edit ──┤                  ├ one transaction
//!  force_ ──┘     (rule)            └─▶ comet_outbox   ┘
//!                                          │ commit
//!                                          ▼
//!            Membership ◀── view ◀── what was written
//! ```
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use comet_dtalk::http::Verify;
//! use comet_group::{Config, Groups, OpenError, routes};
//! use comet_sql::Pool;
//! use comet_store::Outbox;
//!
//! # async fn start(pool: Pool, verify: Arc<dyn Verify>) -> Result<(), OpenError> {
//! let outbox = Outbox::default();
//! let groups = Groups::open(pool, Config::default(), outbox.clone()).await?;
//! let http = routes(groups.clone(), verify);
//! let membership: Arc<dyn comet_store::Membership> = Arc::new(groups);
//! # Ok(())
//! # }
//! ```
//!
//! Limits: members of a group and groups of a user ([`Config`]), 10 admins, a mute of a day or for
//! ever. Memory: about 64 bytes for each membership, 160 for each user with one, 250 for each
//! group.
//!
//! Not here: delivery and storage of messages (the store), enterprises and departments (the
//! organisation).

mod announcer;
mod config;
mod creation;
mod db;
mod edit;
mod error;
mod force;
mod group;
mod groups;
mod http;
mod invitation;
mod member;
mod mute;
mod operations;
mod organisation;
mod permission;
mod reading;
mod user;
mod view;

pub use config::Config;
pub use creation::NewGroup;
pub use error::{GroupError, OpenError};
pub use group::Kind;
pub use groups::Groups;
pub use http::routes;
pub use member::{NewMember, Role};
pub use organisation::{Answer, Organisation};
