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
#[cfg(all(feature = "tls", feature = "tokio"))]
pub(crate) use stream::AsyncStream;
#[cfg(feature = "tokio")]
pub(crate) use stream::Detached;
#[cfg(feature = "tokio")]
pub use stream::HttpStream;

/// A connection whose first request is not for the gateway: see [`Listen::http`].
///
/// [`Listen::http`]: crate::Listen::http
#[derive(Debug)]
#[must_use = "dropping it closes the connection"]
pub struct HttpConnection {
    carrier: Carrier,
    read: Bytes,
    via: Via,
}

/// Transport of a connection that has left its shard.
#[derive(Debug)]
pub(crate) enum Carrier {
    Socket(TcpStream),
    /// TLS, which goes on where it is polled.
    #[cfg(feature = "tokio")]
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "there is no other transport"))]
    Tls(Box<dyn Detached>),
}

impl HttpConnection {
    pub(crate) fn new(carrier: Carrier, read: Bytes, via: Via) -> Self {
        Self { carrier, read, via }
    }

    /// The way that it came, for [`TrustedProxies::client`](crate::TrustedProxies::client): a PROXY
    /// header has been read already.
    #[must_use]
    pub fn via(&self) -> Via {
        self.via
    }

    /// Whether the connection is TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        !matches!(self.carrier, Carrier::Socket(_))
    }

    /// The socket, which is non-blocking, and the bytes that have been read from it.
    ///
    /// # Errors
    ///
    /// The connection itself, if it is TLS.
    pub fn into_socket(self) -> Result<(TcpStream, Bytes), Self> {
        match self.carrier {
            Carrier::Socket(socket) => Ok((socket, self.read)),
            #[cfg(feature = "tokio")]
            carrier @ Carrier::Tls(_) => Err(Self { carrier, ..self }),
        }
    }

    /// The connection as a stream of the current runtime. TLS goes on where the stream is polled.
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
        match self.carrier {
            Carrier::Socket(socket) => {
                Ok(HttpStream::new(::tokio::net::TcpStream::from_std(socket)?, self.read))
            }
            Carrier::Tls(tls) => Ok(HttpStream::over_tls(tls.into_stream()?, self.read)),
        }
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
