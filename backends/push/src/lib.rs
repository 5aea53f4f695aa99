//! Pushes: word to the vendor of a phone's system that a message waits, when the phone itself does
//! not acknowledge it.
//!
//! A push is due when a message has been stored for a time and no phone of its receiver has
//! acknowledged it. Whether the phone has a session does not matter: one that is frozen gets the
//! push, one that acknowledges never does. What is due is read from the store's record, behind a
//! [mark](PART) of how far it was read, so that a restart neither loses pushes nor repeats them,
//! but for those of the last batch.
//!
//! ```text
//!  store's record ──▶ scanner ──▶ lane of a vendor ──▶ workers ──▶ vendor
//!                       │  ▲        one push for each user           │
//!         mark ◀────────┘  │        and conversation                 ▼
//!                          └── Tokens, Names            Tokens::forget
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`Push`] | a push: receiver, device, conversation, title, text, time limit |
//! | [`PushVendor`] | a vendor, and what becomes of a push; [`vendors`] has five |
//! | [`Tokens`], [`Names`] | what is asked of other backends |
//! | `scanner`, `work`, `batches`, `mark` | what is due, how far that is done |
//! | `http`, `jwt`, `date` | what vendors are made of |
//! | `lane`, `queue`, `backoff` | what waits for a vendor, and its repeats |
//!
//! Not here: which messages no phone has (the store), device tokens (whoever implements
//! [`Tokens`]).

mod backoff;
mod batches;
mod config;
mod counters;
mod date;
mod dispatch;
mod http;
mod jwt;
mod lane;
mod mark;
mod push;
mod queue;
mod scanner;
mod secret;
mod service;
mod sources;
mod vendor;
pub mod vendors;
mod work;

pub use config::Config;
pub use counters::Stats;
pub use http::{Trust, TrustError};
pub use mark::PART;
pub use push::{Conversation, Push, Token};
pub use secret::Secret;
pub use service::{Pushes, StartError, Vendors};
pub use sources::{Names, Pending, Target, Tokens};
pub use vendor::{Outcome, PushVendor, Sending};
