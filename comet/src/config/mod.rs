//! All limits of the gateway, with their reasons and costs.

mod check;
mod choices;
mod deflate;
mod delivery;
mod handshake;
mod io;
mod limits;
mod memory;
mod ping;
mod resume;

use crate::devices::DevicePolicy;
use crate::proxies::TrustedProxies;
pub use choices::{Io, Overflow};
pub use deflate::DeflateConfig;
pub use delivery::DeliveryConfig;
pub use handshake::HandshakeConfig;
pub use io::IoConfig;
pub use limits::LimitsConfig;
pub use memory::MemoryConfig;
pub use ping::PingConfig;
pub use resume::ResumeConfig;

/// Limits and timings, in groups. `Config::default()` fits dtalk clients and a server on the
/// internet.
///
/// A default is changed by assignment, `config.limits.max_connections = 10`, or in a chain:
///
/// ```
/// let config = comet::Config::default()
///     .shards(2)
///     .limits(|it| it.max_connections = 10)
///     .delivery(|it| {
///         it.window = 128;
///         it.queue = 512;
///     });
/// config.validate()?;
/// # Ok::<(), comet::StartError>(())
/// ```
///
/// Memory figures are for one session unless stated otherwise; limits without a figure cost nothing
/// while unused.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Shards, each a thread with its own sessions. Default: one per core; at most 4,096.
    ///
    /// Each costs its read buffer, a mailbox and a timer wheel: about 600 KiB.
    pub shards: usize,
    /// Sessions a user may have, per device class. Default: no limit.
    pub devices: DevicePolicy,
    /// Proxies that are trusted to name the clients of the connections they forward. Default: none.
    ///
    /// WebSocket connections through one count for the address in the header of their upgrade
    /// request, which [`Connect::remote`](crate::Connect::remote) shows; one beyond the limit of
    /// its address is answered 429. If none is named, and for plain TCP, no limit per address
    /// applies.
    pub trusted_proxies: TrustedProxies,
    /// From accept to an open session.
    pub handshake: HandshakeConfig,
    /// What peers may open and send.
    pub limits: LimitsConfig,
    /// Compression of WebSocket messages.
    pub deflate: DeflateConfig,
    /// Deliveries to sessions: in flight, waiting, sent again.
    pub delivery: DeliveryConfig,
    /// Bytes that the whole gateway, a shard or a connection may hold.
    pub memory: MemoryConfig,
    /// Sockets.
    pub io: IoConfig,
    /// Silence of a peer, and pings.
    pub ping: PingConfig,
    /// Sessions that outlive their connections, and the return of peers.
    pub resume: ResumeConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            shards: std::thread::available_parallelism().map_or(1, Into::into),
            devices: DevicePolicy::default(),
            trusted_proxies: TrustedProxies::new(),
            handshake: HandshakeConfig::default(),
            limits: LimitsConfig::default(),
            deflate: DeflateConfig::default(),
            delivery: DeliveryConfig::default(),
            memory: MemoryConfig::default(),
            io: IoConfig::default(),
            ping: PingConfig::default(),
            resume: ResumeConfig::default(),
        }
    }
}

impl Config {
    /// Sets [`shards`](Self#structfield.shards).
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// Sets [`devices`](Self#structfield.devices).
    #[must_use]
    pub fn devices(mut self, policy: DevicePolicy) -> Self {
        self.devices = policy;
        self
    }

    /// Sets [`trusted_proxies`](Self#structfield.trusted_proxies).
    #[must_use]
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.trusted_proxies = proxies;
        self
    }

    /// Changes [`handshake`](Self#structfield.handshake).
    #[must_use]
    pub fn handshake(mut self, change: impl FnOnce(&mut HandshakeConfig)) -> Self {
        change(&mut self.handshake);
        self
    }

    /// Changes [`limits`](Self#structfield.limits).
    #[must_use]
    pub fn limits(mut self, change: impl FnOnce(&mut LimitsConfig)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Changes [`deflate`](Self#structfield.deflate).
    #[must_use]
    pub fn deflate(mut self, change: impl FnOnce(&mut DeflateConfig)) -> Self {
        change(&mut self.deflate);
        self
    }

    /// Changes [`delivery`](Self#structfield.delivery).
    #[must_use]
    pub fn delivery(mut self, change: impl FnOnce(&mut DeliveryConfig)) -> Self {
        change(&mut self.delivery);
        self
    }

    /// Changes [`memory`](Self#structfield.memory).
    #[must_use]
    pub fn memory(mut self, change: impl FnOnce(&mut MemoryConfig)) -> Self {
        change(&mut self.memory);
        self
    }

    /// Changes [`io`](Self#structfield.io).
    #[must_use]
    pub fn io(mut self, change: impl FnOnce(&mut IoConfig)) -> Self {
        change(&mut self.io);
        self
    }

    /// Changes [`ping`](Self#structfield.ping).
    #[must_use]
    pub fn ping(mut self, change: impl FnOnce(&mut PingConfig)) -> Self {
        change(&mut self.ping);
        self
    }

    /// Changes [`resume`](Self#structfield.resume).
    #[must_use]
    pub fn resume(mut self, change: impl FnOnce(&mut ResumeConfig)) -> Self {
        change(&mut self.resume);
        self
    }
}
