//! permessage-deflate: bytes saved and CPU paid for each delivery of a publish, excluding the
//! kernel.

use comet::Class;

use crate::fanout::{self, Cost};
use crate::world::{BusyRoom, PeerDialect, World};

/// Figures of a publish to a room, for each delivery.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Bytes on the wire without compression, and with it.
    pub bytes: [f64; 2],
    /// Thread CPU time in nanoseconds without compression, and with it.
    pub cpu: [Cost; 2],
}

/// Publishes a chat message of this many bytes, acked, over WebSocket, at a level of compression.
#[must_use]
pub fn measure(body: usize, members: usize, level: u8) -> Figures {
    let message = chat_message(body);
    let measured = [PeerDialect::Dtalk, PeerDialect::DtalkDeflate].map(|dialect| {
        let world = World::with(|config| config.deflate(|it| it.level = level));
        let mut room = BusyRoom::within(world, dialect, Class::Acked, members, message.clone());
        let before = room.stats();
        let cost = fanout::measure_room(&mut room, Class::Acked);
        let after = room.stats();
        (per(after.bytes_out - before.bytes_out, after.deliveries - before.deliveries), cost)
    });
    Figures { bytes: measured.map(|(bytes, _)| bytes), cpu: measured.map(|(_, cost)| cost) }
}

fn per(bytes: u64, deliveries: u64) -> f64 {
    let exact = |number| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    exact(bytes / deliveries.max(1))
}

/// A chat message in JSON as clients send it: some fields, and words that follow each other by
/// chance. Its length is exact, and at least 160 bytes.
#[must_use]
pub fn chat_message(len: usize) -> Vec<u8> {
    const WORDS: &str = "the you to and that it of is in what we this me your for not on have do \
        my are be can with but all so just was know like there get out if no up about go here see \
        how they right think want going well one good look come really back when time then them \
        would some would maybe tomorrow meeting lunch train ticket weather holiday photo coffee \
        office project number address evening morning weekend message question answer because";
    let words: Vec<&str> = WORDS.split_ascii_whitespace().collect();
    let head = concat!(
        r#"{"id":"0e3f7c1a-5b92-4d1e-9a44-27c8f0d6b3e1","room":"g_48213","#,
        r#""from":"u_1029384","name":"Alice","ts":1745370543123,"type":"text","text":""#,
    );
    let tail = r#""}"#;
    let mut message = head.as_bytes().to_vec();
    let mut state = 1u32;
    while message.len() + tail.len() < len {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let at = usize::try_from(state >> 16).unwrap_or(0) % words.len();
        message.extend_from_slice(words[at].as_bytes());
        message.push(b' ');
    }
    message.truncate(len.saturating_sub(tail.len()).max(head.len()));
    message.extend_from_slice(tail.as_bytes());
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chat_messages_have_the_length_that_is_asked_for_and_get_shorter() {
        for len in [200, 2_048] {
            let message = chat_message(len);
            assert_eq!(message.len(), len);
            assert_eq!(message.last(), Some(&b'}'));
            let written = |dialect| {
                let (world, body) = (World::new(), message.clone());
                let mut room = BusyRoom::within(world, dialect, Class::Acked, 3, body);
                let before = room.stats().bytes_out;
                room.publish();
                room.stats().bytes_out - before
            };
            let [plain, deflated] = [PeerDialect::Dtalk, PeerDialect::DtalkDeflate].map(written);
            assert!(deflated < plain * 9 / 10, "{deflated} of {plain}");
        }
    }
}
