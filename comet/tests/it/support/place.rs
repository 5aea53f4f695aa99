//! Where a scenario is played: on one shard or several, over TCP or WebSocket.

use super::client::Transport;

/// One combination.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) shards: usize,
    pub(crate) transport: Transport,
}

/// Plays the scenario in all places, side by side.
pub(crate) fn everywhere(scenario: impl Fn(Place) + Sync) {
    let both = |shards| [Transport::Tcp, Transport::WebSocket].map(|transport| (shards, transport));
    let places = [both(1), both(2)].concat();
    std::thread::scope(|scope| {
        for (shards, transport) in places {
            let (scenario, place) = (&scenario, Place { shards, transport });
            let thread = std::thread::Builder::new().name(format!("{place:?}"));
            thread.spawn_scoped(scope, move || scenario(place)).expect("a thread");
        }
    });
}

/// Plays the scenario over both transports on two shards.
pub(crate) fn over_both(scenario: impl Fn(Place) + Sync) {
    for transport in [Transport::Tcp, Transport::WebSocket] {
        scenario(Place { shards: 2, transport });
    }
}
