//! permessage-deflate (RFC 7692), without any IO: the agreement, and messages in and out of their
//! compressed form.
//!
//! * `negotiate` answers the offers of a client (section 7.1).
//! * [`Inflater`] inflates one message at a time, within a limit (section 7.2.2).
//! * [`Deflater`] compresses one frame at a time (section 7.2.1), and can leave bytes at its front
//!   as they are, which may then differ from peer to peer.
//!
//! No context is taken over, in either direction: each message is compressed on its own. So a
//! connection holds no state of a compressor, and all connections of a thread share one inflater
//! and one deflater; and what is compressed for one connection is good for all that agreed to the
//! same window.
//!
//! Both need the feature `deflate`. Without it nothing can be agreed; they exist, and do nothing.
//!
//! Not here: which messages are worth it.

#[cfg(not(feature = "deflate"))]
mod absent;
#[cfg(feature = "deflate")]
mod deflater;
#[cfg(feature = "deflate")]
mod inflater;
#[cfg(feature = "deflate")]
mod list;
#[cfg(feature = "deflate")]
mod offer;

pub use super::agreement::{Agreement, Window};
#[cfg(not(feature = "deflate"))]
pub use absent::{Deflater, Inflater};
#[cfg(feature = "deflate")]
pub use deflater::Deflater;
#[cfg(feature = "deflate")]
pub use inflater::Inflater;
#[cfg(feature = "deflate")]
pub use offer::negotiate;

/// End of a flushed message, which is left out on the wire: the length of an empty stored block
/// (section 7.2.1).
#[cfg(feature = "deflate")]
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
