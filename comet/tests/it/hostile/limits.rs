//! How many connections there may be, and what becomes of one more.

use comet::Closed;
use comet_testkit::client::{Client, Ending, Transport};
use comet_testkit::clock;
use comet_testkit::socket::Socket;

use crate::support::gateway::{Server, config};
use crate::support::place::everywhere;

/// One connection too many is closed at once; once another has gone there is room again.
fn full(server: &Server, transport: Transport, mut open: Vec<Client>) {
    let mut rejected = Socket::connect(server.address(transport));
    let (bytes, _) = rejected.rest();
    assert_eq!(bytes, b"");
    clock::eventually("it is counted", || server.ended_as(&Closed::TooManyConnections) == 1);
    open.iter_mut().for_each(|client| client.beat(2));
    drop(open.pop());
    clock::eventually("somebody has gone", || server.stats().sessions == 2);
    clock::eventually("the next one is let in", || {
        let mut client =
            Client::over(Transport::Tcp, Socket::connect(server.address(Transport::Tcp)));
        let _ = client.socket.try_write(client.bytes(&[comet_testkit::frame::auth(1, "new", "")]));
        match client.next(clock::deadline()) {
            comet_testkit::client::Next::Frame(_) => true,
            ended => {
                assert!(matches!(
                    ended,
                    comet_testkit::client::Next::Ended(Ending::Fin | Ending::Reset)
                ));
                false
            }
        }
    });
}

#[test]
fn one_connection_more_than_there_may_be_is_closed_and_the_others_stay() {
    everywhere(|place| {
        let server = Server::start(config(place.shards).limits(|it| it.max_connections = 3));
        let open = ["a", "b", "c"].map(|user| server.client(place.transport, user, ""));
        full(&server, place.transport, open.into());
    });
}

#[test]
fn one_connection_more_than_an_address_may_have_is_closed_and_the_others_stay() {
    everywhere(|place| {
        let server =
            Server::start(config(place.shards).limits(|it| it.connections_per_address = 3));
        let open = ["a", "b", "c"].map(|user| server.client(place.transport, user, ""));
        full(&server, place.transport, open.into());
    });
}
