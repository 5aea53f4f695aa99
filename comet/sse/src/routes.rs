//! The routes, and their answers.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use comet::{AdoptError, Adoption, Client, Dialect, Gateway};
use comet_protocol::Layout;
use comet_protocol::comet::{is_auth, op};
use comet_protocol::head::{self, Split};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{sleep, timeout};

use crate::body::EventBody;
use crate::config::SseConfig;
use crate::id::StreamId;
use crate::stream::Stream;
use crate::streams::Streams;
use crate::upload::NotTaken;

/// Longest body of an auth packet.
const AUTH: usize = 16_384;

/// Longest body of the reply to one.
const REPLY: usize = 65_536;

const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The routes below `/comet/sse`, to be merged into a server's own.
pub fn routes(gateway: Gateway, config: SseConfig) -> Router {
    let streams = Streams::new(&config);
    Router::new()
        .route("/comet/sse", post(open))
        .route("/comet/sse/{id}", get(down).post(up))
        .with_state(Sse { gateway, streams, config: Arc::new(config) })
}

#[derive(Clone)]
struct Sse {
    gateway: Gateway,
    streams: Streams,
    config: Arc<SseConfig>,
}

/// Why a request is refused, with its status.
type Refused = (StatusCode, &'static str);

const GONE: Refused = (StatusCode::NOT_FOUND, "no such stream\n");
const BUSY: Refused = (StatusCode::SERVICE_UNAVAILABLE, "unavailable\n");
const TOO_MANY: Refused = (StatusCode::TOO_MANY_REQUESTS, "too many requests\n");

/// `POST /comet/sse`.
async fn open(State(sse): State<Sse>, request: Request) -> Response {
    match sse.open(request).await {
        Ok(response) => response,
        Err(refused) => refusal(refused),
    }
}

/// `GET /comet/sse/{id}`.
async fn down(State(sse): State<Sse>, method: Method, Path(id): Path<String>) -> Response {
    if method != Method::GET {
        // A HEAD would take the events away from a GET.
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, POST")]).into_response();
    }
    let found = StreamId::parse(&id).and_then(|id| Some((id, sse.streams.find(id)?)));
    let Some((id, stream)) = found else { return refusal(GONE) };
    let Some(down) = stream.take_down() else {
        return refusal((StatusCode::CONFLICT, "the stream is being read\n"));
    };
    let body = EventBody::new(sse.streams, id, down, sse.config.comment_interval);
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        (BUFFERING, "no"),
    ];
    (headers, Body::new(body)).into_response()
}

/// `POST /comet/sse/{id}?n=K`.
async fn up(
    State(sse): State<Sse>,
    Path(id): Path<String>,
    uri: Uri,
    request: Request,
) -> Response {
    match sse.up(&id, &uri, request).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => refusal(refused),
    }
}

impl Sse {
    async fn open(&self, request: Request) -> Result<Response, Refused> {
        let client = self.client(&request);
        let auth = self.body(request, AUTH + head::MAX_HEAD).await?;
        match head::split(Layout::Dtalk, &auth, AUTH) {
            Ok(Split::Packet { head, len, .. }) if len == auth.len() && is_auth(head) => {}
            _ => return Err((StatusCode::BAD_REQUEST, "one auth packet is expected\n")),
        }
        let places = self.streams.place().ok_or(BUSY)?;
        let pipe = self.adopt(client)?;
        let (reply, pipe, rest) = self.ask(pipe, &auth).await.ok_or(BUSY)?;
        let reply_text = STANDARD.encode(&reply);
        if op_of(&reply) != Some(op::WELCOME) {
            let text = format!("{{\"reply\":\"{reply_text}\"}}");
            return Ok(json(StatusCode::FORBIDDEN, text));
        }
        let id = StreamId::random().map_err(|_| BUSY)?;
        let stream = Stream::new((pipe, rest), &self.config, places);
        self.streams.insert(id, Arc::new(stream));
        let streams = self.streams.downgrade();
        let limit = self.config.attach_timeout;
        tokio::spawn(async move {
            sleep(limit).await;
            if let Some(streams) = streams.upgrade() {
                streams.end_unread(id);
            }
        });
        let text = format!("{{\"stream\":\"{}\",\"reply\":\"{reply_text}\"}}", id.to_text());
        Ok(json(StatusCode::OK, text))
    }

