//! Command-line flags, and their conversion into the gateway's configuration.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};
use comet::tls::{Certificate, Tls, TlsConfig, TlsError};
use comet::{
    Config, Dialect, ForwardedHeader, Io, IpNet, Listen, Overflow, ProxyProtocol, TrustedProxies,
};

#[derive(Parser)]
#[command(about = "Relays messages to everybody in the sender's rooms")]
pub(crate) struct Flags {
    /// Address for plain TCP
    #[arg(long)]
    pub(crate) tcp: Option<SocketAddr>,
    /// Address for WebSocket
    #[arg(long)]
    pub(crate) ws: Option<SocketAddr>,
    /// Address for both, told by the first bytes, and over TLS too if there is a certificate
    #[arg(long)]
    pub(crate) any: Option<SocketAddr>,
    /// Address for HTTP: sessions over server-sent events and POSTs
    #[arg(long)]
    pub(crate) sse: Option<SocketAddr>,
    /// Require a PROXY header, version 1 or 2, on each connection from a --trusted-proxy, and close
    /// all others
    #[arg(long)]
    proxy_protocol: bool,
    /// Network, such as 10.0.0.0/8, whose PROXY headers name the clients
    #[arg(long, value_name = "NET")]
    trusted_proxy: Vec<IpNet>,
    #[command(flatten)]
    pub(crate) secured: Secured,
    /// Threads that hold sessions [default: one per core]
    #[arg(long)]
    shards: Option<usize>,
    /// Delivery class of all messages
    #[arg(long, value_enum, default_value = "acked")]
    pub(crate) delivery: Promise,
    /// A first line #room or @user of a message is its destination, and is removed; #room must be
    /// one of the sender's
    #[arg(long)]
    pub(crate) addressed: bool,
    /// Dialect of WebSocket clients [default: detected from their first frame]
    #[arg(long, value_enum)]
    dialect: Option<Language>,
    /// Compress messages for WebSocket clients that offer permessage-deflate
    #[arg(long)]
    deflate: bool,
    /// Level of the compression, from 1 to 9
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=9))]
    deflate_level: u8,
    /// Longest message in bytes
    #[arg(long, default_value_t = 1 << 20)]
    max_message: usize,
    /// Fragments that a WebSocket message may have
    #[arg(long, default_value_t = 1 << 17)]
    max_fragments: u32,
    /// Deliveries in flight to one session
    #[arg(long, default_value_t = 1_024)]
    window: u16,
    /// Deliveries that wait for room in the window of one session
    #[arg(long, default_value_t = 8_192)]
    queue: usize,
    /// Bytes of deliveries in flight to, or waiting for, one session
    #[arg(long, default_value_t = 4 << 20)]
    queue_bytes: usize,
    /// Deliveries of a room that are kept for members that lag behind
    #[arg(long, default_value_t = 4_096)]
    room_log: usize,
    /// Policy for a session that exceeds its queue
    #[arg(long, value_enum, default_value = "park")]
    overflow: WhenFull,
    /// Seconds for which a session outlives its connection
    #[arg(long, default_value_t = 0)]
    resume_ttl: u64,
    /// Resume sessions of TLS connections on plain ones
    #[arg(long)]
    plain_after_tls: bool,
    /// Bytes that may wait for peers in the entire process
    #[arg(long, default_value_t = 1 << 30)]
    memory_budget: usize,
    /// Authentications per second; 0 for no limit
    #[arg(long, default_value_t = 0)]
    handshake_rate: u32,
    /// I/O backend of sockets
    #[arg(long, value_enum, default_value = "auto")]
    io: Way,
    /// Seconds of silence after which a session is closed
    #[arg(long, default_value_t = 480)]
    idle: u64,
    /// Seconds without output to a client after which it is sent a ping; 0 for never, and at most
    /// half of --idle
    #[arg(long, default_value_t = 25)]
    ping: u64,
    /// Seconds over which sessions are ended when the process is stopped
    #[arg(long, default_value_t = 2)]
    drain: u64,
    /// Seconds over which the clients' reconnects are spread then
    #[arg(long, default_value_t = 10)]
    return_spread: u64,
}

/// Addresses that need a certificate, and the certificate.
#[derive(Args)]
pub(crate) struct Secured {
    /// Address for WebSocket over TLS
    #[arg(long, requires = "cert")]
    pub(crate) wss: Option<SocketAddr>,
    /// Address for plain TCP over TLS
    #[arg(long, requires = "cert")]
    pub(crate) tls: Option<SocketAddr>,
    /// UDP address for QUIC and WebTransport
    #[arg(long, requires = "cert")]
    pub(crate) quic: Option<SocketAddr>,
    /// Certificate chain in PEM, leaf first
    #[arg(long, requires = "key")]
    cert: Option<PathBuf>,
    /// Its private key in PEM
    #[arg(long, requires = "cert")]
    key: Option<PathBuf>,
}

/// The class of every delivery.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Promise {
    Acked,
    BestEffort,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    Dtalk,
    Goim,
    Raw,
    Comet,
    Text,
}

#[derive(Clone, Copy, ValueEnum)]
enum WhenFull {
    Park,
    DropOldest,
    Close,
}

