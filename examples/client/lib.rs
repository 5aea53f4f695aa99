//! A client of the comet dialect on tokio: a session over TCP and WebSocket.
//!
//! [`Client`] connects, reconnects after every loss by the rules of its state machine
//! ([`comet_protocol::client::ClientSession`]), resumes its session over the transport of the next
//! [`Address`], and returns one [`Event`] at a time:
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
//! There is no task and no channel: everything happens in [`Client::next`], so that events that are
//! not taken are not read from the socket, which gives back-pressure.
//!
//! Not here: TLS, the content of bodies, storage of messages.

mod address;
mod client;
mod connection;
mod error;
mod frames;
mod handshake;

pub use address::{Address, AddressError, Transport};
pub use client::Client;
pub use comet_protocol::client::{Closed, Config, Event, Full, Time};
pub use error::ConnectionError;
