//! An HTTP/1.1 server for a port, with limits on the time and the number of connections.
//!
//! * `port`: a port and its limits;
//! * `deadlines`: the state of a connection and its deadline;
//! * `socket`, `bodies`: sources of the events for `deadlines`;
//! * `proxy_header`: the PROXY header of a connection, where it is required;
//! * `slots`: limits on connections, and eviction of an idle one for a new one.
//!
//! Not here: the handlers.

mod bodies;
mod deadlines;
mod port;
mod proxy_header;
mod slots;
mod socket;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::{Body as AnyBody, Bytes};
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use comet::tokio::HttpStream;
use comet::{Client, HttpConnection, Repeats, TrustedProxies, Via};
use comet_dtalk::clock;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tower::ServiceExt;

use bodies::{RequestBody, ResponseBody};
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
/// request has an extension of type [`Client`].
pub(crate) async fn serve(port: Port, app: Router, mut stop: watch::Receiver<bool>) {
    let Port { name, listener, mut handed_over, .. } = port;
    let server = Server {
        app,
        times: port.times,
        head_bytes: port.head_bytes,
        slots: Slots::new(port.connections, port.per_address),
        proxies: port.proxies,
        is_behind_proxies: port.is_behind_proxies,
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
        Ok((Connection { server: self.clone(), via, deadlines, wake }, slot))
    }

    /// One line of the log at most for a port scan or a misconfigured balancer.
    fn note_stranger(&self, peer: SocketAddr, reason: &dyn std::fmt::Display) {
        if let Some(more) = self.strangers.admit(clock::unix()) {
            tracing::warn!(%peer, %reason, "no PROXY header, on a port that requires it{more}");
        }
    }
}

/// Sends the reason for the refusal if the socket accepts it at once.
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

/// The response to a proxied request of an address at its limit.
fn too_many() -> Response<AnyBody> {
    let headers = [(header::RETRY_AFTER, "1"), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    (StatusCode::TOO_MANY_REQUESTS, headers).into_response()
}

/// One connection.
#[derive(Clone, Debug)]
struct Connection {
    server: Server,
    via: Via,
    deadlines: Arc<Mutex<Deadlines>>,
    wake: Arc<Notify>,
}

impl Connection {
    /// Serves requests until the peer or the server closes, or a deadline passes. An upgraded
    /// connection ends here and continues with its new owner.
    async fn run(mut self, stream: HttpStream, slot: Slot) {
        let Some(stream) = self.begin(stream).await else { return };
        let io = TokioIo::new(TimedStream::new(stream, Arc::clone(&self.deadlines)));
        let (deadlines, wake) = (Arc::clone(&self.deadlines), Arc::clone(&self.wake));
        let mut stop = self.server.stop.clone();
        let mut builder = http1::Builder::new();
        builder.max_buf_size(self.server.head_bytes);
        let connection = builder.serve_connection(io, self).with_upgrades();
        let mut connection = pin!(connection);
        let mut stopping = pin!(async move {
            let _ = stop.wait_for(|stop| *stop).await;
        });
        let mut is_stopping = false;
        let mut dismissed = pin!(wake.notified());
        let mut timer = pin!(sleep_until(Instant::now()));
        poll_fn(|cx| {
            // A request that has arrived meanwhile keeps its connection until it is answered.
            if deadlines.lock().is_leaving() {
                return Poll::Ready(());
            }
            if !is_stopping && stopping.as_mut().poll(cx).is_ready() {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                if let Err(error) = ended {
                    tracing::debug!(%error, "an HTTP connection ended badly");
                }
                return Poll::Ready(());
            }
            let _ = dismissed.as_mut().poll(cx);
            let deadlines = deadlines.lock();
            if deadlines.is_leaving() {
                return Poll::Ready(());
            }
            let Some(deadline) = deadlines.deadline() else { return Poll::Pending };
            if timer.deadline() != deadline {
                timer.as_mut().reset(deadline);
            }
            timer.as_mut().poll(cx).map(|()| tracing::debug!("an HTTP connection was too slow"))
        })
        .await;
        drop(slot);
    }

    /// Reads the PROXY header, where it is required.
    async fn begin(&mut self, stream: HttpStream) -> Option<HttpStream> {
        if !self.server.is_behind_proxies {
            return Some(stream);
        }
        let (stream, _) = stream.into_socket().ok()?;
        let peer = stream.peer_addr().ok()?;
        let header = tokio::select! {
            header = timeout(self.server.times.head, proxy_header::read(stream)) => header.ok()?,
            () = self.wake.notified() => return None,
        };
        match header {
            Ok((stream, named)) => {
                self.via = Via::new(peer.ip(), named);
                Some(stream)
            }
            Err(error) => {
                self.server.note_stranger(peer, &error);
                None
            }
        }
    }

    async fn answer(
        self,
        request: Request<Incoming>,
    ) -> Result<Response<ResponseBody>, Infallible> {
        self.deadlines.lock().request(!request.body().is_end_stream());
        let client = self.server.proxies.client(self.via, |name| {
            request.headers().get_all(name).iter().map(HeaderValue::as_bytes)
        });
        let slot = match client {
            Client::Forwarded(address) => match self.server.slots.request(address) {
                Ok(slot) => Some(slot),
                Err(_) => {
                    return Ok(too_many().map(|body| ResponseBody::new(body, self.deadlines, None)));
                }
            },
            _ => None,
        };
        let mut request =
            request.map(|body| AnyBody::new(RequestBody::new(body, Arc::clone(&self.deadlines))));
        request.extensions_mut().insert(client);
        let response = self.server.app.oneshot(request).await?;
        Ok(response.map(|body| ResponseBody::new(body, self.deadlines, slot)))
    }
}

impl hyper::service::Service<Request<Incoming>> for Connection {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        Box::pin(self.clone().answer(request))
    }
}
