//! Connection ids that name their thread, so that a client which moves is found.

use std::time::Duration;

use quinn_proto::{ConnectionId, ConnectionIdGenerator};

/// Length of a connection id: the thread's index, and 56 random bits.
pub(crate) const LEN: usize = 8;

/// The ids of one thread.
pub(crate) struct Ids {
    thread: u8,
}

impl Ids {
    pub(crate) const fn new(thread: u8) -> Self {
        Self { thread }
    }
}

impl ConnectionIdGenerator for Ids {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id = [0; LEN];
        // Without randomness the endpoint has no keys either, and draws again on a collision.
        if let Err(error) = getrandom::fill(&mut id) {
            tracing::error!(%error, "no randomness for connection ids");
        }
        id[0] = self.thread;
        ConnectionId::new(&id)
    }

    fn cid_len(&self) -> usize {
        LEN
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

/// The thread whose connection a datagram is for, if it says so: only packets with a short header
/// carry an id of ours for sure (RFC 9000 section 17.3.1).
pub(super) fn thread_of(datagram: &[u8]) -> Option<usize> {
    let (first, rest) = datagram.split_first()?;
    let is_short = first & 0x80 == 0;
    (is_short && rest.len() >= LEN).then(|| rest[0].into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_with_a_short_header_names_the_thread_of_its_id() {
        let id = Ids::new(3).generate_cid();
        assert_ne!(id, Ids::new(3).generate_cid(), "the rest is random");
        let datagram = |first: u8| [&[first], &id[..], &[9; 20]].concat();
        assert_eq!(thread_of(&datagram(0x43)), Some(3));
        assert_eq!(thread_of(&datagram(0xc3)), None, "a long header");
        assert_eq!(thread_of(&datagram(0x43)[..LEN]), None, "too short for an id");
        assert_eq!(thread_of(&[]), None);
    }
}
