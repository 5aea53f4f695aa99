//! The server of a run: one that runs already, or a relay of the run's own.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;

use crate::dialect::Dialect;
use crate::driver::{Route, Transport, Trust};
use crate::plan::{Carrier, Plan, ServerLocation, ServerOptions};
use crate::server::{Network, Relay, Usage, beside, listener};

use super::pinning::Pinning;
use super::{LocationError, RunError};
use crate::host::cores::{allowed, keep_to, outrank};

/// A server, and the ways to it.
#[derive(Debug)]
pub struct Server {
    /// The ways, of which each session takes one.
    pub routes: Arc<[Route]>,
    /// Its process, if that is here and known.
    pub usage: Option<Usage>,
    /// Its addresses, for people.
    pub addresses: Vec<String>,
    /// Processes of this machine that listen there, if they are several: none speaks for all.
    pub several: Vec<u32>,
    /// The relay, if it is one that was started for the run; it ends with this value.
    relay: Option<Relay>,
}

/// Limit of the time to the first answer of a server.
const ANSWER: Duration = Duration::from_secs(1);

/// Time in which a machine says that nobody listens on a port of UDP; a server says nothing.
const SILENCE: Duration = Duration::from_millis(50);

impl Server {
    /// Starts the relay if there is to be one, and finds the ways.
    ///
    /// # Errors
    ///
    /// [`RunError`] when there is no server, or no way to it.
    pub fn open(plan: &Plan) -> Result<Self, RunError> {
        let (routes, addresses, relay) = match &plan.location {
            ServerLocation::At(addresses) => {
                let trust = trust(&plan.given.server);
                let routes = addresses.iter().map(|address| Route::parse(address, &trust));
                let routes: Result<Vec<_>, _> = routes.collect();
                let routes = routes.map_err(LocationError::Route)?;
                check(plan.dialect, &routes)?;
                (routes, addresses.clone(), None)
            }
            ServerLocation::Relay { .. } => {
                let relay = start(plan)?;
                let (route, address) = way(plan, &relay);
                (vec![route], vec![address], Some(relay))
            }
        };
        let mut several = Vec::new();
        let usage = match (&relay, plan.given.server.pid) {
            (Some(relay), _) => Some(relay.usage()),
            (None, Some(pid)) => Some(Usage::of(pid)),
            (None, None) => match listeners(&routes)[..] {
                [pid] => Some(Usage::of(pid)),
                ref pids => {
                    several.extend(pids);
                    None
                }
            },
        };
        // Default source addresses are used where they help.
        let wanted = plan.given.load.sources.is_some() || routes.iter().all(has_sources);
        let sources = if wanted { plan.connections.sources } else { 0 };
        let routes = from_sources(sources, routes)?;
        Ok(Self { routes, usage, addresses, several, relay })
    }

    /// Connects to each address once, so that a mistake in one is known before anything else
    /// is done. Takes a second at most for each address.
    ///
    /// # Errors
    ///
    /// [`LocationError::Dead`] names the address.
    pub fn reach(&self) -> Result<(), LocationError> {
        let of = |is_udp| {
            let routes = self.routes.iter().filter(move |route| route.transport.is_udp() == is_udp);
            routes.map(|route| route.to).collect::<BTreeSet<SocketAddr>>()
        };
        for at in of(true) {
            knock(at).map_err(|why| LocationError::Dead(at, why))?;
        }
        for at in of(false) {
            let stream = TcpStream::connect_timeout(&at, ANSWER);
            let stream = stream.map_err(|why| LocationError::Dead(at, why))?;
            // No port stays behind. A socket that is gone already needs no reset.
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
        Ok(())
    }

    /// Cores of server and harness, each as the kernel lists them: `0 of 2`.
    #[must_use]
    pub fn pinning(&self) -> Pinning {
        Pinning::of(self.usage.map(Usage::pid))
    }

    /// Whether it is a relay of the run's own.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        self.relay.is_some()
    }
}

