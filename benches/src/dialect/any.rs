//! Client codec of any dialect that knows connections only.

use super::centrifugo::Centrifugo;
use super::codec::Codec;
use super::dtalk::Dtalk;
use super::goim::Goim;
use super::mqtt::Mqtt;
use super::nats::Nats;
use super::raw::Raw;
use super::{Destination, Dialect, DialectError, Event, Identity, Outgoing};

/// A conversation.
#[derive(Debug)]
pub(super) enum AnyCodec {
    Dtalk(Dtalk),
    Goim(Goim),
    Raw(Raw),
    Mqtt(Mqtt),
    Nats(Nats),
    Centrifugo(Centrifugo),
}

/// The same call to whichever it is.
macro_rules! each {
    ($any:expr, $codec:ident => $call:expr) => {
        match $any {
            AnyCodec::Dtalk($codec) => $call,
            AnyCodec::Goim($codec) => $call,
            AnyCodec::Raw($codec) => $call,
            AnyCodec::Mqtt($codec) => $call,
            AnyCodec::Nats($codec) => $call,
            AnyCodec::Centrifugo($codec) => $call,
        }
    };
}

impl AnyCodec {
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

impl Codec for AnyCodec {
    fn open(&mut self, me: &Identity, out: &mut Outgoing<'_>) -> bool {
        each!(self, codec => codec.open(me, out))
    }

    fn read(
        &mut self,
        me: &Identity,
        input: &[u8],
        out: &mut Outgoing<'_>,
        emit: &mut impl FnMut(Event<'_>),
    ) -> Result<(), DialectError> {
        each!(self, codec => codec.read(me, input, out, emit))
    }

    fn send(&mut self, me: &Identity, to: &Destination, body: &[u8], out: &mut Outgoing<'_>) {
        each!(self, codec => codec.send(me, to, body, out));
    }

    fn heartbeat(&mut self, out: &mut Outgoing<'_>) -> bool {
        each!(self, codec => codec.heartbeat(out))
    }

    fn leave(&mut self, out: &mut Outgoing<'_>) {
        each!(self, codec => codec.leave(out));
    }
}
