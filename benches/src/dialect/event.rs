//! Events of a session.

use comet_protocol::client::Time;
use comet_protocol::comet::{Gap, Seq, Welcome};

/// Something that happened to a session. Borrowed: a delivery costs no memory.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The session may send from now on: it is known, and in its rooms.
    Opened {
        /// Whether it goes on where an earlier connection ended; comet dialect only.
        resumed: bool,
        /// The server's welcome; comet dialect only.
        welcome: Option<&'a Welcome>,
    },
    /// A message came.
    Delivery {
        /// As its sender wrote it.
        body: &'a [u8],
    },
    /// Deliveries will never come; comet dialect only.
    Gap {
        /// The first number missing; none if they had no numbers.
        from: Seq,
        /// The last number missing.
        to: Seq,
        /// Everything else about them.
        gap: &'a Gap,
    },
    /// A message of this session was answered.
    Replied,
    /// A message of this session was not taken.
    Refused {
        /// The server's words.
        why: String,
    },
    /// There is no connection; the next is made at this time.
    Waiting {
        /// Time of the next connection.
        until: Time,
    },
    /// The session is over, not by its owner's wish.
    Closed {
        /// The reason.
        why: String,
    },
}
