//! The composition: databases, backends, gateway and HTTP; from start to drained.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use comet::tls::Tls;
use comet::{Builder, Gateway, HttpConnection};
use comet_dtalk::http::Verify;
use comet_dtalk::id::Node;
use comet_group::Groups;
use comet_identity::{Authenticated, Registry, Tokens, devices};
use comet_quic::Listener;
use comet_sql::Fence;
use comet_store::{Membership, Outbox, Store};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::certificates::{Acme, Certificates};
use crate::config::Config;
use crate::data::{Data, DataError};
use crate::database::Databases;
use crate::demo::{Demo, DemoRoom};
use crate::descriptors::{self, Shares};
use crate::http::{self, Port, Public};
use crate::metrics::{Metrics, Requests, Sources};
use crate::ports::Ports;
use crate::ready::Readiness;
use crate::reload::Reload;
use crate::startup_error::StartupError;
use crate::tokens::tokens;
use crate::{print_line, push, quic};

/// Time limit for HTTP to end after everything behind it has ended. Otherwise a client that has
/// sent half a request would keep the server running.
const LAST_REQUESTS: Duration = Duration::from_secs(1);

/// Divisor of the memory budget that yields the database's page cache.
const CACHE_SHARE: usize = 16;

/// Maximum bytes of the page cache; a larger one gains nothing.
const MOST_CACHE: usize = 64 * 1024 * 1024;

/// Serves until a stop is requested, then drains.
pub(crate) async fn run(config: Config, mut reload: Reload) -> Result<(), StartupError> {
    let location = config.database.0.as_ref();
    let data = Data::open(&config.data_dir, location.is_none())?;
    let databases = Databases::open(&data, location).await?;
    let accounts = databases.accounts();
    let registry = Registry::open(accounts.clone()).await.map_err(DataError::from)?;
    let demo = match config.demo_is_on() {
        true => Some(Arc::new(Demo::open(accounts, data.demo_secret()?, &config.demo).await?)),
        false => None,
    };
    let outbox = Outbox::default();
    let groups = Groups::open(databases.groups(), group_config(&config), outbox.clone()).await?;
    let limits = store_config(&config, databases.fence()).accept_loss(reload.flags.accept_loss);
    let membership = membership(demo.as_ref(), &groups);
    let store = Store::open(databases.messages(), limits.outbox(outbox), membership).await?;
    // HTTP is bound first: a started gateway may have sessions already.
    let http = bind(config.listen.http).await?;
    let admin = bind(config.listen.admin).await?;
    let tokens = tokens(&config.backends.jwt)?;
    let router = Arc::new(authenticated(&config, &registry, &store, tokens.clone()));
    let online = demo.as_ref().map(|demo| demo.online());
    let pushes = push::start(&config, &store, databases.accounts(), (&registry, &groups)).await?;
    let with_presence = crate::demo::PresenceRouter::new(Arc::clone(&router), online);
    let shares = descriptors::share(&config);
    let (stop, stopped) = watch::channel(false);
    let certificates = Certificates::open(&config.certificates, &data)?;
    let (gateway, handed_over) =
        start_gateway(&config, &shares, &data, with_presence, certificates.tls())?;
    keep_certificates(&config, &certificates, &data, &stopped);

    let verify: Arc<dyn Verify> = Arc::new(tokens);
    let quic = quic::listen(&config, &gateway, &certificates, address_of(&http)?.port())?;
    let addresses = [address_of(&http)?, address_of(&admin)?];
    let ports = Ports::new(&config, &gateway, addresses, quic.as_deref());
    let public = Public::new(&gateway, &config, demo, ports, &certificates);
    let readiness = Readiness::new(&gateway, &store, &registry, &config, shares.gateway);
    let requests = Requests::new();
    let devices =
        devices::routes(Arc::clone(&verify), registry.clone(), gateway.clone(), router.presence());
    let backends = devices.merge(comet_group::routes(groups, Arc::clone(&verify)));
    let public = http::public(public, &store, backends, verify, registry, &requests);
    let pushed = pushes.as_ref().map(|it| it.pushes.clone());
    let sources = Sources::new(&gateway, &store, router, pushed, &config);
    let sources = sources.tls(&certificates, quic.as_ref());
    let metrics = Metrics::new(sources, &requests);
    let http = Port::public(&config, http, shares.http, certificates.tls(), handed_over);
    let admin = Port::admin(&config.http, admin);
    let serving = [
        tokio::spawn(http::serve(http, public, stopped.clone())),
        tokio::spawn(http::serve(admin, http::admin(metrics, readiness), stopped)),
    ];
    // The announcement may be followed by a stop request at once.
    let signals = signals();
    announce(&config, &gateway, &ports);

    let hang_up = || reload.run(&gateway, &store, &certificates);
    let outcome = wait_for(signals, &databases, hang_up).await;
    print_line("draining");
    drain(&gateway, quic, Duration::from_secs(config.drain_seconds)).await;
    push::stop(pushes).await;
    store.close().await;
    // There is no receiver if serving has already failed.
    let _ = stop.send(true);
    end_requests(serving).await;
    databases.release().await;
    print_line("stopped");
    outcome
}

/// Requests to stop, the first two, and to reload.
fn signals() -> [io::Result<Signal>; 3] {
    [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal)
}

