//! The client's side of a session, as a state machine without IO.
//!
//! [`ClientSession`] speaks the comet dialect: it requests a session, resumes it with its ticket
//! after every loss, yields acked deliveries in order and exactly once, acks them in batches,
//! numbers messages and repeats them until they are answered, and decides when to reconnect.
//!
//! Inputs are `handle_*` with the time; after each of them drain
//! [`poll_transmit`](ClientSession::poll_transmit), then [`poll_event`](ClientSession::poll_event),
//! and call [`handle_timeout`](ClientSession::handle_timeout) no later than
//! [`poll_timeout`](ClientSession::poll_timeout).
//!
//! ```
//! use comet_protocol::client::{ClientSession, Config, Event, Time};
//!
//! let mut session = ClientSession::new(Time::from_micros(0), Config::default(), 7);
//! let Some(Event::Connect(link)) = session.poll_event() else { panic!("a link is wanted") };
//! // Connect here, by TCP or WebSocket; then:
//! session.handle_connected(Time::from_micros(30_000), link);
//! let auth = session.poll_transmit().expect("the auth frame, to be written");
//! assert_eq!(auth[8..12], [0, 0, 0, 1]);
//! ```
//!
//! A session moves to another connection, by whatever transport, without a break by
//! [`switch`](ClientSession::switch).
//!
//! Where a transport has lanes and datagrams (capability bits of the auth), their bytes are handed
//! in by [`handle_lane`](ClientSession::handle_lane) and
//! [`handle_datagram`](ClientSession::handle_datagram); deliveries are then in order within each
//! lane.
//!
//! Not here: sockets, the clock, WebSocket framing (module [`ws`](crate::ws)), the meaning of
//! bodies.

mod backoff;
mod beside;
mod config;
mod connection;
mod deliveries;
mod event;
mod frames;
mod heartbeat;
mod outbox;
mod roaming;
mod session;
mod successor;
mod time;
mod unnumbered;

pub use backoff::Backoff;
pub use config::Config;
pub use event::{Closed, Event, Link};
pub use outbox::Full;
pub use session::ClientSession;
pub use time::Time;
