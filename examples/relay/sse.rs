//! Sessions over server-sent events and POSTs.

use std::io;
use std::net::SocketAddr;

use axum::serve::ListenerExt;
use comet::Gateway;
use comet_sse::SseConfig;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// Listens, and serves while the runtime is driven; returns the address.
pub(crate) fn serve(
    runtime: &Runtime,
    gateway: &Gateway,
    address: SocketAddr,
) -> io::Result<SocketAddr> {
    let listener = runtime.block_on(TcpListener::bind(address))?;
    let address = listener.local_addr()?;
    let routes = comet_sse::routes(gateway.clone(), SseConfig::default());
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    // An error of this option delays packets, no more.
    let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
    runtime.spawn(async move { axum::serve(listener, service).await });
    Ok(address)
}
