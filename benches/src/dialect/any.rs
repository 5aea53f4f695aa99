//! A conversation in any of the dialects that know connections only.

use super::centrifugo::Centrifugo;
use super::dtalk::Dtalk;
use super::goim::Goim;
use super::mqtt::Mqtt;
use super::nats::Nats;
use super::raw::Raw;
use super::talk::Talk;
use super::{Broken, Dialect, Event, Identity, Outgoing, To};

/// A conversation.
#[derive(Debug)]
pub(super) enum AnyTalk {
    Dtalk(Dtalk),
    Goim(Goim),
    Raw(Raw),
    Mqtt(Mqtt),
    Nats(Nats),
    Centrifugo(Centrifugo),
}

/// The same call to whichever it is.
macro_rules! each {
    ($any:expr, $talk:ident => $call:expr) => {
        match $any {
            AnyTalk::Dtalk($talk) => $call,
            AnyTalk::Goim($talk) => $call,
            AnyTalk::Raw($talk) => $call,
            AnyTalk::Mqtt($talk) => $call,
            AnyTalk::Nats($talk) => $call,
            AnyTalk::Centrifugo($talk) => $call,
        }
    };
}

impl AnyTalk {
    /// A conversation that has not begun; `None` for the comet dialect, which has sessions.
    pub(super) fn new(dialect: Dialect) -> Option<Self> {
        Some(match dialect {
            Dialect::Comet => return None,
            Dialect::Dtalk => Self::Dtalk(Dtalk::default()),
            Dialect::Goim => Self::Goim(Goim::default()),
            Dialect::Raw => Self::Raw(Raw::binary()),
            Dialect::RawText => Self::Raw(Raw::text()),
            Dialect::Mqtt => Self::Mqtt(Mqtt::default()),
            Dialect::Nats => Self::Nats(Nats::default()),
            Dialect::Centrifugo => Self::Centrifugo(Centrifugo::default()),
        })
    }
}

impl Talk for AnyTalk {
    fn open(&mut self, me: &Identity, out: &mut Outgoing<'_>) -> bool {
        each!(self, talk => talk.open(me, out))
    }

    fn read(
        &mut self,
        me: &Identity,
        input: &[u8],
        out: &mut Outgoing<'_>,
        tell: &mut impl FnMut(Event<'_>),
    ) -> Result<(), Broken> {
        each!(self, talk => talk.read(me, input, out, tell))
    }

    fn send(&mut self, me: &Identity, to: &To, body: &[u8], out: &mut Outgoing<'_>) {
        each!(self, talk => talk.send(me, to, body, out));
    }

    fn beat(&mut self, out: &mut Outgoing<'_>) -> bool {
        each!(self, talk => talk.beat(out))
    }

    fn leave(&mut self, out: &mut Outgoing<'_>) {
        each!(self, talk => talk.leave(out));
    }
}
