//! Configuration and start of a gateway.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};

use super::Gateway;
use super::dispatch::Dispatch;
use super::router::Router;
use crate::StartError;
use crate::config::{Config, Io};
use crate::keyed::Keyed;
use crate::listen::Listen;
use crate::pings::Intervals;
use crate::shard::clock::Clock;
use crate::shard::liveness::Liveness;
use crate::shard::poller::Poller;
use crate::shard::sink::Sink;
use crate::shard::transport::Acceptor;
use crate::shard::{Listener, Shard, Shared, open_ring};

/// Backlog of a listener for connections not yet accepted; the system may allow fewer.
const BACKLOG: i32 = 4_096;

/// Builder of a gateway.
#[derive(Debug)]
#[must_use = "a gateway runs when started"]
pub struct Builder<R> {
    router: R,
    config: Config,
    listen: Vec<Listen>,
}

impl Gateway {
    /// A builder of a gateway with this router.
    pub fn builder<R: Router>(router: R) -> Builder<R> {
        Builder::new(router)
    }
}

impl<R: Router> Builder<R> {
    fn new(router: R) -> Self {
        Self { router, config: Config::default(), listen: Vec::new() }
    }

    /// Adds a listener. A gateway without listeners has only adopted connections.
    pub fn listen(mut self, listen: Listen) -> Self {
        self.listen.push(listen);
        self
    }

    /// Sets the limits.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Binds every address and starts the shards.
    ///
    /// # Errors
    ///
    /// [`StartError`]; nothing is left running in that case.
    pub fn start(self) -> Result<Gateway, StartError> {
        let Self { router, config, listen } = self;
        config.validate()?;
        if listen.len() >= usize::from(u8::MAX) {
            return Err(StartError::Config("at most 254 listeners"));
        }
        for at in &listen {
            at.profile.check().map_err(StartError::Config)?;
        }
        let intervals: Vec<_> = listen.iter().map(|at| at.profile.ping_interval).collect();
        for interval in intervals.iter().flatten() {
            config.ping.check_interval(*interval)?;
        }
        if config.io.interface == Io::Uring {
            open_ring().map_err(StartError::Uring)?;
        }
        let shards = config.shards;
        let (addresses, listeners) = bind_all(&listen, shards, &Liveness::new(&config.io))?;
        let pollers: Vec<Poller> = (0..shards)
            .map(|_| Poller::new())
            .collect::<io::Result<_>>()
            .map_err(StartError::Shard)?;
        let intervals = Intervals::new(&config.ping, intervals);
        let shared = Shared::new(config, intervals, Clock::start(), Keyed::by_chance(), &pollers);
        let mut shared = shared.map_err(StartError::Shard)?;
        shared.count_listeners(listen.len());
        let shared = Arc::new(shared);
        let gateway = Gateway::new(Arc::clone(&shared), addresses);
        let sink: Arc<dyn Sink> = Arc::new(Dispatch::new(router, gateway.clone()));
        let mut threads = Vec::with_capacity(shards);
        for (index, (poller, listeners)) in pollers.into_iter().zip(listeners).enumerate() {
            let (shared, sink) = (Arc::clone(&shared), Arc::clone(&sink));
            let running = gateway.begin_shard();
            let run = move || {
                let _running = running;
                Shard::new(index, shared, sink, poller, listeners).run();
            };
            let thread = std::thread::Builder::new().name(format!("comet-{index}")).spawn(run);
            match thread {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    gateway.drain(std::time::Duration::ZERO);
                    return Err(StartError::Shard(error));
                }
            }
        }
        gateway.started(threads);
        Ok(gateway)
    }
}

type Bound = (Vec<SocketAddr>, Vec<Vec<Listener>>);

/// Binds one socket for each address and shard.
fn bind_all(listen: &[Listen], shards: usize, liveness: &Liveness) -> Result<Bound, StartError> {
    let mut addresses = Vec::with_capacity(listen.len());
    let mut listeners: Vec<Vec<Listener>> = (0..shards).map(|_| Vec::new()).collect();
    for Listen { address, profile } in listen {
        let failed = |source| StartError::Listen { address: *address, source };
        let sockets = bind(*address, shards).map_err(failed)?;
        addresses.push(sockets[0].local_addr().map_err(failed)?);
        for (of_shard, socket) in listeners.iter_mut().zip(sockets) {
            let acceptor = Acceptor::from_std(socket, liveness).map_err(failed)?;
            of_shard.push(Listener::new(acceptor, profile.clone()));
        }
    }
    Ok((addresses, listeners))
}

/// Sockets that share an address let the system spread connections over the shards. The first is
/// bound without sharing, so that the address of another gateway is an error, and stays: a socket
/// that was only tried and dropped may live on in a process that is being started.
fn bind(address: SocketAddr, shards: usize) -> io::Result<Vec<TcpListener>> {
    let first = socket(address, false)?;
    first.set_reuse_port(shards > 1)?;
    first.listen(BACKLOG)?;
    let first = TcpListener::from(first);
    let address = first.local_addr()?;
    let others = (1..shards).map(|_| {
        let socket = socket(address, true)?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    });
    std::iter::once(Ok(first)).chain(others).collect()
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}
