//! Allocations per publish, independent of the number of members.

use allocation_counter::measure;
use comet_micro::world::{Crowd, Promise, Speech};

/// Allocations of one publish in the steady state.
fn of_publish(speech: Speech, promise: Promise, members: usize) -> u64 {
    let mut crowd = Crowd::new(speech, promise, members, 64);
    let mut publish = || {
        let allocated = measure(|| crowd.publish()).count_total;
        if promise == Promise::Acked {
            crowd.acknowledge();
            crowd.settle();
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
    for speech in [Speech::Raw, Speech::Goim, Speech::Dtalk, Speech::DtalkTcp, Speech::Comet] {
        let allocated =
            [1, 10, 1_000].map(|members| of_publish(speech, Promise::BestEffort, members));
        assert_eq!(allocated[0], allocated[2], "{speech:?}");
        assert_eq!(allocated[1], allocated[2], "{speech:?}");
        assert!(allocated[2] <= OF_A_PUBLISH, "{speech:?}: {allocated:?}");
    }
}

#[test]
fn an_acked_delivery_allocates_nothing_once_the_window_is_there() {
    for speech in [Speech::Dtalk, Speech::DtalkTcp, Speech::Comet] {
        let allocated = [1, 10, 1_000].map(|members| of_publish(speech, Promise::Acked, members));
        assert_eq!(allocated, [OF_A_PUBLISH; 3], "{speech:?}");
    }
}

#[test]
fn the_first_acked_delivery_to_a_session_makes_its_window() {
    let first = |members| {
        let mut crowd = Crowd::new(Speech::Dtalk, Promise::Acked, members, 64);
        measure(|| crowd.publish()).count_total
    };
    // The window, and its list of deliveries in flight.
    assert_eq!(first(1_100) - first(100), 2 * 1_000);
}
