//! A port of HTTP: where its connections come from, and their limits.

use std::io;
use std::time::Duration;

use comet::tls::Tls;
use comet::{HttpConnection, TrustedProxies};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::deadlines::Times;
use crate::config::{self, Config, ProxyHeaders, SocketIo};

/// A port to serve, and its limits.
#[derive(Debug)]
pub(crate) struct Port {
    /// The name in the log.
    pub(super) name: &'static str,
    pub(super) listener: TcpListener,
    pub(super) times: Times,
    /// Maximum bytes of a request's head.
    pub(super) head_bytes: usize,
    /// Limit on open connections.
    pub(super) connections: usize,
    /// Limit on simultaneous connections and requests per address; 0 for no limit.
    pub(super) per_address: usize,
    /// Proxies trusted to report the addresses of their clients.
    pub(super) proxies: TrustedProxies,
    /// Whether each connection begins with a PROXY header of one of these.
    pub(super) is_behind_proxies: bool,
    /// TLS of connections that begin with its handshake; the others are plain.
    pub(super) tls: Option<Tls>,
    /// Connections accepted by the gateway, whose requests are not its own.
    pub(super) handed_over: mpsc::Receiver<HttpConnection>,
}

/// Connections of the gateway that may wait to be served; one more is closed.
const HANDED_OVER: usize = 256;

/// A way for connections of the gateway to the port that serves them.
pub(crate) fn handed_over() -> (mpsc::Sender<HttpConnection>, mpsc::Receiver<HttpConnection>) {
    mpsc::channel(HANDED_OVER)
}

impl Port {
    /// The port of the API, with a limit on connections, and TLS beside plain ones.
    pub(crate) fn public(
        config: &Config,
        listener: TcpListener,
        connections: usize,
        tls: &Tls,
        handed_over: mpsc::Receiver<HttpConnection>,
    ) -> Self {
        let settings = &config.http;
        if let Err(error) = find_dead_peers(&listener, &config.gateway.io) {
            tracing::warn!(%error, "clients of HTTP that are gone without a word stay for long");
        }
        Self {
            name: "http",
            listener,
            times: Times::of(settings),
            head_bytes: settings.head_bytes,
            connections,
            per_address: settings.connections_per_address,
            proxies: config.proxies.trusted(),
            is_behind_proxies: config.listen.http_proxy_protocol == ProxyHeaders::Required,
            tls: Some(tls.with_http2()),
            handed_over,
        }
    }

    /// The port of metrics and health.
    pub(crate) fn admin(settings: &config::Http, listener: TcpListener) -> Self {
        Self {
            name: "admin",
            listener,
            times: Times::of(settings),
            head_bytes: settings.head_bytes,
            connections: settings.admin_connections,
            per_address: 0,
            proxies: TrustedProxies::new(),
            is_behind_proxies: false,
            tls: None,
            handed_over: handed_over().1,
        }
    }
}

/// Has the system find clients that are gone without a word, as those of sessions: a reader of
/// events sends nothing. Connections inherit it from their listener.
fn find_dead_peers(listener: &TcpListener, io: &SocketIo) -> io::Result<()> {
    let socket = SockRef::from(listener);
    let within = io.keepalive_seconds;
    if within > 0 {
        let [silence, interval] = [within / 2, within / 8].map(|it| Duration::from_secs(it.max(1)));
        let probes = TcpKeepalive::new().with_time(silence).with_interval(interval).with_retries(4);
        socket.set_tcp_keepalive(&probes)?;
    }
    if io.user_timeout_seconds > 0 {
        socket.set_tcp_user_timeout(Some(Duration::from_secs(io.user_timeout_seconds)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connections_have_the_times_of_sessions() {
        let io = SocketIo {
            io: comet::Io::Auto,
            write_seconds: 20,
            user_timeout_seconds: 25,
            keepalive_seconds: 60,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        find_dead_peers(&listener, &io).unwrap();
        let _peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let options = SockRef::from(&socket);
        let probes =
            options.tcp_keepalive_interval().unwrap() * options.tcp_keepalive_retries().unwrap();
        let found = options.tcp_keepalive_time().unwrap() + probes;
        assert_eq!(found, Duration::from_secs(58), "within 60 s");
        assert_eq!(options.tcp_user_timeout().unwrap(), Some(Duration::from_secs(25)));
    }
}
