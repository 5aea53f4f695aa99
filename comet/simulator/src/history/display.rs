//! Histories as text: one line per event.

use std::fmt;

use super::{
    Answer, Attempt, ClientId, Dialect, Entry, Event, History, Loss, MessageId, MissingGap, Push,
    PushClass, PushId, Session, Target, Transport,
};

macro_rules! prefixed {
    ($($name:ident: $prefix:literal),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    )*};
}
prefixed!(Attempt: "connection ", ClientId: "client ", Session: "session ");
prefixed!(PushId: "push ", MessageId: "message ");

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries.iter().try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>4}.{:06}  {}", self.at / 1_000_000, self.at % 1_000_000, self.event)
    }
}

impl fmt::Display for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.id)?;
        match self.class {
            PushClass::Acked => write!(f, "acked")?,
            PushClass::BestEffort => write!(f, "best effort")?,
            PushClass::Latest(key) => write!(f, "latest of key {key}")?,
        }
        write!(f, " {:?} to ", self.lane)?;
        match self.target {
            Target::Session(session) => write!(f, "{session}")?,
            Target::User(user) => write!(f, "user {user}")?,
            Target::Room(room) => write!(f, "room {room}")?,
            Target::All => write!(f, "all")?,
        }
        if let Some(letter) = self.letter {
            write!(f, ", the letter {}", letter.0)?;
        }
        if self.position == 0 { Ok(()) } else { write!(f, ", position {}", self.position) }
    }
}

impl fmt::Display for MissingGap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gap of {} as {} to {}, {}", self.count, self.from, self.to, self.reason)?;
        if let Some(room) = self.room {
            write!(f, ", room {room}")?;
        }
        if self.position == 0 { Ok(()) } else { write!(f, ", position {}", self.position) }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dialed(_)
            | Self::ShowedTicket { .. }
            | Self::Opened { .. }
            | Self::Saw { .. }
            | Self::SawGap { .. }
            | Self::Sent { .. }
            | Self::Answered { .. }
            | Self::Lost { .. }
            | Self::Over { .. }
            | Self::Stands { .. }
            | Self::Stranded { .. }
            | Self::InvalidInput { .. } => self.fmt_client(f),
            Self::Asked { .. }
            | Self::Decided { .. }
            | Self::Connected { .. }
            | Self::Resumed { .. }
            | Self::Parked { .. }
            | Self::Ended { .. }
            | Self::Received { .. }
            | Self::Settled { .. }
            | Self::Stored { .. }
            | Self::Served { .. }
            | Self::Acked { .. }
            | Self::Dropped { .. }
            | Self::Missing { .. } => self.fmt_router(f),
            _ => self.fmt_world(f),
        }
    }
}

