//! Who and what a history speaks of.

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
    /// Whether the client reads all there is at once, acknowledges it, and talks, over a network
    /// that never fails it.
    pub steady: bool,
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
    /// The letter that it carries, if any: the router pushes that again when this is given up.
    pub letter: Option<MessageId>,
}

impl Push {
    /// Whether sessions of this user may get it, as far as its target says.
    pub(crate) fn may_mean(&self, user: u32) -> bool {
        match self.target {
            Target::Session(_) => false,
            Target::User(meant) => meant == user,
            Target::Room(_) | Target::All => true,
        }
    }
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
    /// Why, in a word.
    pub why: &'static str,
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