/// Dialects without packets of their own need WebSocket, and server-sent events are comet's.
fn check(dialect: Dialect, routes: &[Route]) -> Result<(), LocationError> {
    let has = |is: fn(Transport) -> bool| routes.iter().any(|route| is(route.transport));
    if dialect != Dialect::Comet && has(|it| it == Transport::Sse) {
        return Err(LocationError::Events(dialect));
    }
    if !dialect.features().tcp && has(|it| it != Transport::WebSocket) {
        return Err(LocationError::Stream(dialect));
    }
    Ok(())
}

fn trust(given: &ServerOptions) -> Trust {
    match (&given.ca, given.insecure) {
        (_, Some(true)) => Trust::Anybody,
        (Some(file), _) => Trust::File(file.clone()),
        _ => Trust::System,
    }
}

/// With a single thread, the relay has one core and the harness another. So it is in a storm:
/// with the threads of those who stay and of those who come back, and the relay's, on two cores
/// the scheduler would be measured.
fn start(plan: &Plan) -> Result<Relay, RunError> {
    let ServerLocation::Relay { program, flags, .. } = &plan.location else {
        unreachable!("asked for when the location is a relay")
    };
    let program = program.clone().unwrap_or_else(|| beside("relay"));
    outrank();
    let cores = allowed();
    let is_pinned = plan.threads == 1 || plan.disturbances.storm.is_some() && plan.threads == 2;
    if is_pinned {
        keep_to(0, &cores);
    }
    let relay = Relay::start(&program, flags.iter().cloned());
    if is_pinned {
        keep_to(1, &cores);
    }
    Ok(relay?)
}

fn way(plan: &Plan, relay: &Relay) -> (Route, String) {
    let target = relay.target();
    match &plan.location {
        ServerLocation::Relay { carrier: Carrier::Tcp, .. } => {
            (Route::tcp(target.tcp), format!("tcp://{}", target.tcp))
        }
        _ => (Route::websocket(target.ws), format!("ws://{}", target.ws)),
    }
}

/// Sends a datagram that means nothing: where nobody listens, a machine may say so.
fn knock(at: SocketAddr) -> io::Result<()> {
    let any = if at.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.set_read_timeout(Some(SILENCE))?;
    socket.connect(at)?;
    socket.send(&[0])?;
    match socket.recv(&mut [0; 16]) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Err(error),
        _ => Ok(()),
    }
}

fn is_here(at: SocketAddr) -> bool {
    at.ip().to_canonical().is_loopback()
}

/// Processes that listen at those of the addresses that are here.
fn listeners(routes: &[Route]) -> Vec<u32> {
    let here = routes.iter().filter(|route| is_here(route.to));
    let process = |route: &Route| {
        let network = if route.transport.is_udp() { Network::Udp } else { Network::Tcp };
        listener(network, route.to)
    };
    here.filter_map(process).collect::<BTreeSet<u32>>().into_iter().collect()
}

/// Whether the way can begin at any address of the loopback.
fn has_sources(route: &Route) -> bool {
    is_here(route.to) && route.to.is_ipv4()
}

/// The same ways from several addresses, each of which has ports of its own.
fn from_sources(sources: u8, routes: Vec<Route>) -> Result<Arc<[Route]>, LocationError> {
    if sources == 0 {
        return Ok(routes.into());
    }
    if let Some(route) = routes.iter().find(|route| !has_sources(route)) {
        return Err(LocationError::Sources(route.to));
    }
    let source = |number| IpAddr::V4(Ipv4Addr::new(127, 0, 0, number));
    let from = |route: &Route| {
        let route = route.clone();
        (1..=sources).map(move |number| route.clone().from(source(number)))
    };
    Ok(routes.iter().flat_map(from).collect())
}

#[cfg(test)]
mod tests {
    use crate::plan::Options;
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::process::{Command, Stdio};
    use std::time::Instant;