fn authenticated(
    config: &Config,
    registry: &Registry,
    store: &Store,
    tokens: Tokens,
) -> Authenticated<Store> {
    let (apps, runtime) = (config.apps.clone(), Handle::current());
    Authenticated::new(registry.clone(), runtime, apps, store.clone()).tokens(tokens)
}

fn membership(demo: Option<&Arc<Demo>>, groups: &Groups) -> Arc<dyn Membership> {
    match demo {
        Some(demo) => Arc::new(DemoRoom::new(Arc::clone(demo), groups.clone())),
        None => Arc::new(groups.clone()),
    }
}

/// Waits for pending requests for a limited time.
async fn end_requests(serving: [JoinHandle<()>; 2]) {
    let deadline = Instant::now() + LAST_REQUESTS;
    for task in serving {
        match timeout_at(deadline, task).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "HTTP ended badly"),
            Err(_) => tracing::debug!("requests dropped that did not end"),
        }
    }
}

fn start_gateway(
    config: &Config,
    shares: &Shares,
    data: &Data,
    router: impl comet::Router,
    tls: &Tls,
) -> Result<(Gateway, Receiver<HttpConnection>), StartupError> {
    let mut limits = config.gateway_limits();
    limits.limits.max_connections = shares.gateway;
    limits.resume.ticket_key = Some(data.ticket_secret()?);
    // Who is kept out by no certificate is not kept from plain connections either.
    limits.resume.plain_after_tls = config.certificates.are_for_development();
    let (to_http, handed_over) = http::handed_over();
    let builder = Gateway::builder(router).config(limits);
    let listeners = config.listeners(tls, move |connection| {
        // Too many wait: this one is closed.
        drop(to_http.try_send(connection));
    });
    let builder = listeners.into_iter().fold(builder, Builder::listen);
    Ok((builder.start()?, handed_over))
}

/// Looks after the files of certificates, and after their renewal, until the server stops.
fn keep_certificates(
    config: &Config,
    certificates: &Certificates,
    data: &Data,
    stopped: &watch::Receiver<bool>,
) {
    drop(tokio::spawn(certificates.clone().watch(stopped.clone())));
    let acme = &config.certificates.acme;
    if acme.is_on() {
        drop(tokio::spawn(Acme::new(acme, certificates, data).keep(stopped.clone())));
    }
}

fn store_config(config: &Config, fence: Option<Fence>) -> comet_store::Config {
    let cache = (config.gateway.memory_budget / CACHE_SHARE).min(MOST_CACHE);
    let (rate, config) = (config.gateway.limits.message_rate, &config.backends.store);
    let store = comet_store::Config::default().message_rate(rate);
    let store = store.queue(config.queue).readers(config.readers).answers(config.answers);
    let store = store.cache(cache).retention(config.retention.limits());
    let store = fence.map_or(store.clone(), |fence| store.fence(fence));
    // A number beyond the limit is rejected when the configuration is checked.
    Node::new(config.node).map_or(store.clone(), |node| store.node(node))
}

fn group_config(config: &Config) -> comet_group::Config {
    let limits = &config.backends.group;
    let group = comet_group::Config::default();
    let group = group.maximum(limits.members).groups_per_user(limits.groups_per_user);
    Node::new(config.backends.store.node).map_or(group.clone(), |node| group.node(node))
}

fn address_of(listener: &TcpListener) -> Result<SocketAddr, StartupError> {
    listener.local_addr().map_err(StartupError::Runtime)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartupError> {
    TcpListener::bind(address).await.map_err(|source| StartupError::Listen { address, source })
}

/// Announces all addresses: one line for programs, the rest for people.
fn announce(config: &Config, gateway: &Gateway, ports: &Ports) {
    print_line(&format!("listening {ports}"));
    print_line(&format!("  data     {}", config.data_dir.display()));
    if let Some(database) = &config.database.0 {
        print_line(&format!("  database {database}"));
    }
    let Ports { http, admin, .. } = ports;
    print_line(&format!("  metrics  http://{admin}/metrics"));
    if config.demo_is_on() {
        print_line(&format!("  chat     http://{http}/"));
        print_line(
            "  demo     on: whoever reaches this machine's loopback may sign in by any name",
        );
    }
    tracing::info!(%ports, shards = gateway.shards(), "serving");
}

/// Returns when a stop is requested, or another process has taken the database; until then each
/// SIGHUP reloads the settings.
async fn wait_for(
    [terminate, interrupt, hangup]: [io::Result<Signal>; 3],
    databases: &Databases,
    mut reload: impl FnMut(),
) -> Result<(), StartupError> {
    let mut terminate = terminate.map_err(StartupError::Runtime)?;
    let mut interrupt = interrupt.map_err(StartupError::Runtime)?;
    let mut hangup = hangup.map_err(StartupError::Runtime)?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            holder = databases.lost() => return Err(StartupError::LeaseLost(holder)),
            Some(()) = hangup.recv() => tokio::task::block_in_place(&mut reload),
        }
    }
}

async fn drain(gateway: &Gateway, quic: Option<Arc<Listener>>, within: Duration) {
    gateway.drain(within);
    let gateway = gateway.clone();
    let wait = move || {
        gateway.wait();
        // Clients have a little time to hear of the end.
        drop(quic);
    };
    if tokio::task::spawn_blocking(wait).await.is_err() {
        tracing::error!("waiting for the gateway failed");
    }
}
