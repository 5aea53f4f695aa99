//! Where a scenario is played: on one shard or several, over TCP or WebSocket, accepted from a
//! socket, with or without TLS, or adopted as a stream.

use std::cell::Cell;

use comet_testkit::client::Transport;

/// One combination.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) shards: usize,
    pub(crate) transport: Transport,
}

/// How clients reach a gateway.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    Socket,
    /// As a stream that is adopted.
    Adopted,
    /// By TLS on a socket.
    Tls,
}

impl Way {
    /// Whether this build has it.
    fn is_there(self) -> bool {
        match self {
            Self::Socket => true,
            Self::Adopted => cfg!(feature = "tokio"),
            Self::Tls => cfg!(all(feature = "tls", feature = "tokio")),
        }
    }
}

thread_local! {
    /// How the clients of gateways that this thread starts reach them.
    static WAY: Cell<Way> = const { Cell::new(Way::Socket) };
}

/// How clients reach a gateway that is started now.
pub(crate) fn way() -> Way {
    WAY.get()
}

/// Plays the scenario in all places, side by side.
pub(crate) fn everywhere(scenario: impl Fn(Place) + Sync) {
    play(scenario, &[(1, Way::Socket), (2, Way::Socket), (2, Way::Adopted), (2, Way::Tls)]);
}

/// [`everywhere`], but for what only plain sockets of the gateway's own do.
pub(crate) fn on_sockets(scenario: impl Fn(Place) + Sync) {
    play(scenario, &[(1, Way::Socket), (2, Way::Socket)]);
}

fn play(scenario: impl Fn(Place) + Sync, on: &[(usize, Way)]) {
    std::thread::scope(|scope| {
        for &(shards, way) in on.iter().filter(|(_, way)| way.is_there()) {
            for transport in [Transport::Tcp, Transport::WebSocket] {
                let (scenario, place) = (&scenario, Place { shards, transport });
                let play = move || {
                    WAY.set(way);
                    scenario(place);
                };
                let thread = std::thread::Builder::new().name(format!("{place:?} {way:?}"));
                thread.spawn_scoped(scope, play).expect("a thread");
            }
        }
    });
}

/// Plays the scenario over both transports on two shards.
pub(crate) fn over_both(scenario: impl Fn(Place) + Sync) {
    for transport in [Transport::Tcp, Transport::WebSocket] {
        scenario(Place { shards: 2, transport });
    }
}
