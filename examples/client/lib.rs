//! A client of the comet dialect on tokio: one session over TCP and WebSocket, whichever works.
//!
//! [`Client`] connects, comes back after every loss by the rules of the state machine that it
//! drives ([`comet_protocol::client::ClientSession`]), resumes its session on whatever transport
//! the next [`Address`] names, and hands up what happened one [`Event`] at a time:
//!
//! ```no_run
//! use comet_client::{Client, Config, Event};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let mut config = Config::default();
//! config.auth.token = "me".into();
//! config.auth.ext = "lobby".into();
//! let mut client = Client::new(config, "127.0.0.1:3101".parse()?);
//! client.send("hello")?;
//! loop {
//!     match client.next().await {
//!         Event::Delivery { body, .. } => println!("{}", String::from_utf8_lossy(&body)),
//!         Event::Gap { gap, .. } => println!("{} are missing", gap.count),
//!         Event::Closed(why) => return Err(why.into()),
//!         _ => {}
//!     }
//! }
//! # }
//! ```
//!
//! There is no task and no channel behind it: everything happens in [`Client::next`], so that what
//! its owner does not take is not read, and becomes back-pressure.
//!
//! Not here: TLS, what bodies mean, where messages are kept.

mod address;
mod client;
mod connection;
mod websocket;

pub use address::{Address, AddressError, Transport};
pub use client::Client;
pub use comet_protocol::client::{Closed, Config, Event, Full, Time};
pub use connection::ConnectionError;