    async fn up(&self, id: &str, uri: &Uri, request: Request) -> Result<(), Refused> {
        let stream = StreamId::parse(id).and_then(|id| self.streams.find(id)).ok_or(GONE)?;
        let number = number(uri).ok_or((StatusCode::BAD_REQUEST, "n must count from 1\n"))?;
        let not_taken = |reason| match reason {
            NotTaken::TooMany => TOO_MANY,
            NotTaken::Ended => GONE,
            NotTaken::Hole { .. } => (StatusCode::CONFLICT, "an earlier n is missing\n"),
        };
        let _place = stream.place().map_err(not_taken)?;
        let body = self.body(request, self.config.post_bytes).await?;
        stream.apply(number, body).await.map_err(not_taken)
    }

    /// The client of a request, for the limits of its address.
    fn client(&self, request: &Request) -> Client {
        let extensions = request.extensions();
        if let Some(client) = extensions.get::<Client>() {
            return *client;
        }
        let Some(ConnectInfo(peer)) = extensions.get::<ConnectInfo<SocketAddr>>() else {
            return Client::Unnamed;
        };
        let values = |name| values(request.headers(), name);
        self.config.trusted_proxies.client(peer.ip(), values)
    }

    /// The whole body of a request.
    async fn body(&self, request: Request, limit: usize) -> Result<Bytes, Refused> {
        let body = to_bytes(request.into_body(), limit);
        match timeout(self.config.post_timeout, body).await {
            Ok(Ok(body)) => Ok(body),
            Ok(Err(_)) => Err((StatusCode::PAYLOAD_TOO_LARGE, "the body is too long\n")),
            Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the body did not come in time\n")),
        }
    }

    /// A pipe whose other end the gateway has adopted for this client.
    fn adopt(&self, client: Client) -> Result<DuplexStream, Refused> {
        let refused = |error| match error {
            AdoptError::TooManyOfAddress => TOO_MANY,
            _ => BUSY,
        };
        let place = self.gateway.reserve_stream(client).map_err(refused)?;
        let (ours, theirs) = duplex(self.config.pipe_bytes);
        let adoption = Adoption::stream().dialect(Dialect::Comet);
        let adoption = match client.address() {
            Some(address) => adoption.remote(SocketAddr::new(address, 0)),
            None => adoption,
        };
        place.adopt(theirs, adoption).map_err(refused)?;
        Ok(ours)
    }

    /// Sends the auth packet; the reply to it, the pipe, and what was read behind the reply. `None`
    /// if the gateway closes instead. It does so at the deadline of the handshake at the latest.
    async fn ask(
        &self,
        mut pipe: DuplexStream,
        auth: &[u8],
    ) -> Option<(Bytes, DuplexStream, Bytes)> {
        pipe.write_all(auth).await.ok()?;
        let mut read = BytesMut::new();
        let len = loop {
            match head::split(Layout::Dtalk, &read, REPLY).ok()? {
                Split::Packet { len, .. } => break len,
                Split::Need(_) => {}
            }
            if pipe.read_buf(&mut read).await.ok()? == 0 {
                return None;
            }
        };
        let reply = read.split_to(len).freeze();
        Some((reply, pipe, read.freeze()))
    }
}

/// All values of a header field.
fn values<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h [u8]> {
    headers.get_all(name).iter().map(|value| value.as_bytes()).collect()
}

fn op_of(packet: &[u8]) -> Option<u32> {
    packet.get(8..)?.first_chunk().map(|op| u32::from_be_bytes(*op))
}

/// The number in a query, from 1.
fn number(uri: &Uri) -> Option<u64> {
    let mut fields = uri.query()?.split('&');
    let number = fields.find_map(|field| field.strip_prefix("n="))?;
    number.parse().ok().filter(|&number| number > 0)
}

fn json(status: StatusCode, text: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, text).into_response()
}

fn refusal((status, text): Refused) -> Response {
    let cache = (header::CACHE_CONTROL, "no-store");
    match status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
            (status, [cache, (header::RETRY_AFTER, "2")], text).into_response()
        }
        _ => (status, [cache], text).into_response(),
    }
}
