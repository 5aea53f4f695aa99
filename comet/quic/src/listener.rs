//! A QUIC listener of a gateway: its threads, started and stopped.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use comet::Gateway;
use quinn_proto::ServerConfig;
use quinn_proto::crypto::HmacKey;
use ring::hmac;

use crate::config::Config;
use crate::counters::{Counters, Stats};
use crate::driver::{Driver, Seat, Shared, WAKER};
use crate::inbox::Inbox;
use crate::tls::{COMET, HTTP3, Tls, TlsError};

/// Error of binding a listener.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// A value of the configuration is invalid.
    #[error("bad configuration: {0}")]
    Config(&'static str),
    /// The address cannot be bound.
    #[error("cannot listen on {address}: {source}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// Error of the system.
        source: io::Error,
    },
    /// The certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The system refused a thread, or randomness.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] io::Error),
}

/// A UDP port on which peers of a gateway arrive by QUIC. Stopped when it is dropped.
pub struct Listener {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Listener {
    /// Listens on a UDP address for peers of this gateway. An IPv6 address takes IPv4 as well.
    ///
    /// While the gateway drains, new connections are refused and the others close as their sessions
    /// end: [stop](Self::stop) the listener after it.
    ///
    /// Costs a thread, and a buffer of about 3 MB where the system receives segments together, for
    /// each of [`Config::threads`].
    ///
    /// # Errors
    ///
    /// [`BindError`].
    pub fn bind(
        gateway: &Gateway,
        address: SocketAddr,
        tls: &Tls,
        config: Config,
    ) -> Result<Self, BindError> {
        config.check().map_err(BindError::Config)?;
        let server = Arc::new(server(tls, &config)?);
        let reset_key = reset_key(&config)?;
        let seats = seats(address, &config);
        let seats = seats.map_err(|source| BindError::Address { address, source })?;
        let address = seats[0].address()?;
        let inboxes = seats.iter().map(|seat| {
            let waker = mio::Waker::new(seat.poll.registry(), WAKER)?;
            Ok(Arc::new(Inbox::new(waker)))
        });
        let inboxes = inboxes.collect::<io::Result<Vec<_>>>()?;
        let (gateway, counters) = (gateway.clone(), Counters::default());
        let shared = Arc::new(Shared { gateway, config, counters, inboxes });
        let mut listener = Self { address, shared, threads: Vec::new() };
        for (index, seat) in (0..=u8::MAX).zip(seats) {
            let (shared, server) = (Arc::clone(&listener.shared), Arc::clone(&server));
            let driver = Driver::new(index, seat, shared, Arc::clone(&reset_key), server);
            let thread = Builder::new().name(format!("comet-quic-{index}"));
            listener.threads.push(thread.spawn(move || driver.run())?);
        }
        Ok(listener)
    }

    /// The address that is listened on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has happened so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.counters.stats()
    }

    /// Closes all connections and ends the threads. Sessions that are open are lost; those that
    /// have ended have [`Config::linger`] for their last bytes. Blocks until then.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.inboxes.iter().for_each(|inbox| inbox.stop());
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of a QUIC listener panicked");
            }
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("address", &self.address).finish_non_exhaustive()
    }
}

/// The settings of handshakes.
fn server(tls: &Tls, config: &Config) -> Result<ServerConfig, TlsError> {
    let protocols = [COMET, HTTP3];
    let protocols = &protocols[..if config.webtransport.is_some() { 2 } else { 1 }];
    let mut server = ServerConfig::with_crypto(Arc::new(tls.server(protocols, config.tickets)?));
    server
        .transport_config(config.transport())
        // What is read before a handshake begins: the rest of a ClientHello.
        .max_incoming(config.handshakes)
        .incoming_buffer_size(16 * 1024)
        .incoming_buffer_size_total(16 * 1024 * config.handshakes as u64);
    Ok(server)
}

fn reset_key(config: &Config) -> io::Result<Arc<dyn HmacKey>> {
    let mut key = [0; 32];
    match config.reset_key {
        Some(given) => key = given,
        None => getrandom::fill(&mut key)?,
    }
    Ok(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &key)))
}

/// A socket for each thread, all on the address of the first.
fn seats(address: SocketAddr, config: &Config) -> io::Result<Vec<Seat>> {
    let is_shared = config.threads > 1;
    let mut seats = vec![Seat::new(address, is_shared, config)?];
    let address = seats[0].address()?;
    for _ in 1..config.threads {
        seats.push(Seat::new(address, is_shared, config)?);
    }
    Ok(seats)
}