    use super::*;

    #[test]
    fn each_source_has_a_way_of_its_own() {
        let route = Route::tcp("127.0.0.1:9".parse().unwrap());
        let routes = from_sources(2, vec![route.clone()]).unwrap();
        let sources: Vec<_> = routes.iter().map(|route| route.from.unwrap().to_string()).collect();
        assert_eq!(sources, ["127.0.0.1", "127.0.0.2"]);
        assert_eq!(from_sources(0, vec![route]).unwrap()[0].from, None);
        let far = "192.0.2.1:9".parse().unwrap();
        let error = from_sources(1, vec![Route::tcp(far)]).map(drop);
        assert!(matches!(error, Err(LocationError::Sources(at)) if at == far), "{error:?}");
    }

    fn open(addresses: &[SocketAddr], more: &str) -> Result<Server, RunError> {
        let addresses: Vec<String> = addresses.iter().map(|at| format!("\"tcp://{at}\"")).collect();
        let text = format!("scenario = \"idle\"\naddr = [{}]\n{more}", addresses.join(", "));
        Server::open(&Plan::new(Options::read(&text).unwrap()).unwrap())
    }

    #[test]
    fn sources_that_nobody_asked_for_are_used_only_on_the_loopback() {
        let many = "sessions = 50000";
        let ways = |address: &str| open(&[address.parse().unwrap()], many).unwrap().routes;
        assert_eq!(ways("127.0.0.1:9").len(), 3);
        for elsewhere in ["192.0.2.1:9", "[::1]:9"] {
            assert_eq!(ways(elsewhere).len(), 1, "{elsewhere}");
        }
        let asked = open(&["192.0.2.1:9".parse().unwrap()], "sources = 2");
        assert!(matches!(asked, Err(RunError::Location(LocationError::Sources(_)))), "{asked:?}");
    }

    #[test]
    fn an_address_at_which_nobody_listens_is_known_within_a_second() {
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let listens = TcpListener::bind("127.0.0.1:0").unwrap();
        let there = listens.local_addr().unwrap();
        let began = Instant::now();
        let dead = open(&[there, gone], "").unwrap().reach();
        assert!(matches!(dead, Err(LocationError::Dead(at, _)) if at == gone), "{dead:?}");
        assert!(began.elapsed() < ANSWER, "{:?}", began.elapsed());
        assert!(open(&[there], "").unwrap().reach().is_ok());
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = socket.local_addr().unwrap();
        assert!(knock(at).is_ok());
        drop(socket);
        assert!(knock(at).is_err());
    }

    #[test]
    fn of_several_processes_none_speaks_for_all() {
        let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
        let own = [listen(), listen()].map(|it| (it.local_addr().unwrap(), it));
        let addresses = own.each_ref().map(|(at, _)| *at);
        let server = open(&addresses, "").unwrap();
        assert_eq!(server.usage.map(Usage::pid), Some(std::process::id()));
        let listen = "import socket as s, sys; l = s.create_server(('127.0.0.1', 0)); \
                      print(l.getsockname()[1], flush=True); sys.stdin.read()";
        let mut other = Command::new("python3");
        other.args(["-c", listen]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut other = other.spawn().unwrap();
        let mut port = String::new();
        BufReader::new(other.stdout.take().unwrap()).read_line(&mut port).unwrap();
        let elsewhere = format!("127.0.0.1:{}", port.trim()).parse().unwrap();
        let server = open(&[addresses[0], elsewhere], "").unwrap();
        let mut pids = vec![std::process::id(), other.id()];
        pids.sort_unstable();
        assert_eq!((server.usage.map(Usage::pid), server.several), (None, pids));
        let named = open(&[addresses[0], elsewhere], &format!("pid = {}", other.id())).unwrap();
        assert_eq!(named.usage.map(Usage::pid), Some(other.id()));
        drop(other.stdin.take());
        other.wait().unwrap();
    }
}
