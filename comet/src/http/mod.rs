//! Connections with HTTP on a port of the gateway, handed to a server of the embedder's.
//!
//! Not here: telling HTTP from packets (`shard/admission`), and HTTP itself.

#[cfg(feature = "tokio")]
mod stream;

use std::fmt;
use std::net::TcpStream;
use std::sync::Arc;

use bytes::Bytes;

use crate::proxies::Via;
#[cfg(feature = "tokio")]
pub use stream::HttpStream;

/// A connection whose first request is not for the gateway: see [`Listen::http`].
///
/// [`Listen::http`]: crate::Listen::http
#[derive(Debug)]
#[must_use = "dropping it closes the connection"]
pub struct HttpConnection {
    socket: TcpStream,
    read: Bytes,
    via: Via,
}

impl HttpConnection {
    pub(crate) fn new(socket: TcpStream, read: Bytes, via: Via) -> Self {
        Self { socket, read, via }
    }

    /// The way that it came, for [`TrustedProxies::client`](crate::TrustedProxies::client): a PROXY
    /// header has been read already.
    #[must_use]
    pub fn via(&self) -> Via {
        self.via
    }

    /// The socket, which is non-blocking, and the bytes that have been read from it.
    #[must_use]
    pub fn into_parts(self) -> (TcpStream, Bytes) {
        (self.socket, self.read)
    }

    /// The connection as a stream of the current runtime.
    ///
    /// # Errors
    ///
    /// Those of registering the socket.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with IO.
    #[cfg(feature = "tokio")]
    pub fn into_stream(self) -> std::io::Result<HttpStream> {
        Ok(HttpStream::new(::tokio::net::TcpStream::from_std(self.socket)?, self.read))
    }
}

/// A handler of such connections.
#[derive(Clone)]
pub(crate) struct HttpHandler(Arc<dyn Fn(HttpConnection) + Send + Sync>);

impl HttpHandler {
    pub(crate) fn new(handler: impl Fn(HttpConnection) + Send + Sync + 'static) -> Self {
        Self(Arc::new(handler))
    }

    /// Hands a connection over. Panics if the handler does.
    pub(crate) fn hand_over(&self, connection: HttpConnection) {
        (self.0)(connection);
    }
}

impl fmt::Debug for HttpHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpHandler")
    }
}
