//! QUIC for a [comet] gateway: sessions on streams of a UDP port.
//!
//! A peer connects with the application protocol `comet` (ALPN) and opens a bidirectional stream:
//! that stream is its session, with the same packets as on TCP. The gateway [adopts] the stream, so
//! the same router, limits, drain and counters apply. When the session ends its connection is
//! closed, and when the connection is lost its session is parked as any other. Browsers come to the
//! same port by [WebTransport]: a CONNECT to `/sub`, and the first stream behind it.
//!
//! ```no_run
//! use comet::{Connect, ConnectReply, Gateway, Identity, Message, Peer, Receipt, Router};
//! use comet_quic::{Config, Listener, Tls};
//!
//! struct Lobby;
//!
//! impl Router for Lobby {
//!     fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
//!         reply.accept(Identity::new(request.app, request.token));
//!     }
//!
//!     fn receive(&self, _: &Gateway, _: &Peer, _: Message, receipt: Receipt) {
//!         receipt.ack("");
//!     }
//! }
//!
//! let gateway = Gateway::builder(Lobby).start()?;
//! let tls = Tls::from_files("cert.pem".as_ref(), "key.pem".as_ref())?;
//! let listener = Listener::bind(&gateway, "0.0.0.0:3104".parse()?, &tls, Config::default())?;
//! println!("quic on {}", listener.address());
//! gateway.drain(std::time::Duration::from_secs(2));
//! gateway.wait();
//! listener.stop();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Threads
//!
//! Each of [`Config::threads`] threads owns a UDP socket and every connection that began there; no
//! connection has a task or a lock of its own. Between a connection and its session is a bounded
//! pipe, which is locked for the time of a push or a pop. A client that moves to another address
//! may reach another socket: its datagrams are handed to the thread named in its connection id.
//!
//! # Lanes and datagrams
//!
//! A client of the comet dialect can ask for its acked deliveries on streams of the server, one for
//! each lane, and for datagrams ([`Delivery::datagram`](comet::Delivery::datagram)). The first
//! delivery of a lane opens its stream. Each lane has a pipe of its own, and urgent ones go first
//! where there is room in packets.
//!
//! # Out of scope
//!
//! Client certificates.
//!
//! [adopts]: comet::Gateway::adopt

mod clock;
mod config;
mod connection;
mod counters;
mod driver;
#[doc(hidden)]
pub mod fuzzing;
mod inbox;
mod link;
mod listener;
mod tls;

pub use config::{Config, Retry, WebTransport};
pub use counters::{Datagrams, Stats};
pub use listener::{BindError, Listener};
pub use tls::{Tls, TlsError, fingerprint};
