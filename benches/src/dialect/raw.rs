//! No head: one WebSocket message is one body, and the path names the room.

use super::codec::Codec;
use super::text;
use super::{Destination, DialectError, Event, Identity, Outgoing};

/// A conversation of the raw dialect.
#[derive(Debug)]
pub(super) struct Raw {
    is_text: bool,
}

impl Raw {
    /// Messages are bodies.
    pub(super) const fn binary() -> Self {
        Self { is_text: false }
    }

    /// Messages hold bodies as base64.
    pub(super) const fn text() -> Self {
        Self { is_text: true }
    }
}

impl Codec for Raw {
    fn open(&mut self, _: &Identity, _: &mut Outgoing<'_>) -> bool {
        true
    }

    fn read(
        &mut self,
        _: &Identity,
        input: &[u8],
        _: &mut Outgoing<'_>,
        emit: &mut impl FnMut(Event<'_>),
    ) -> Result<(), DialectError> {
        if self.is_text {
            return text::decode(input, |body| emit(Event::Delivery { body }));
        }
        emit(Event::Delivery { body: input });
        Ok(())
    }

    /// There is one room at most, and no users.
    fn send(&mut self, _: &Identity, _: &Destination, body: &[u8], out: &mut Outgoing<'_>) {
        if self.is_text {
            text::encode(body, |text| out.message(&[text]));
        } else {
            out.message(&[body]);
        }
    }

    fn heartbeat(&mut self, out: &mut Outgoing<'_>) -> bool {
        out.ping();
        true
    }

    fn leave(&mut self, out: &mut Outgoing<'_>) {
        out.close();
    }
}
