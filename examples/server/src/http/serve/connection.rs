//! A connection of HTTP, from its first byte to its end.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body as AnyBody;
use axum::http::{HeaderValue, Request, Response, StatusCode, Version, header};
use axum::response::IntoResponse;
use comet::tokio::HttpStream;
use comet::{Client, Via};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep_until, timeout};
use tower::ServiceExt;

use super::Server;
use super::bodies::{Exchange, RequestBody, ResponseBody};
use super::deadlines::Deadlines;
use super::opening::{proxy_header, tls_or_plain};
use super::slots::Slot;
use super::socket::TimedStream;

/// Requests that an HTTP/2 connection may have at once, sessions among them. Browsers wait for one
/// to end.
const STREAMS: u32 = 128;

/// Flow control of HTTP/2: bytes that may wait here to be read, on a stream and on a connection.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// Bytes of a response that wait for the client's flow control.
const SEND_BUFFER: usize = 64 * 1024;

/// Silence after which an HTTP/2 connection is sent a ping, and the time to answer it.
const PING: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(20);

/// Whether a request came over TLS to this server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secured(pub(crate) bool);

/// One connection.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) server: Server,
    via: Via,
    is_tls: bool,
    deadlines: Arc<Mutex<Deadlines>>,
    wake: Arc<Notify>,
}

impl Connection {
    /// One of this client; `wake` is notified when it is dismissed.
    pub(super) fn new(
        server: Server,
        via: Via,
        deadlines: Arc<Mutex<Deadlines>>,
        wake: Arc<Notify>,
    ) -> Self {
        Self { server, via, is_tls: false, deadlines, wake }
    }

    /// Serves requests until the peer or the server closes, or a deadline passes. An upgraded
    /// connection ends here and continues with its new owner.
    pub(super) async fn run(mut self, stream: HttpStream, slot: Slot) {
        let Some(stream) = self.begin(stream).await else { return };
        self.is_tls = stream.is_tls();
        let io = TokioIo::new(TimedStream::new(stream, Arc::clone(&self.deadlines)));
        let turns = Turns {
            deadlines: Arc::clone(&self.deadlines),
            wake: Arc::clone(&self.wake),
            stop: self.server.stop.clone(),
        };
        let head_bytes = self.server.head_bytes;
        if self.is_tls {
            let builder = either(head_bytes);
            let connection = pin!(builder.serve_connection_with_upgrades(io, self));
            turns.drive(connection, |connection| connection.graceful_shutdown()).await;
        } else {
            let mut builder = http1::Builder::new();
            builder.max_buf_size(head_bytes);
            let connection = pin!(builder.serve_connection(io, self).with_upgrades());
            turns.drive(connection, |connection| connection.graceful_shutdown()).await;
        }
        drop(slot);
    }

    /// Reads the PROXY header, where it is required, and begins TLS, where it is served and asked
    /// for. `None` if nothing comes of it.
    async fn begin(&mut self, stream: HttpStream) -> Option<HttpStream> {
        if !self.server.is_behind_proxies && self.server.tls.is_none() {
            return Some(stream);
        }
        let (limit, wake) = (self.server.times.head, Arc::clone(&self.wake));
        let mut stop = self.server.stop.clone();
        tokio::select! {
            begun = timeout(limit, self.opened(stream)) => begun.ok()?,
            () = wake.notified() => None,
            _ = stop.wait_for(|stop| *stop) => None,
        }
    }

    async fn opened(&mut self, stream: HttpStream) -> Option<HttpStream> {
        let (mut socket, mut read) = stream.into_socket().ok()?;
        if self.server.is_behind_proxies {
            let peer = socket.peer_addr().ok()?;
            match proxy_header(&mut socket).await {
                Ok((rest, named)) => {
                    self.via = Via::new(peer.ip(), named);
                    read = rest;
                }
                Err(error) => {
                    self.server.note_stranger(peer, &error);
                    return None;
                }
            }
        }
        match &self.server.tls {
            Some(tls) => tls_or_plain(socket, read, tls).await.ok(),
            None => Some(HttpStream::new(socket, read)),
        }
    }

    async fn answer(
        self,
        request: Request<Incoming>,
    ) -> Result<Response<ResponseBody>, Infallible> {
        let is_http2 = request.version() == Version::HTTP_2;
        let has_body = !request.body().is_end_stream();
        let exchange = Exchange::begin(&self.deadlines, &self.wake, is_http2, has_body);
        let client = self.server.proxies.client(self.via, |name| {
            request.headers().get_all(name).iter().map(HeaderValue::as_bytes)
        });
        let slot = match client {
            Client::Forwarded(address) => match self.server.slots.request(address) {
                Ok(slot) => Some(slot),
                Err(_) => {
                    return Ok(too_many().map(|body| ResponseBody::new(body, exchange, None)));
                }
            },
            _ => None,
        };
        let mut request = request.map(|body| AnyBody::new(RequestBody::new(body, &exchange)));
        request.extensions_mut().insert(client);
        request.extensions_mut().insert(Secured(self.is_tls));
        if exchange.is_http2() {
            request.extensions_mut().insert(Arc::clone(&exchange));
        }
        let response = self.server.app.oneshot(request).await?;
        Ok(response.map(|body| ResponseBody::new(body, exchange, slot)))
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

/// HTTP/1.1 or HTTP/2, as the client chose in its TLS handshake and begins.
fn either(head_bytes: usize) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().max_buf_size(head_bytes);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(head_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .enable_connect_protocol()
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG);
    builder
}

/// What ends a connection from outside.
struct Turns {
    deadlines: Arc<Mutex<Deadlines>>,
    wake: Arc<Notify>,
    stop: watch::Receiver<bool>,
}

impl Turns {
    /// Polls a connection until it ends, is dismissed while idle, or a deadline passes. When the
    /// server stops it is asked to `finish`.
    async fn drive<C, E>(self, mut connection: Pin<&mut C>, finish: impl Fn(Pin<&mut C>))
    where
        C: Future<Output = Result<(), E>>,
        E: fmt::Display,
    {
        let Self { deadlines, wake, mut stop } = self;
        let mut stopping = pin!(async move {
            let _ = stop.wait_for(|stop| *stop).await;
        });
        let mut is_stopping = false;
        let mut woken = pin!(wake.notified());
        let mut timer = pin!(sleep_until(tokio::time::Instant::now()));
        poll_fn(|cx| {
            // A request that has arrived meanwhile keeps its connection until it is answered.
            if deadlines.lock().is_leaving() {
                return Poll::Ready(());
            }
            if !is_stopping && stopping.as_mut().poll(cx).is_ready() {
                is_stopping = true;
                finish(connection.as_mut());
            }
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                if let Err(error) = ended {
                    tracing::debug!(%error, "an HTTP connection ended badly");
                }
                return Poll::Ready(());
            }
            while woken.as_mut().poll(cx).is_ready() {
                woken.set(wake.notified());
            }
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
    }
}

/// The response to a proxied request of an address at its limit.
fn too_many() -> Response<AnyBody> {
    let headers = [(header::RETRY_AFTER, "1"), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    (StatusCode::TOO_MANY_REQUESTS, headers).into_response()
}