impl Event {
    fn fmt_client(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dialed(dial) => {
                let (user, device) = (dial.user, dial.device);
                write!(f, "{}: {} dials as user {user}", dial.attempt, dial.client)?;
                write!(f, ", device {device}, {}", transport(dial.dialect, dial.transport))?;
                if dial.forged { write!(f, ", forged") } else { Ok(()) }
            }
            Self::ShowedTicket { attempt, of: Some(of) } => {
                write!(f, "{attempt}: shows the ticket of {of}")
            }
            Self::ShowedTicket { attempt, .. } => write!(f, "{attempt}: shows a false ticket"),
            Self::Opened { attempt, resumed: true, .. } => write!(f, "{attempt}: open, resumed"),
            Self::Opened { attempt, loss: Loss::None, .. } => write!(f, "{attempt}: open"),
            Self::Opened { attempt, loss, .. } => write!(f, "{attempt}: open, {loss:?}"),
            Self::Saw { attempt, push, seq } => write!(f, "{attempt}: saw {push} as {seq}"),
            Self::SawGap { attempt, gap } => write!(f, "{attempt}: saw {gap}"),
            Self::Sent { client, message } => write!(f, "{client} sends {message}"),
            Self::Answered { client, attempt, message, answer } => {
                write!(
                    f,
                    "{attempt}: {client} has its answer to {message}: {}",
                    answer_label(*answer)
                )
            }
            Self::Lost { attempt } => write!(f, "{attempt}: lost, to its client"),
            Self::Over { client, attempt, code } => {
                write!(f, "{attempt}: {client} is over, code {code}")
            }
            Self::Stands { client, attempt } => write!(f, "{attempt}: {client} stands"),
            Self::Stranded { client } => write!(f, "{client} is stranded"),
            Self::InvalidInput { attempt, what } => write!(f, "{attempt}: invalid: {what}"),
            _ => Ok(()),
        }
    }

    fn fmt_router(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "            router: ")?;
        match self {
            Self::Asked { attempt } => write!(f, "asked about {attempt}"),
            Self::Decided { attempt, accepted: true } => write!(f, "accepts {attempt}"),
            Self::Decided { attempt, .. } => write!(f, "refuses {attempt}"),
            Self::Connected { session, attempt, .. } => write!(f, "{session} by {attempt}"),
            Self::Resumed { session, attempt } => write!(f, "{session} resumed by {attempt}"),
            Self::Parked { session, reason } => write!(f, "{session} parked: {reason}"),
            Self::Ended { session, reason } => write!(f, "{session} ended: {reason}"),
            Self::Received { session, message } => write!(f, "{message} of {session}"),
            Self::Settled { session, message, answer } => {
                write!(f, "settles {message} of {session}: {}", answer_label(*answer))
            }
            Self::Stored { letter, sender, user } => {
                write!(f, "stores the letter {} of {sender} to user {user}", letter.0)
            }
            Self::Served { session, phone: true } => write!(f, "serves {session}, a phone"),
            Self::Served { session, .. } => write!(f, "serves {session}"),
            Self::Acked { session, push } => write!(f, "{push} acked by {session}"),
            Self::Missing { session, gap } => write!(f, "{session} misses: {gap}"),
            Self::Dropped { session, gap } => write!(f, "{session} was not sent: {gap}"),
            _ => Ok(()),
        }
    }

    fn fmt_world(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Began { gateway, .. } => write!(f, "gateway {gateway} begins"),
            Self::Drained { gateway } => write!(f, "gateway {gateway} drains"),
            Self::Livelock { gateway } => write!(f, "gateway {gateway} does not come to rest"),
            Self::ClockStepped { millis } => write!(f, "the wall clock steps by {millis} ms"),
            Self::OverBudget { memory, budget } => write!(f, "{memory} bytes of {budget}"),
            Self::Healed => write!(f, "nothing goes wrong any more"),
            Self::Rested => write!(f, "all should be at rest"),
            Self::Pushed { push, taken, .. } => write!(f, "{push}: taken: {taken:?}"),
            Self::Joined { session, room } => write!(f, "{session} is put into room {room}"),
            Self::Left { session, room } => write!(f, "{session} is taken out of room {room}"),
            Self::Kicked { session } => write!(f, "{session} is kicked"),
            Self::Fault { attempt, what } => write!(f, "{attempt}: *** {what}"),
            _ => Ok(()),
        }
    }
}

const fn transport(dialect: Dialect, transport: Transport) -> &'static str {
    match (dialect, transport) {
        (Dialect::Comet, Transport::Tcp) => "comet on TCP",
        (Dialect::Comet, Transport::WebSocket) => "comet on WebSocket",
        (Dialect::Comet, Transport::Lanes) => "comet on lanes",
        (Dialect::Dtalk, Transport::Tcp) => "dtalk on TCP",
        (Dialect::Dtalk, Transport::WebSocket) => "dtalk on WebSocket",
        (Dialect::Dtalk, Transport::Lanes) => "dtalk beside lanes",
    }
}

const fn answer_label(answer: Answer) -> &'static str {
    match answer {
        Answer::Taken => "taken",
        Answer::Refused => "refused",
    }
}
