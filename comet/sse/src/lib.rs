//! Sessions over plain HTTP, for networks that let nothing else through: server-sent events down
//! (HTML, section 9.2), POST up. The dialect is comet, so that a lost stream is resumed by its
//! ticket, on this transport or another.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `POST /comet/sse` | the auth packet | `{"stream": ID, "reply": BASE64}`; 403 without ID |
//! | `GET /comet/sse/{id}` | | events of whole packets in base64; a comment each 15 s |
//! | `POST /comet/sse/{id}?n=K` | packets | 204 once they are taken |
//!
//! The reply is the one to the auth packet, and ID the stream that it opened. Numbers `n` count
//! from 1 without holes. A repeat is answered and not applied; a POST behind a hole waits for those
//! before it, for a time. The id is a credential of 128 random bits: it must not get into logs.
//!
//! A stream has one GET in its life, and losing that is losing the connection: the session parks.
//! Long events have several `data` lines; without the line feeds between them they are one base64
//! text.
//!
//! A session does not know what carries it: each stream is a pipe in this process, adopted by
//! [`Gateway::adopt`], under the gateway's limits, counters, drain and back-pressure. A reader that
//! does not read fills its socket, then its pipe, and ends as
//! [slow](comet::IoConfig::write_timeout); a session that takes no input leaves its POST
//! unanswered.
//!
//! ```no_run
//! # fn serve(gateway: comet::Gateway) -> axum::Router {
//! axum::Router::new().merge(comet_sse::routes(gateway, comet_sse::SseConfig::default()))
//! # }
//! ```
//!
//! Limits per address need the client's: an extension of type [`comet::Client`], or axum's
//! `ConnectInfo<SocketAddr>` with [`SseConfig::trusted_proxies`].
//!
//! *Not here: sessions, tickets, the dialect (`comet`); HTTP connections, their number and their
//! time (the server that mounts the routes); CORS.*
//!
//! [`Gateway::adopt`]: comet::Gateway::adopt

mod body;
mod config;
mod events;
mod id;
mod routes;
mod stream;
mod streams;
mod upload;

pub use config::SseConfig;
pub use routes::routes;
