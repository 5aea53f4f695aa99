//! The kinds of things that happen.

macro_rules! names {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(pub u32);

        impl $name {
            /// As a place in a list.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )+};
}

names! {
    /// One connection, or the attempt at it; counted over all clients.
    Attempt;
    /// Somebody with one device.
    ClientId;
    /// A session as the router knows it, in the order in which they were connected.
    Session;
    /// Something that was pushed, in the order in which it was.
    PushId;
    /// A message of a client.
    MessageId;
}

/// What a client speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wire {
    /// The comet dialect, which resumes by tickets and is told of gaps.
    Comet,
    /// The dtalk dialect, which resumes by the device and hears nothing of gaps.
    Dtalk,
}

/// An attempt to connect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Dial {
    /// The attempt.
    pub attempt: Attempt,
    /// Who tries.
    pub client: ClientId,
    /// The user that it proves to be.
    pub user: u32,
    /// The device that it names.
    pub device: u32,
    /// What it speaks.
    pub wire: Wire,
    /// Whether it comes over WebSocket.
    pub websocket: bool,
    /// Whether somebody repeats what the client wrote, on a connection that the client knows
    /// nothing of.
    pub ghost: bool,
}

/// The lane in which something is pushed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Lane {
    /// Before everything else.
    Signal,
    /// The usual one.
    Normal,
    /// After everything else.
    Bulk,
}

/// What is promised about a delivery.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum PushClass {
    /// At least once, in order.
    Acked,
    /// At most once, in order.
    BestEffort,
    /// The newest of this key.
    Latest(u8),
}

/// Whom something is pushed to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Target {
    /// One session.
    Session(Session),
    /// All sessions of a user.
    User(u32),
    /// All members of a room.
    Room(u32),
    /// Every session.
    All,
}

/// Whether the gateway took a push.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Taken {
    /// It did.
    Yes,
    /// It said no, which for several shards may mean: not on all of them.
    No,
}

/// Something that is pushed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Push {
    /// Its name.
    pub id: PushId,
    /// What is promised.
    pub class: PushClass,
    /// In which lane.
    pub lane: Lane,
    /// To whom.
    pub target: Target,
    /// Its dense number in the record of its room or user, from 1; 0 for none.
    pub position: u64,
}

/// What somebody is told of deliveries that will never come.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MissingGap {
    /// The first number handed up as missing; 0 for what had no numbers.
    pub from: u32,
    /// The last one.
    pub to: u32,
    /// How many deliveries are missing.
    pub count: u64,
    /// Of which room, if of one.
    pub room: Option<u32>,
    /// Where in the record they begin; 0 if that is not told.
    pub position: u64,
}

/// Why a ticket was not honoured, as the client is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Loss {
    /// Nothing was lost.
    None,
    /// The session waited too long.
    Expired,
    /// The gateway does not know it.
    Unknown,
    /// It has ended.
    Ended,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// It was taken.
    Taken,
    /// It was refused.
    Refused,
}

