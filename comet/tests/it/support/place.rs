//! Where a scenario is played: on one shard or several, over TCP or WebSocket, accepted from a
//! socket or adopted as a stream.

use std::cell::Cell;

use comet_testkit::client::Transport;

/// One combination.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) shards: usize,
    pub(crate) transport: Transport,
}

thread_local! {
    /// Whether gateways that this thread starts have the streams of their clients adopted.
    static ADOPTS: Cell<bool> = const { Cell::new(false) };
}

/// Whether a gateway that is started now has the streams of its clients adopted.
pub(crate) fn adopts() -> bool {
    ADOPTS.get()
}

/// Plays the scenario in all places, side by side.
pub(crate) fn everywhere(scenario: impl Fn(Place) + Sync) {
    play(scenario, &[(1, false), (2, false), (2, true)]);
}

/// [`everywhere`], but for what only sockets of the gateway's own do.
pub(crate) fn on_sockets(scenario: impl Fn(Place) + Sync) {
    play(scenario, &[(1, false), (2, false)]);
}

fn play(scenario: impl Fn(Place) + Sync, on: &[(usize, bool)]) {
    std::thread::scope(|scope| {
        for &(shards, adopts) in on {
            if adopts && cfg!(not(feature = "tokio")) {
                continue;
            }
            for transport in [Transport::Tcp, Transport::WebSocket] {
                let (scenario, place) = (&scenario, Place { shards, transport });
                let name = format!("{place:?}{}", if adopts { " adopted" } else { "" });
                let play = move || {
                    ADOPTS.set(adopts);
                    scenario(place);
                };
                let thread = std::thread::Builder::new().name(name);
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
