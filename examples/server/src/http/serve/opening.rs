//! What comes before the first request of a connection: its PROXY header, where that is required,
//! and TLS, where the first byte says so.

use std::io;
use std::net::IpAddr;

use bytes::{Bytes, BytesMut};
use comet::tls::Tls;
use comet::tokio::{HttpStream, accept_tls};
use comet_protocol::proxy::{Parse, ProxyError, Source, parse};
use comet_protocol::sniff::{Opening, sniff};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// Failure to read a header.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeaderError {
    #[error(transparent)]
    Bad(#[from] ProxyError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads the PROXY header; what was read behind it, and the client, if the header names one. Keeps
/// at most what the parser bounds. A connection that ends before its first byte, as in a port scan,
/// is an error too.
pub(super) async fn proxy_header(
    socket: &mut TcpStream,
) -> Result<(Bytes, Option<IpAddr>), HeaderError> {
    let mut read = BytesMut::with_capacity(512);
    loop {
        if let Parse::Complete { source, consumed } = parse(&read)? {
            let rest = read.split_off(consumed).freeze();
            let named = match source {
                Source::Client(address) => Some(address.ip()),
                Source::Unnamed => None,
            };
            return Ok((rest, named));
        }
        if socket.read_buf(&mut read).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}

/// Begins TLS on a connection whose first byte is that of a handshake. Some bytes may have been
/// read already.
pub(super) async fn tls_or_plain(
    socket: TcpStream,
    read: Bytes,
    tls: &Tls,
) -> io::Result<HttpStream> {
    let mut first = [0];
    let first = match read.first() {
        Some(byte) => std::slice::from_ref(byte),
        // The byte stays in the socket. At the end of the stream there is none.
        None => {
            let count = socket.peek(&mut first).await?;
            &first[..count]
        }
    };
    match sniff(first) {
        Ok(Some(Opening::Tls)) => accept_tls(socket, &read, tls),
        _ => Ok(HttpStream::new(socket, read)),
    }
}