#[derive(Clone, Copy, ValueEnum)]
enum Way {
    Auto,
    Epoll,
    Uring,
}

impl Flags {
    /// The listeners, in the order of [`named`](Self::named).
    pub(crate) fn listeners(&self, tls: Option<&Tls>) -> impl Iterator<Item = Listen> {
        let websocket = |address| {
            let listen = Listen::websocket(address);
            let listen = if self.deflate { listen.deflate() } else { listen };
            match self.dialect {
                Some(language) => listen.dialect(language.into()),
                None => listen,
            }
        };
        let plain = [self.tcp.map(Listen::tcp), self.ws.map(websocket)];
        let secured =
            [self.secured.wss.map(websocket), self.secured.tls.map(Listen::tcp)].map(|listen| {
                // They are not without a certificate.
                let (listen, tls) = (listen?, tls?);
                Some(listen.tls(tls))
            });
        let any = self.any.map(|address| match tls {
            Some(tls) => Listen::any(address).tls_or_plain(tls),
            None => Listen::any(address),
        });
        let proxy_protocol = match self.proxy_protocol {
            true => ProxyProtocol::Required,
            false => ProxyProtocol::Off,
        };
        let listeners = plain.into_iter().chain([any]).chain(secured).flatten();
        listeners.map(move |listen| listen.proxy_protocol(proxy_protocol))
    }

    /// Names of the listeners.
    pub(crate) fn named(&self) -> impl Iterator<Item = &'static str> {
        let plain = [("tcp", self.tcp), ("ws", self.ws), ("any", self.any)];
        let all = plain.into_iter().chain([("wss", self.secured.wss), ("tls", self.secured.tls)]);
        all.filter_map(|(name, address)| address.map(|_| name))
    }

    /// TLS with the certificate, if there is one.
    pub(crate) fn tls(&self) -> Result<Option<Tls>, TlsError> {
        let (Some(cert), Some(key)) = (&self.secured.cert, &self.secured.key) else {
            return Ok(None);
        };
        let certificate = Certificate::from_files(cert, key)?;
        Tls::new(TlsConfig::new(certificate)).map(Some)
    }

    /// The certificate as QUIC takes it, which is not asked for without.
    pub(crate) fn quic_tls(&self) -> Result<comet_quic::Tls, comet_quic::TlsError> {
        let [cert, key] =
            [&self.secured.cert, &self.secured.key].map(|path| path.clone().unwrap_or_default());
        comet_quic::Tls::from_files(&cert, &key)
    }

    fn proxies(&self) -> TrustedProxies {
        let nets = self.trusted_proxy.iter();
        nets.fold(TrustedProxies::new(), |all, &net| all.trust(net, ForwardedHeader::None))
    }

    /// The gateway's configuration.
    pub(crate) fn config(&self) -> Config {
        let idle = Duration::from_secs(self.idle);
        let config = Config::default()
            .trusted_proxies(self.proxies())
            .handshake(|it| {
                it.rate = self.handshake_rate;
                // Measurements of refusals must not include the time for which they are held.
                it.held_refusals = 0;
            })
            .limits(|it| {
                it.max_body = self.max_message;
                it.max_fragments = self.max_fragments;
            })
            .deflate(|it| it.level = self.deflate_level)
            .delivery(|it| {
                it.window = self.window;
                it.window_bytes = self.queue_bytes;
                it.queue = self.queue;
                it.queue_bytes = self.queue_bytes;
                it.room_log = self.room_log;
                it.overflow = self.overflow.into();
            })
            .memory(|it| {
                it.budget = self.memory_budget;
                it.write_bytes = self.queue_bytes.max(2 * self.max_message);
            })
            .io(|it| it.interface = self.io.into())
            .ping(|it| {
                it.idle_timeout = idle;
                it.interval = Duration::from_secs(self.ping).min(idle / 2);
            })
            .resume(|it| {
                it.ttl = Duration::from_secs(self.resume_ttl);
                it.plain_after_tls = self.plain_after_tls;
                it.return_spread = Duration::from_secs(self.return_spread);
            });
        match self.shards {
            Some(shards) => config.shards(shards),
            None => config,
        }
    }

    /// Time limit for draining.
    pub(crate) const fn drain(&self) -> Duration {
        Duration::from_secs(self.drain)
    }
}

impl From<Way> for Io {
    fn from(way: Way) -> Self {
        match way {
            Way::Auto => Self::Auto,
            Way::Epoll => Self::Epoll,
            Way::Uring => Self::Uring,
        }
    }
}

impl From<Language> for Dialect {
    fn from(language: Language) -> Self {
        match language {
            Language::Dtalk => Self::Dtalk,
            Language::Goim => Self::Goim,
            Language::Raw => Self::Raw,
            Language::Comet => Self::Comet,
            Language::Text => Self::Text,
        }
    }
}

impl From<WhenFull> for Overflow {
    fn from(full: WhenFull) -> Self {
        match full {
            WhenFull::Park => Self::Park,
            WhenFull::DropOldest => Self::DropOldest,
            WhenFull::Close => Self::Close,
        }
    }
}
