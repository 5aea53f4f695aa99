//! A few sessions of a driver, and everything that they heard.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use comet_bench::clock;
use comet_bench::dialect::Dialect;
use comet_bench::driver::{Destination, Driver, Event, Identity, Observer, Route, Time, Tuning};
use comet_testkit::clock::PATIENCE;

/// What happened to one session.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) opened: u32,
    pub(crate) bodies: Vec<Vec<u8>>,
    pub(crate) replied: u32,
    pub(crate) waits: u32,
    pub(crate) refused: Vec<String>,
    pub(crate) closed: Vec<String>,
}

#[derive(Debug, Default)]
struct Ears(Vec<Heard>);

impl Observer for Ears {
    fn handle(&mut self, _: Time, session: usize, event: Event<'_>) {
        let heard = &mut self.0[session];
        match event {
            Event::Opened { .. } => heard.opened += 1,
            Event::Delivery { body } => heard.bodies.push(body.to_vec()),
            Event::Replied => heard.replied += 1,
            Event::Refused { why } => heard.refused.push(why),
            Event::Waiting { .. } => heard.waits += 1,
            Event::Closed { why } => heard.closed.push(why),
            other => panic!("not expected: {other:?}"),
        }
    }
}

/// Sessions on a driver.
pub(crate) struct Party {
    pub(crate) driver: Driver,
    ears: Ears,
}

impl Party {
    pub(crate) fn new(tuning: Tuning) -> Self {
        Self { driver: Driver::new(tuning).expect("a poll"), ears: Ears::default() }
    }

    /// Another session.
    pub(crate) fn join(&mut self, dialect: Dialect, me: Identity, route: &Route) -> usize {
        self.join_by(dialect, me, Arc::new([route.clone()]))
    }

    /// Another session, by any of these routes.
    pub(crate) fn join_by(
        &mut self,
        dialect: Dialect,
        me: Identity,
        routes: Arc<[Route]>,
    ) -> usize {
        self.ears.0.push(Heard::default());
        let seed = self.ears.0.len() as u64;
        self.driver.add(dialect, me, routes, seed)
    }

    /// So many more members of a room, who are in it when this returns; their numbers follow the
    /// one that is returned.
    pub(crate) fn gather(
        &mut self,
        dialect: Dialect,
        room: &str,
        members: usize,
        route: &Route,
    ) -> usize {
        let first = self.ears.0.len();
        for member in 0..members {
            let me = Identity::new(format!("{room}-{member}"), [room.to_owned()]);
            self.join(dialect, me, route);
        }
        self.until("all are open", |heard| heard[first..].iter().all(|heard| heard.opened > 0));
        first
    }

    pub(crate) fn say(&mut self, session: usize, to: &Destination, body: impl Into<Bytes>) {
        self.driver.send(session, to, body.into()).expect("taken");
    }

    pub(crate) fn heard(&self, session: usize) -> &Heard {
        &self.ears.0[session]
    }

    /// Turns until something is so.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, is_so: impl Fn(&[Heard]) -> bool) {
        let deadline = clock::now() + PATIENCE;
        while !is_so(&self.ears.0) {
            let last_error = self.driver.last_error();
            assert!(clock::now() < deadline, "never {what}; {last_error:?}; {:#?}", self.ears.0);
            let soon = clock::now() + Duration::from_millis(50);
            self.driver.turn(soon, &mut self.ears).expect("polled");
        }
    }
}

/// A room in which one member says things that all hear, once and in order; and another session
/// that hears nothing but itself.
#[track_caller]
pub(crate) fn assert_fan_and_echo(dialect: Dialect, route: &Route) {
    let mut party = Party::new(Tuning::default());
    let first = party.gather(dialect, "red", 5, route);
    let alone = party.join(dialect, Identity::new("alone", []), route);
    party.until("the echo is open", |heard| heard[alone].opened > 0);

    let bodies: Vec<Vec<u8>> = (1..=100_u8).map(body).collect();
    for body in &bodies {
        party.say(first, &Destination::Rooms, body.clone());
    }
    party.say(alone, &Destination::Rooms, body(0));
    party.until("all have come", |heard| {
        let members = heard[first..].iter().take(5).all(|heard| heard.bodies.len() >= 100);
        members && !heard[alone].bodies.is_empty()
    });
    for member in first..first + 5 {
        assert_eq!(party.heard(member).bodies, bodies, "{dialect}: member {member}");
    }
    assert_eq!(party.heard(alone).bodies, [body(0)], "{dialect}");
    if dialect.features().replies {
        party.until("all are answered", |heard| {
            (heard[first].replied, heard[alone].replied) == (100, 1)
        });
    }
    assert_eq!(party.driver.tally().lost, 0, "{dialect}: {:?}", party.driver.last_error());
}

/// Bytes of every kind and many lengths.
fn body(number: u8) -> Vec<u8> {
    let filling = (0..u16::from(number) * 7).map(|at| at.to_le_bytes()[0].wrapping_add(number));
    [number].into_iter().chain(filling).collect()
}

/// A way to a server by either transport.
pub(crate) fn ways(tcp: SocketAddr, ws: SocketAddr) -> [Route; 2] {
    [Route::tcp(tcp), Route::websocket(ws)]
}
