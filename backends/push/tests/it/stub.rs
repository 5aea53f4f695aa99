//! A vendor's server, which notes what it gets.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use comet_dtalk::clock::unix_ms;
use comet_dtalk::message::Device;
use comet_push::{Conversation, Push, Token, Trust};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Request that a stub got.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) version: Version,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        let values: Vec<_> = self.headers.get_all(name).iter().collect();
        assert_eq!(values.len(), 1, "{name} in {self:?}");
        values[0].to_str().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Answer of a stub: status, header, body.
pub(crate) type Reply = (u16, Option<(&'static str, String)>, String);

#[derive(Clone)]
pub(crate) struct Stub {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Vec<Seen>>,
    replies: Mutex<VecDeque<Reply>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Speaks {
    Http1,
    Http2,
}

impl Stub {
    /// Without TLS.
    pub(crate) async fn start(speaks: Speaks) -> Self {
        let (listener, address) = listen().await;
        let stub = Self { url: format!("http://{address}"), shared: Arc::default() };
        let shared = Arc::clone(&stub.shared);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, speaks, Arc::clone(&shared)));
            }
        });
        stub
    }

    /// HTTP/2 over TLS, and a trust in its authority.
    pub(crate) async fn start_tls() -> (Self, Trust) {
        let (config, trust) = authority();
        let (listener, address) = listen().await;
        let url = format!("https://localhost:{}", address.port());
        let stub = Self { url, shared: Arc::default() };
        let (shared, acceptor) = (Arc::clone(&stub.shared), TlsAcceptor::from(Arc::new(config)));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (shared, acceptor) = (Arc::clone(&shared), acceptor.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, Speaks::Http2, shared).await;
                    }
                });
            }
        });
        (stub, trust)
    }

    /// The next answer; without any it is 200 and `{}`.
    pub(crate) fn reply(&self, status: u16, body: &str) {
        self.shared.replies.lock().unwrap().push_back((status, None, body.to_owned()));
    }

    pub(crate) fn reply_with(&self, reply: Reply) {
        self.shared.replies.lock().unwrap().push_back(reply);
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// The last request.
    pub(crate) fn last(&self) -> Seen {
        self.seen().pop().unwrap()
    }
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn serve<S>(stream: S, speaks: Speaks, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answer = service_fn(move |request| answer(request, Arc::clone(&shared)));
    let stream = TokioIo::new(stream);
    let ended = match speaks {
        Speaks::Http1 => http1::Builder::new().serve_connection(stream, answer).await,
        Speaks::Http2 => {
            http2::Builder::new(TokioExecutor::new()).serve_connection(stream, answer).await
        }
    };
    // A client that goes away, or speaks something else.
    drop(ended);
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    assert_eq!(request.method(), Method::POST);
    let (version, headers) = (request.version(), request.headers().clone());
    let path = request.uri().path_and_query().unwrap().to_string();
    let body = request.into_body().collect().await?.to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    shared.seen.lock().unwrap().push(Seen { version, path, headers, body });
    let reply = shared.replies.lock().unwrap().pop_front();
    let (status, header, body) = reply.unwrap_or((200, None, "{}".into()));
    let mut response = Response::builder().status(status);
    if let Some((name, value)) = header {
        response = response.header(name, value);
    }
    Ok(response.body(Full::from(body)).unwrap())
}

/// A server of `localhost`, and a client that trusts its made-up authority.
fn authority() -> (rustls::ServerConfig, Trust) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let mut config = config.with_single_cert(vec![leaf.der().clone()], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, issuer.pem()).unwrap();
    (config, Trust::load(Some(&file)).unwrap())
}

/// Trust in the system's authorities alone.
pub(crate) fn trust() -> Trust {
    Trust::load(None).unwrap()
}

/// A push of a message to group 77, which expires in 100 s.
pub(crate) fn push(device: Device, token: &str) -> Push {
    Push {
        user: "bob".into(),
        device,
        token: Token::new(token).unwrap(),
        login: 3,
        conversation: Conversation::Group(77),
        from: "alice".into(),
        message: 1_001,
        count: 2,
        title: "大厅".into(),
        text: "You have a new message".into(),
        expires_ms: unix_ms() + 100_000,
    }
}

/// Whether a number of seconds lies so many ahead of now, give or take five.
pub(crate) fn is_ahead(seconds: u64, by: u64) -> bool {
    let now = Duration::from_millis(unix_ms()).as_secs();
    (now + by).abs_diff(seconds) <= 5
}
