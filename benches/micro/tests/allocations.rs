//! Allocations per publish, independent of the number of members.

use allocation_counter::measure;
use comet::Class;
use comet_micro::world::{BusyRoom, PeerDialect};

/// Allocations of one publish in the steady state.
fn of_publish(dialect: PeerDialect, class: Class, members: usize) -> u64 {
    let mut room = BusyRoom::new(dialect, class, members, 64);
    let mut publish = || {
        let allocated = measure(|| room.publish()).count_total;
        if class == Class::Acked {
            room.acknowledge();
            room.run_until_idle();
        }
        allocated
    };
    // The first allocates state that later ones reuse, and each 31st command a block of the
    // mailbox.
    (0..4).map(|_| publish()).min().unwrap_or(0)
}

/// Allocations of a publish itself: the room's name in the command, and the holder of the body.
const OF_A_PUBLISH: u64 = 2;

#[test]
fn a_best_effort_delivery_allocates_nothing() {
    for dialect in [
        PeerDialect::Raw,
        PeerDialect::Goim,
        PeerDialect::Dtalk,
        PeerDialect::DtalkTcp,
        PeerDialect::Comet,
    ] {
        let allocated =
            [1, 10, 1_000].map(|members| of_publish(dialect, Class::BestEffort, members));
        assert_eq!(allocated[0], allocated[2], "{dialect:?}");
        assert_eq!(allocated[1], allocated[2], "{dialect:?}");
        assert!(allocated[2] <= OF_A_PUBLISH, "{dialect:?}: {allocated:?}");
    }
}

#[test]
fn an_acked_delivery_allocates_nothing_once_the_window_is_there() {
    for dialect in [PeerDialect::Dtalk, PeerDialect::DtalkTcp, PeerDialect::Comet] {
        let allocated = [1, 10, 1_000].map(|members| of_publish(dialect, Class::Acked, members));
        assert_eq!(allocated, [OF_A_PUBLISH; 3], "{dialect:?}");
    }
}

#[test]
fn the_first_acked_delivery_to_a_session_makes_its_window() {
    let first = |members| {
        let mut room = BusyRoom::new(PeerDialect::Dtalk, Class::Acked, members, 64);
        measure(|| room.publish()).count_total
    };
    // The window, and its list of deliveries in flight.
    assert_eq!(first(1_100) - first(100), 2 * 1_000);
}
