//! An HTTP/1.1 server for a port, with limits on the time and the number of connections.
//!
//! * `deadlines`: the state of a connection and its deadline;
//! * `socket`, `bodies`: sources of the events for `deadlines`;
//! * `slots`: limits on connections, and eviction of an idle one for a new one.
//!
//! Not here: the handlers.

mod bodies;
mod deadlines;
mod slots;
mod socket;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body as AnyBody;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use comet::{Client, Repeats, TrustedProxies};
use comet_dtalk::clock;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tower::ServiceExt;

use crate::config;
use bodies::{RequestBody, ResponseBody};
use deadlines::{Deadlines, Times};
use slots::{LimitReached, Slot, Slots};
pub(crate) use socket::TimedStream;

/// Pause after a failed accept, such as for lack of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// A port to serve, and its limits.
#[derive(Debug)]
pub(crate) struct Port {
    /// The name in the log.
    name: &'static str,
    listener: TcpListener,
    times: Times,
    /// Maximum bytes of a request's head.
    head_bytes: usize,
    /// Limit on open connections.
    connections: usize,
    /// Limit on simultaneous connections and requests per address; 0 for no limit.
    per_address: usize,
    /// Proxies trusted to report the addresses of their clients.
    proxies: TrustedProxies,
}

impl Port {
    /// The port of the API, with a limit on connections.
    pub(crate) fn public(
        settings: &config::Http,
        listener: TcpListener,
        connections: usize,
        proxies: TrustedProxies,
    ) -> Self {
        let per_address = settings.connections_per_address;
        let (times, head_bytes) = (Times::of(settings), settings.head_bytes);
        Self { name: "http", listener, times, head_bytes, connections, per_address, proxies }
    }

    /// The port of metrics and health.
    pub(crate) fn admin(settings: &config::Http, listener: TcpListener) -> Self {
        let proxies = TrustedProxies::new();
        let (times, head_bytes) = (Times::of(settings), settings.head_bytes);
        let (connections, per_address) = (settings.admin_connections, 0);
        Self { name: "admin", listener, times, head_bytes, connections, per_address, proxies }
    }
}

/// Serves until a stop is requested, then until every connection has finished its request. Each
/// request has an extension of type [`Client`].
pub(crate) async fn serve(port: Port, app: Router, mut stop: watch::Receiver<bool>) {
    let Port { name, listener, times, head_bytes, connections, per_address, proxies } = port;
    let server = Server {
        app,
        times,
        head_bytes,
        slots: Slots::new(connections, per_address),
        proxies,
        stop: stop.clone(),
    };
    let mut tasks = JoinSet::new();
    let failures = Repeats::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // An error means that the sender is gone, which is treated as a stop.
            _ = stop.wait_for(|stop| *stop) => break,
            Some(ended) = tasks.join_next() => {
                note_panic(ended);
                continue;
            }
        };
        match accepted {
            Ok((stream, remote)) => {
                if let Some(connection) = server.admit(stream, remote) {
                    tasks.spawn(connection);
                }
                server.slots.settled().await;
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if let Some(more) = failures.admit(clock::unix()) {
                    tracing::warn!(port = name, %error, "cannot accept, trying on{more}");
                }
                sleep(PAUSE).await;
            }
        }
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
    stop: watch::Receiver<bool>,
}

impl Server {
    /// The task of a connection, if there is a slot for it.
    fn admit(
        &self,
        stream: TcpStream,
        remote: SocketAddr,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        let deadlines = Arc::new(Mutex::new(Deadlines::new(self.times, Instant::now())));
        let wake = Arc::new(Notify::new());
        let remote = remote.ip();
        // Requests of a proxy are counted per client, request by request.
        let address = self.proxies.header_of(remote).is_none().then_some(remote);
        match self.slots.connection(address, &deadlines, &wake) {
            Ok(slot) => {
                let connection = Connection { server: self.clone(), remote, deadlines, wake };
                Some(connection.run(stream, slot))
            }
            Err(full) => {
                refuse(&stream, full);
                None
            }
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
    remote: IpAddr,
    deadlines: Arc<Mutex<Deadlines>>,
    wake: Arc<Notify>,
}

impl Connection {
    /// Serves requests until the peer or the server closes, or a deadline passes. An upgraded
    /// connection ends here and continues with its new owner.
    async fn run(self, stream: TcpStream, slot: Slot) {
        // Small responses are sent at once. A socket with an error reports it at the next read or
        // write.
        let _ = stream.set_nodelay(true);
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

    async fn answer(
        self,
        request: Request<Incoming>,
    ) -> Result<Response<ResponseBody>, Infallible> {
        self.deadlines.lock().request(!request.body().is_end_stream());
        let client = self.server.proxies.client(self.remote, |name| {
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
