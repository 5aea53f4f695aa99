//! The kinds of things that happen.

use super::subject::{
    Answer, Attempt, ClientId, Dial, Loss, MessageId, MissingGap, Push, PushId, Session, Taken,
};

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
    /// The router has stored a letter, and owes it to the recipient from now on.
    Stored {
        /// Which, by the message that it came as.
        letter: MessageId,
        /// Whose it is.
        sender: ClientId,
        /// The user to whom it goes.
        user: u32,
    },
    /// The router delivers letters to a session from now on.
    Served {
        /// Which session.
        session: Session,
        /// Whether it is a phone's, to which letters of before are owed too.
        phone: bool,
    },
    /// The router was told of an ack.
    Acked {
        /// By which session.
        session: Session,
        /// Of what.
        push: PushId,
    },
    /// The router was told of deliveries without numbers that a session will never get.
    Dropped {
        /// Which session.
        session: Session,
        /// What of.
        gap: MissingGap,
    },
    /// The router was told of acked deliveries that a session will never get.
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
