//! Streams of a runtime under the blocking clients: what is adopted is one end of a stream, the
//! other one is bridged to a socket pair.

use std::net::TcpStream;
use std::sync::OnceLock;

use comet_testkit::socket::{Socket, pair};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, copy_bidirectional};
use tokio::runtime::Runtime;

/// Bytes that a pipe holds in each direction.
const PIPE: usize = 64 * 1024;

/// The runtime of all streams of this process.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build().expect("a runtime")
    })
}

/// A socket whose bytes go through the other end of this stream. Each end of bytes is passed on.
pub(crate) fn bridged(mut stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Socket {
    let (inner, outer) = pair();
    runtime().spawn(async move {
        let mut inner = tokio_socket(inner);
        // An error is an end like any other for the client.
        let _ = copy_bidirectional(&mut stream, &mut inner).await;
    });
    Socket::over(outer)
}

/// The socket on the runtime.
pub(crate) fn tokio_socket(socket: TcpStream) -> tokio::net::TcpStream {
    let _context = runtime().enter();
    socket.set_nonblocking(true).expect("O_NONBLOCK");
    socket.set_nodelay(true).expect("TCP_NODELAY");
    tokio::net::TcpStream::from_std(socket).expect("a socket of the runtime")
}

/// Both ends of a pipe in this process.
pub(crate) fn pipe() -> (DuplexStream, DuplexStream) {
    tokio::io::duplex(PIPE)
}
