//! Packets to events: each event ends where a packet ends, and its data is base64.
//!
//! Pure. Not here: reading packets (`body`), what they mean.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Bytes of the length at the front of a packet, which counts itself.
const LEN: usize = 4;

/// Bytes of an unfinished packet that are kept before they are written as a line of their own.
/// A multiple of three, so that only the last line of an event can have padding.
const LINE: usize = 12 * 1024;

/// An empty comment: a sign of life.
pub(crate) const COMMENT: &[u8] = b":\n\n";

/// Writer of the events of one stream. Holds at most [`LINE`] bytes of an unfinished packet.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// Bytes that are not written yet: packets, the last of them unfinished.
    held: Vec<u8>,
    /// Bytes of the packet under way beyond those held at its last look; unknown before its length
    /// has come.
    missing: Option<usize>,
    /// Where the packets that are whole end in what is held.
    whole: usize,
    /// Whether lines of the event under way were written.
    is_begun: bool,
}

impl Events {
    /// Takes bytes of the packets, and appends the event or the lines that they complete.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.held.extend_from_slice(bytes);
        self.find_end(bytes.len());
        if self.whole > 0 {
            let rest = self.held.split_off(self.whole);
            self.line(out);
            out.push(b'\n');
            self.is_begun = false;
            self.held = rest;
            self.whole = 0;
        }
        while self.held.len() > LINE {
            let rest = self.held.split_off(LINE);
            self.line(out);
            self.is_begun = true;
            self.held = rest;
        }
    }

    /// Appends a sign of life, which may stand within an event.
    pub(crate) fn comment(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.is_begun { b":\n" } else { COMMENT });
    }

    /// Moves the mark of whole packets over the newest bytes.
    fn find_end(&mut self, new: usize) {
        let mut at = self.held.len() - new;
        loop {
            if let Some(missing) = self.missing {
                let here = self.held.len() - at;
                if here < missing {
                    self.missing = Some(missing - here);
                    return;
                }
                at += missing;
                self.whole = at;
                self.missing = None;
            }
            let Some(len) = self.held[self.whole..].first_chunk::<LEN>() else { return };
            let len = usize::try_from(u32::from_be_bytes(*len)).unwrap_or(usize::MAX);
            // A length below its own would stand still; the gateway writes none.
            self.missing = Some(len.max(LEN) - (at - self.whole).min(len.max(LEN)));
        }
    }

    fn line(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(STANDARD.encode(&self.held).as_bytes());
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(len: usize, fill: u8) -> Vec<u8> {
        let mut packet = vec![fill; len];
        packet[..LEN].copy_from_slice(&u32::try_from(len).unwrap().to_be_bytes());
        packet
    }

    /// The data of the events, as a reader of the specification's sees it, and what is unfinished.
    fn read(text: &[u8]) -> (Vec<Vec<u8>>, bool) {
        let (mut events, mut data) = (Vec::new(), String::new());
        for line in str::from_utf8(text).unwrap().split_terminator('\n') {
            match line.split_once(':') {
                Some(("data", value)) => data.push_str(value.strip_prefix(' ').unwrap()),
                Some((field, _)) => assert_eq!(field, ""),
                None if data.is_empty() => {}
                None => events.push(STANDARD.decode(std::mem::take(&mut data)).unwrap()),
            }
        }
        (events, !data.is_empty())
    }

    fn written(stream: &[u8], pieces: usize) -> (Vec<u8>, Events) {
        let (mut events, mut out) = (Events::default(), Vec::new());
        for piece in stream.chunks(pieces) {
            events.push(piece, &mut out);
            assert!(events.held.len() <= LINE);
        }
        (out, events)
    }

    #[test]
    fn packets_that_come_together_are_one_event() {
        let stream = [packet(20, 1), packet(25, 2)].concat();
        let (out, _) = written(&stream, stream.len());
        assert_eq!(read(&out), (vec![stream], false));
    }

    #[test]
    fn an_event_ends_with_a_packet_however_the_bytes_come() {
        let packets = [20, 4, 21, 5_000, 40_000, 20, LINE, LINE + 1, 22].map(|len| packet(len, 7));
        let stream = packets.concat();
        for pieces in [1, 2, 3, 5, 19, 4_096, 16_384, stream.len()] {
            let (out, events) = written(&stream, pieces);
            let (events_read, rest) = read(&out);
            assert!(!rest && events.held.is_empty());
            assert_eq!(events_read.concat(), stream);
            let mut left = packets.iter();
            for event in &events_read {
                let mut taken = 0;
                while taken < event.len() {
                    taken += left.next().unwrap().len();
                }
                assert_eq!(taken, event.len(), "in pieces of {pieces}");
            }
            if pieces == 1 {
                assert_eq!(events_read.len(), packets.len());
            }
        }
    }

    #[test]
    fn what_is_unfinished_waits_and_a_comment_does_not_end_it() {
        let stream = packet(30_000, 7);
        let (mut out, mut events) = written(&stream[..20_000], 20_000);
        assert_eq!(read(&out), (Vec::new(), true), "a line of an event");
        events.comment(&mut out);
        events.push(&stream[20_000..], &mut out);
        events.comment(&mut out);
        assert_eq!(read(&out), (vec![stream], false));
        assert!(out.ends_with(b"\n\n:\n\n"));
    }
}
