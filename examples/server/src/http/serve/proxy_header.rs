//! The PROXY header in front of a connection's first request.

use std::io;
use std::net::IpAddr;

use bytes::BytesMut;
use comet::tokio::HttpStream;
use comet_protocol::proxy::{Parse, ProxyError, Source, parse};
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

/// Reads the header; the rest of the connection, and the client, if the header names one. Keeps at
/// most what the parser bounds. A connection that ends before its first byte, as in a port scan, is
/// an error too.
pub(super) async fn read(
    mut socket: TcpStream,
) -> Result<(HttpStream, Option<IpAddr>), HeaderError> {
    let mut read = BytesMut::with_capacity(512);
    loop {
        if let Parse::Complete { source, consumed } = parse(&read)? {
            let rest = read.split_off(consumed).freeze();
            let named = match source {
                Source::Client(address) => Some(address.ip()),
                Source::Unnamed => None,
            };
            return Ok((HttpStream::new(socket, rest), named));
        }
        if socket.read_buf(&mut read).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}
