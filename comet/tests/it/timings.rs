//! Durations that the gateway measures: fan-outs and round trips.

use comet::{Delivery, Stats};
use comet_testkit::client::{Client, Transport};
use comet_testkit::clock;

use crate::support::gateway::{Server, config};

fn members(server: &Server, room: &str, count: usize) -> Vec<Client> {
    (0..count)
        .map(|number| server.client(Transport::Tcp, &format!("{room}-{number}"), room))
        .collect()
}

#[test]
fn large_fan_outs_and_the_round_trips_of_acked_deliveries_are_timed() {
    let server = Server::start(config(1));
    let mut large = members(&server, "large", Stats::FAN_OUT_FROM);
    let mut small = members(&server, "small", Stats::FAN_OUT_FROM - 1);
    server.gateway.publish("small", Delivery::best_effort("a")).unwrap();
    small.iter_mut().for_each(|client| assert_eq!(client.receive().body, b"a"));
    let stats = server.stats();
    assert_eq!((stats.fan_out.count(), stats.round_trip.count()), (0, 0));

    server.gateway.publish("large", Delivery::acked("b")).unwrap();
    large.iter_mut().for_each(|client| client.takes(1, b"b"));
    clock::eventually("each ack is timed", || {
        server.stats().round_trip.count() == Stats::FAN_OUT_FROM as u64
    });
    let stats = server.stats();
    assert_eq!(stats.fan_out.count(), 1);
    assert!(stats.round_trip.sum() >= 0.001 * Stats::FAN_OUT_FROM as f64);
}