/// One kind of thing that happens, and what is to be known of it.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A gateway begins to run, and takes all new connections.
    Began {
        /// Counted from 0.
        gateway: u32,
        /// How long it keeps sessions without a connection, in microseconds.
        ttl: u64,
    },
    /// A gateway was asked to drain.
    Drained {
        /// Which.
        gateway: u32,
    },
    /// The wall clock jumped.
    ClockStepped {
        /// By so many milliseconds.
        millis: i64,
    },
    /// A gateway holds more than its budget.
    OverBudget {
        /// The bytes it holds.
        memory: u64,
        /// The bytes it may hold.
        budget: u64,
    },
    /// From here on nothing goes wrong any more.
    Healed,
    /// All should have come to rest. What follows is the end of the gateways.
    Rested,

    /// Something was pushed.
    Pushed {
        /// What.
        push: Push,
        /// Through which gateway.
        gateway: u32,
        /// Whether the gateway took it.
        taken: Taken,
    },
    /// The router puts a session into a room.
    Joined {
        /// Which session.
        session: Session,
        /// Which room.
        room: u32,
    },
    /// The router takes a session out of a room.
    Left {
        /// Which session.
        session: Session,
        /// Which room.
        room: u32,
    },
    /// The router ends a session.
    Kicked {
        /// Which.
        session: Session,
    },

    /// The router was asked about a peer.
    Asked {
        /// On which connection.
        attempt: Attempt,
    },
    /// The router accepted a peer or refused it.
    Decided {
        /// On which connection.
        attempt: Attempt,
        /// Which of both.
        accepted: bool,
    },
    /// The router has a new session.
    Connected {
        /// Which.
        session: Session,
        /// By which connection.
        attempt: Attempt,
        /// In which gateway.
        gateway: u32,
    },
    /// The router was told that a session goes on.
    Resumed {
        /// Which.
        session: Session,
        /// By which connection.
        attempt: Attempt,
    },
    /// The router was told that a session waits for its peer.
    Parked {
        /// Which.
        session: Session,
        /// The label of the reason.
        why: &'static str,
    },
    /// The router was told that a session ended.
    Ended {
        /// Which.
        session: Session,
        /// The label of the reason.
        why: &'static str,
    },
    /// The router got a message.
    Received {
        /// Of which session.
        session: Session,
        /// Which.
        message: MessageId,
    },
    /// The router settles a message.
    Settled {
        /// Of which session.
        session: Session,
        /// Which.
        message: MessageId,
        /// How.
        answer: Answer,
    },
    /// The router was told of an ack.
    Acked {
        /// By which session.
        session: Session,
        /// Of what.
        push: PushId,
    },
    /// The router was told of deliveries that a session will never get.
    Missing {
        /// Which session.
        session: Session,
        /// What of.
        gap: MissingGap,
    },

    /// A client tries to connect.
    Dialed(Dial),
    /// A client shows a ticket.
    ShowedTicket {
        /// On which connection.
        attempt: Attempt,
        /// On which connection the ticket had been given, if to anybody.
        of: Option<Attempt>,
    },
    /// A client has a session.
    Opened {
        /// By which connection.
        attempt: Attempt,
        /// Whether it was told that the session is the one before; a dtalk client never is.
        resumed: bool,
        /// Why not, if it showed a ticket.
        loss: Loss,
    },
    /// A client's application saw a delivery.
    Saw {
        /// By which connection.
        attempt: Attempt,
        /// Which.
        push: PushId,
        /// Under which number; 0 for none.
        seq: u32,
    },
    /// A client's application was told of a gap.
    SawGap {
        /// By which connection.
        attempt: Attempt,
        /// What of.
        gap: MissingGap,
    },
    /// A client's application sends a message.
    Sent {
        /// Who.
        client: ClientId,
        /// Which.
        message: MessageId,
    },
    /// A client's application got the answer to a message.
    Answered {
        /// Who.
        client: ClientId,
        /// By which connection.
        attempt: Attempt,
        /// To which message.
        message: MessageId,
        /// What it says.
        answer: Answer,
    },
    /// A client knows that a connection is no more.
    Lost {
        /// Which.
        attempt: Attempt,
    },
    /// A client was told that it is over.
    Over {
        /// Who.
        client: ClientId,
        /// On which connection.
        attempt: Attempt,
        /// The code that it was told; 0 if it left.
        code: i32,
    },
    /// A client has an open session now.
    Stands {
        /// Who.
        client: ClientId,
        /// By which connection.
        attempt: Attempt,
    },
    /// A client that should have a session by now has none.
    Stranded {
        /// Who.
        client: ClientId,
    },
    /// A gateway did not come to rest at one moment.
    Restless {
        /// Which.
        gateway: u32,
    },
    /// A client was sent what it cannot read, or never under this number.
    Nonsense {
        /// By which connection.
        attempt: Attempt,
        /// What it was.
        what: &'static str,
    },
    /// The network does something to a connection: for the reader only.
    Fault {
        /// To which connection.
        attempt: Attempt,
        /// What.
        what: &'static str,
    },
}
