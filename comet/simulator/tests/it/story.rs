//! Small histories made by hand, of one client unless they say otherwise.

use comet_simulator::history::{
    Attempt, ClientId, Dial, Dialect, Event, Lane, Loss, MissingGap, Push, PushClass, PushId,
    Session, Taken, Target, Transport,
};
use comet_simulator::{History, Rule, check};

pub(crate) const ONE: Session = Session(0);
pub(crate) const FIRST: Attempt = Attempt(0);
pub(crate) const SECOND: Attempt = Attempt(1);

/// A history that is being told.
pub(crate) struct Story(pub(crate) Vec<Event>);

pub(crate) fn dial(attempt: Attempt, client: u32, dialect: Dialect) -> Dial {
    let client = ClientId(client);
    let (user, device) = (client.0, client.0);
    let (transport, forged, steady) = (Transport::Tcp, false, false);
    Dial { attempt, client, user, device, dialect, transport, forged, steady }
}

pub(crate) fn connected(session: Session, attempt: Attempt) -> Event {
    Event::Connected { session, attempt, gateway: 0 }
}

pub(crate) fn gap(count: u64) -> MissingGap {
    MissingGap { from: 7, to: 7, count, room: None, position: 0, reason: "slow" }
}

impl Story {
    /// A comet client has a session.
    pub(crate) fn comet() -> Self {
        Self::of(Dialect::Comet)
    }

    /// A dtalk client has one.
    pub(crate) fn dtalk() -> Self {
        Self::of(Dialect::Dtalk)
    }

    fn of(dialect: Dialect) -> Self {
        let mut story = Self(vec![Event::Began { gateway: 0, ttl: 1_000_000 }]);
        story.dials(dial(FIRST, 0, dialect)).tells(connected(ONE, FIRST)).opens(FIRST, false);
        story
    }

    pub(crate) fn tells(&mut self, event: Event) -> &mut Self {
        self.0.push(event);
        self
    }

    pub(crate) fn dials(&mut self, dial: Dial) -> &mut Self {
        self.tells(Event::Dialed(dial)).tells(Event::Asked { attempt: dial.attempt })
    }

    pub(crate) fn opens(&mut self, attempt: Attempt, resumed: bool) -> &mut Self {
        self.tells(Event::Opened { attempt, resumed, loss: Loss::None })
    }

    /// Something is pushed to the session in a lane.
    pub(crate) fn pushes(&mut self, id: u32, class: PushClass, lane: Lane) -> &mut Self {
        let (id, target, position) = (PushId(id), Target::Session(ONE), 0);
        self.pushes_this(Push { id, class, lane, target, position, datagram: false, letter: None })
    }

    pub(crate) fn pushes_this(&mut self, push: Push) -> &mut Self {
        self.tells(Event::Pushed { push, gateway: 0, taken: Taken::Yes })
    }

    /// Acked deliveries with these names are pushed.
    pub(crate) fn acked(&mut self, ids: impl IntoIterator<Item = u32>) -> &mut Self {
        for id in ids {
            self.pushes(id, PushClass::Acked, Lane::Normal);
        }
        self
    }

    /// The client sees deliveries on a connection.
    pub(crate) fn sees(
        &mut self,
        attempt: Attempt,
        ids: impl IntoIterator<Item = u32>,
    ) -> &mut Self {
        for id in ids {
            self.tells(Event::Saw { attempt, push: PushId(id), seq: id + 1 });
        }
        self
    }

    /// The router is told of acks.
    pub(crate) fn acks(&mut self, ids: impl IntoIterator<Item = u32>) -> &mut Self {
        for id in ids {
            self.tells(Event::Acked { session: ONE, push: PushId(id) });
        }
        self
    }

    /// The connection is lost, and another one goes on with the session.
    pub(crate) fn comes_back(&mut self, dialect: Dialect) -> &mut Self {
        self.tells(Event::Parked { session: ONE, reason: "lost" }).dials(dial(SECOND, 0, dialect));
        if dialect == Dialect::Comet {
            self.tells(Event::ShowedTicket { attempt: SECOND, of: Some(FIRST) });
        }
        self.tells(Event::Resumed { session: ONE, attempt: SECOND })
            .opens(SECOND, dialect == Dialect::Comet)
    }

    /// All comes to rest, with the client on this connection.
    pub(crate) fn rests(&mut self, attempt: Attempt) -> &mut Self {
        self.tells(Event::Stands { client: ClientId(0), attempt })
            .tells(Event::Rested)
            .tells(Event::Ended { session: ONE, reason: "draining" })
    }

    /// The rules that are broken, each once.
    pub(crate) fn broken(&self) -> Vec<Rule> {
        let mut rules: Vec<Rule> = Vec::new();
        for violation in check(&History::of(self.0.iter().cloned())) {
            if !rules.contains(&violation.rule) {
                rules.push(violation.rule);
            }
        }
        rules
    }
}
