//! An HTTP server for a port, with limits on the time and the number of connections: HTTP/1.1, and
//! HTTP/2 over TLS.
//!
//! * `port`: a port and its limits;
//! * `connection`: a connection, from its first byte to its end;
//! * `deadlines`, `streams`, `wait`: the state of a connection and its deadline;
//! * `socket`, `bodies`: sources of the events for `deadlines`;
//! * `opening`: what comes before a request: the PROXY header where it is required, and TLS;
//! * `slots`: limits on connections, and eviction of an idle one for a new one.
//!
//! Not here: the handlers.

mod bodies;
mod connection;
mod deadlines;
mod opening;
mod port;
mod slots;
mod socket;
mod streams;
mod wait;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use comet::tls::Tls;
use comet::tokio::HttpStream;
use comet::{HttpConnection, Repeats, TrustedProxies, Via};
use comet_dtalk::clock;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

pub(crate) use bodies::Exchange;
use connection::Connection;
pub(crate) use connection::Secured;
use deadlines::{Deadlines, Times};
pub(crate) use port::{Port, handed_over};
use slots::{LimitReached, Slot, Slots};
pub(crate) use socket::TimedStream;

/// Pause after a failed accept, such as for lack of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Next connection of a port.
enum Arrival {
    Accepted(io::Result<(TcpStream, SocketAddr)>),
    /// By the gateway, on a port of its own.
    HandedOver(HttpConnection),
}

/// Serves until a stop is requested, then until every connection has finished its request. Each
/// request has extensions of the types [`Client`](comet::Client) and [`Secured`], and one on HTTP/2
/// an [`Exchange`], which lasts as long as the stream is used.
pub(crate) async fn serve(port: Port, app: Router, mut stop: watch::Receiver<bool>) {
    let Port { name, listener, mut handed_over, .. } = port;
    let server = Server {
        app,
        times: port.times,
        head_bytes: port.head_bytes,
        slots: Slots::new(port.connections, port.per_address),
        proxies: port.proxies,
        is_behind_proxies: port.is_behind_proxies,
        tls: port.tls,
        strangers: Arc::new(Repeats::new()),
        stop: stop.clone(),
    };
    let mut tasks = JoinSet::new();
    let failures = Repeats::new();
    loop {
        let arrival = tokio::select! {
            accepted = listener.accept() => Arrival::Accepted(accepted),
            Some(connection) = handed_over.recv() => Arrival::HandedOver(connection),
            // An error means that the sender is gone, which is treated as a stop.
            _ = stop.wait_for(|stop| *stop) => break,
            Some(ended) = tasks.join_next() => {
                note_panic(ended);
                continue;
            }
        };
        match arrival {
            Arrival::Accepted(Ok((stream, remote))) => {
                if let Some(connection) = server.admit(stream, remote) {
                    tasks.spawn(connection);
                }
            }
            Arrival::HandedOver(connection) => {
                if let Some(connection) = server.take_over(connection) {
                    tasks.spawn(connection);
                }
            }
            Arrival::Accepted(Err(error)) if is_of_one_connection(&error) => {}
            Arrival::Accepted(Err(error)) => {
                if let Some(more) = failures.admit(clock::unix()) {
                    tracing::warn!(port = name, %error, "cannot accept, trying on{more}");
                }
                sleep(PAUSE).await;
            }
        }
        server.slots.settled().await;
    }
    drop(listener);
    while let Some(ended) = tasks.join_next().await {
        note_panic(ended);
    }
}

fn note_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a request handler failed");
    }
}

/// Errors of one connection, reset before its accept; the next accept can succeed.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// State shared by the connections of a port.
#[derive(Clone, Debug)]
struct Server {
    app: Router,
    times: Times,
    head_bytes: usize,
    slots: Slots,
    proxies: TrustedProxies,
    is_behind_proxies: bool,
    /// TLS beside plain connections.
    tls: Option<Tls>,
    /// Log lines about connections without the PROXY header.
    strangers: Arc<Repeats>,
    stop: watch::Receiver<bool>,
}

impl Server {
    /// The task of a connection, if there is a slot for it.
    fn admit(
        &self,
        stream: TcpStream,
        remote: SocketAddr,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        if self.is_behind_proxies && self.proxies.header_of(remote.ip()).is_none() {
            self.note_stranger(remote, &"not a trusted proxy");
            return None;
        }
        // Small responses are sent at once. A socket with an error reports it at the next read or
        // write.
        let _ = stream.set_nodelay(true);
        match self.connection(remote.ip().into()) {
            Ok((connection, slot)) => {
                Some(connection.run(HttpStream::new(stream, Bytes::new()), slot))
            }
            Err(full) => {
                refuse(&stream, full);
                None
            }
        }
    }

    /// The task of a connection that the gateway accepted, if there is a slot for it. Its PROXY
    /// header, if any, was read there.
    fn take_over(
        &self,
        connection: HttpConnection,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        let via = connection.via();
        let stream = match connection.into_stream() {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection of the gateway cannot be served");
                return None;
            }
        };
        match self.connection(via) {
            Ok((mut connection, slot)) => {
                connection.server.is_behind_proxies = false;
                connection.server.tls = None;
                Some(connection.run(stream, slot))
            }
            Err(full) => {
                if let Ok((socket, _)) = stream.into_socket() {
                    refuse(&socket, full);
                }
                None
            }
        }
    }

    fn connection(&self, via: Via) -> Result<(Connection, Slot), LimitReached> {
        let deadlines = Arc::new(Mutex::new(Deadlines::new(self.times, Instant::now())));
        let wake = Arc::new(Notify::new());
        // Requests of a proxy are counted per client, request by request.
        let address = match self.proxies.header_of(via.peer()) {
            None => Some(via.peer()),
            Some(_) => None,
        };
        let slot = self.slots.connection(address, &deadlines, &wake)?;
        Ok((Connection::new(self.clone(), via, deadlines, wake), slot))
    }

    /// One line of the log at most for a port scan or a misconfigured balancer.
    fn note_stranger(&self, peer: SocketAddr, reason: &dyn std::fmt::Display) {
        if let Some(more) = self.strangers.admit(clock::unix()) {
            tracing::warn!(%peer, %reason, "no PROXY header, on a port that requires it{more}");
        }
    }
}

/// Sends the reason for the refusal if the socket accepts it at once. A client of TLS sees a broken
/// connection.
fn refuse(stream: &TcpStream, full: LimitReached) {
    let status = match full {
        LimitReached::Port => "503 Service Unavailable",
        LimitReached::Address => "429 Too Many Requests",
    };
    let response = format!(
        "HTTP/1.1 {status}\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    if let Err(error) = stream.try_write(response.as_bytes()) {
        tracing::debug!(%error, "a refused connection was not told");
    }
}
