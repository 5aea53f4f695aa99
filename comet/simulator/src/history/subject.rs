//! The subjects of a history: clients, sessions, pushes, messages.

macro_rules! names {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(pub u32);

        impl $name {
            /// The number as an index.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )+};
}

names! {
    /// A connection, or the attempt at one; counted over all clients.
    Attempt;
    /// A client, with one device.
    ClientId;
    /// A session as known to the router, in the order of connection.
    Session;
    /// A push, in the order of pushes.
    PushId;
    /// A message of a client.
    MessageId;
}

/// Dialect of a client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dialect {
    /// The comet dialect, which resumes by ticket and reports gaps.
    Comet,
    /// The dtalk dialect, which resumes by device and reports no gaps.
    Dtalk,
}

/// Transport of a connection.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Transport {
    /// One stream of bytes.
    Tcp,
    /// Messages.
    WebSocket,
    /// A stream of bytes, others for lanes, and datagrams, all independent of each other.
    Lanes,
}

/// An attempt to connect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Dial {
    /// The attempt.
    pub attempt: Attempt,
    /// The client.
    pub client: ClientId,
    /// The user of its token.
    pub user: u32,
    /// The device that it names.
    pub device: u32,
    /// Its dialect.
    pub dialect: Dialect,
    /// Its transport.
    pub transport: Transport,
    /// Whether it is a replay of the client's bytes, on a connection unknown to the client.
    pub forged: bool,
    /// Whether the client reads everything at once, acknowledges it, and sends messages, over a
    /// network without faults.
    pub steady: bool,
}

impl Dial {
    /// Whether it comes from the same device of the same user.
    pub(crate) fn is_same_device(&self, other: &Self) -> bool {
        (self.user, self.device) == (other.user, other.device)
    }
}

/// Lane of a push.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Lane {
    /// Ahead of all others.
    Signal,
    /// The default.
    Normal,
    /// After all others.
    Bulk,
}

/// Delivery class of a push.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum PushClass {
    /// At least once, in order.
    Acked,
    /// At most once, in order.
    BestEffort,
    /// The newest value of this key.
    Latest(u8),
}

/// Recipients of a push.
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

/// Whether the gateway accepted a push.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Taken {
    /// Accepted.
    Yes,
    /// Rejected; with several shards, possibly by some of them only.
    No,
}

/// A push.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Push {
    /// Its id.
    pub id: PushId,
    /// Its delivery class.
    pub class: PushClass,
    /// Its lane.
    pub lane: Lane,
    /// Its recipients.
    pub target: Target,
    /// Its dense position in the record of its room or user, from 1; 0 for none.
    pub position: u64,
    /// Whether it may leave as a datagram, which may be lost.
    pub datagram: bool,
    /// The letter that it carries, if any: the router pushes it again if this push is given up.
    pub letter: Option<MessageId>,
}

impl Push {
    /// Whether the target may include sessions of this user.
    pub(crate) fn may_mean(&self, user: u32) -> bool {
        match self.target {
            Target::Session(_) => false,
            Target::User(meant) => meant == user,
            Target::Room(_) | Target::All => true,
        }
    }
}

/// Deliveries that will never arrive, as reported in a gap.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MissingGap {
    /// The first number reported as missing; 0 for unnumbered deliveries.
    pub from: u32,
    /// The last number.
    pub to: u32,
    /// Number of missing deliveries.
    pub count: u64,
    /// The room, if they belong to one.
    pub room: Option<u32>,
    /// Position of the first in the record; 0 if not given.
    pub position: u64,
    /// Label of the reason.
    pub reason: &'static str,
}

/// Reason for not honouring a ticket, as reported to the client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Loss {
    /// Nothing was lost.
    None,
    /// The session has expired.
    Expired,
    /// The gateway does not know the session.
    Unknown,
    /// The session has ended.
    Ended,
}

impl From<comet_protocol::comet::Loss> for Loss {
    fn from(loss: comet_protocol::comet::Loss) -> Self {
        use comet_protocol::comet::Loss as Told;
        match loss {
            Told::None => Self::None,
            Told::Expired => Self::Expired,
            Told::Unknown => Self::Unknown,
            Told::Ended => Self::Ended,
        }
    }
}

/// Answer to a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// It was taken.
    Taken,
    /// It was refused.
    Refused,
}
