//! Client codec of a dialect that knows connections only, not sessions.

use super::{Destination, DialectError, Event, Identity, Outgoing};

/// One conversation, on one connection.
pub(super) trait Codec {
    /// The transport is open: the first words. Returns whether nothing has to be answered.
    fn open(&mut self, me: &Identity, out: &mut Outgoing<'_>) -> bool;

    /// Bytes came: of a stream, cut anywhere; or a whole WebSocket message.
    fn read(
        &mut self,
        me: &Identity,
        input: &[u8],
        out: &mut Outgoing<'_>,
        emit: &mut impl FnMut(Event<'_>),
    ) -> Result<(), DialectError>;

    /// A message of the session, which is open.
    fn send(&mut self, me: &Identity, to: &Destination, body: &[u8], out: &mut Outgoing<'_>);

    /// A sign of life. Returns whether it will be answered.
    fn heartbeat(&mut self, out: &mut Outgoing<'_>) -> bool;

    /// The last words.
    fn leave(&mut self, out: &mut Outgoing<'_>);
}
