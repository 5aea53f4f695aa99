//! The kinds of events.

use super::subject::{
    Answer, Attempt, ClientId, Dial, Loss, MessageId, MissingGap, Push, PushId, Session, Taken,
};

/// A kind of event, with its details.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A gateway starts, and accepts all new connections.
    Began {
        /// Number of the gateway, from 0.
        gateway: u32,
        /// Time for which it keeps parked sessions, in microseconds.
        ttl: u64,
    },
    /// A gateway was told to drain.
    Drained {
        /// The gateway.
        gateway: u32,
    },
    /// The wall clock was stepped.
    ClockStepped {
        /// The step in milliseconds.
        millis: i64,
    },
    /// A gateway exceeds its memory budget.
    OverBudget {
        /// Bytes held.
        memory: u64,
        /// The budget in bytes.
        budget: u64,
    },
    /// All faults end here.
    Healed,
    /// All should be at rest. The rest of the history is the shutdown of the gateways.
    Rested,

    /// Something was pushed.
    Pushed {
        /// The push.
        push: Push,
        /// The gateway.
        gateway: u32,
        /// Whether the gateway accepted it.
        taken: Taken,
    },
    /// The router adds a session to a room.
    Joined {
        /// The session.
        session: Session,
        /// The room.
        room: u32,
    },
    /// The router removes a session from a room.
    Left {
        /// The session.
        session: Session,
        /// The room.
        room: u32,
    },
    /// The router ends a session.
    Kicked {
        /// The session.
        session: Session,
    },

    /// The router was asked to authenticate a peer.
    Asked {
        /// The connection.
        attempt: Attempt,
    },
    /// The router accepted a peer or refused it.
    Decided {
        /// The connection.
        attempt: Attempt,
        /// True if accepted.
        accepted: bool,
    },
    /// The router has a new session.
    Connected {
        /// The session.
        session: Session,
        /// Its connection.
        attempt: Attempt,
        /// Its gateway.
        gateway: u32,
    },
    /// The router was told that a session was resumed.
    Resumed {
        /// The session.
        session: Session,
        /// The connection.
        attempt: Attempt,
    },
    /// The router was told that a session was parked.
    Parked {
        /// The session.
        session: Session,
        /// The label of the reason.
        reason: &'static str,
    },
    /// The router was told that a session ended.
    Ended {
        /// The session.
        session: Session,
        /// The label of the reason.
        reason: &'static str,
    },
    /// The router received a message.
    Received {
        /// The session.
        session: Session,
        /// The message.
        message: MessageId,
    },
    /// The router settles a message.
    Settled {
        /// The session.
        session: Session,
        /// The message.
        message: MessageId,
        /// The answer.
        answer: Answer,
    },
    /// The router has stored a letter, which is owed to the recipient from now on.
    Stored {
        /// The message that carried the letter.
        letter: MessageId,
        /// The sender.
        sender: ClientId,
        /// The recipient.
        user: u32,
    },
    /// The router delivers letters to a session from now on.
    Served {
        /// The session.
        session: Session,
        /// Whether it is a phone's, to which earlier letters are owed too.
        phone: bool,
    },
    /// The router was told of an ack.
    Acked {
        /// The session.
        session: Session,
        /// The acked push.
        push: PushId,
    },
    /// The router was told of unnumbered deliveries that a session will never receive.
    Dropped {
        /// The session.
        session: Session,
        /// The gap.
        gap: MissingGap,
    },
    /// The router was told of acked deliveries that a session will never receive.
    Missing {
        /// The session.
        session: Session,
        /// The gap.
        gap: MissingGap,
    },

    /// A client tries to connect.
    Dialed(Dial),
    /// A client presents a ticket.
    ShowedTicket {
        /// The connection.
        attempt: Attempt,
        /// The connection on which the ticket was issued, if any.
        of: Option<Attempt>,
    },
    /// A client has a session.
    Opened {
        /// The connection.
        attempt: Attempt,
        /// Whether it was told that the previous session is resumed; a dtalk client never is.
        resumed: bool,
        /// The reason for not resuming, if it presented a ticket.
        loss: Loss,
    },
    /// A client's application saw a delivery.
    Saw {
        /// The connection.
        attempt: Attempt,
        /// The push.
        push: PushId,
        /// Its number; 0 for none.
        seq: u32,
    },
    /// A client's application was told of a gap.
    SawGap {
        /// The connection.
        attempt: Attempt,
        /// The gap.
        gap: MissingGap,
    },
    /// A client's application sends a message.
    Sent {
        /// The client.
        client: ClientId,
        /// The message.
        message: MessageId,
    },
    /// A client's application received the answer to a message.
    Answered {
        /// The client.
        client: ClientId,
        /// The connection.
        attempt: Attempt,
        /// The message.
        message: MessageId,
        /// The answer.
        answer: Answer,
    },
    /// A client detected the loss of a connection.
    Lost {
        /// The connection.
        attempt: Attempt,
    },
    /// A client was told that its session is over.
    Over {
        /// The client.
        client: ClientId,
        /// The connection.
        attempt: Attempt,
        /// The code; 0 if it left.
        code: i32,
    },
    /// A client has an open session at the end.
    Stands {
        /// The client.
        client: ClientId,
        /// Its connection.
        attempt: Attempt,
    },
    /// A client has no session at the end, although it should.
    Stranded {
        /// The client.
        client: ClientId,
    },
    /// A gateway did not become idle at one point in time.
    Livelock {
        /// The gateway.
        gateway: u32,
    },
    /// A client received invalid input, or a number that was never assigned.
    InvalidInput {
        /// The connection.
        attempt: Attempt,
        /// A description.
        what: &'static str,
    },
    /// A network fault, recorded for readers only.
    Fault {
        /// The connection.
        attempt: Attempt,
        /// A description.
        what: &'static str,
    },
}
