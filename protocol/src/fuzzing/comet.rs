//! Target for the frames of the comet dialect.

use crate::comet::{ClientFrame, Received, ReceivedBuf, ServerFrame, limits};
use crate::{Frame, Layout, frames_of};

const MAX_BODY: usize = 65_536;

/// Decoded frames have the same meaning after encoding and decoding again, and the ranges of an ack
/// are in order and within bounds.
///
/// # Panics
///
/// If a codec is wrong.
pub fn comet(data: &[u8]) {
    for Frame { head, body } in frames_of(Layout::Dtalk, data, MAX_BODY).unwrap_or_default() {
        if let Ok(frame) = ClientFrame::decode(head, &body) {
            let mut out = Vec::new();
            frame.write(&mut out);
            if let Some(Frame { head, body }) = again(&out) {
                assert_eq!(ClientFrame::decode(head, &body), Ok(frame.clone()));
            }
            match &frame {
                ClientFrame::Ack(received) => ranges(*received),
                ClientFrame::Auth { auth, .. } => ranges(auth.received().expect("checked")),
                _ => {}
            }
        }
        if let Ok(frame) = ServerFrame::decode(head, body) {
            let mut out = Vec::new();
            frame.write(&mut out);
            if let Some(Frame { head, body }) = again(&out) {
                assert_eq!(ServerFrame::decode(head, body), Ok(frame));
            }
        }
    }
}

/// Decodes the written frame; `None` for an unknown op.
fn again(out: &[u8]) -> Option<Frame> {
    frames_of(Layout::Dtalk, out, 2 * MAX_BODY).expect("what was written is whole").pop()
}

fn ranges(received: Received<'_>) {
    let mut built = ReceivedBuf::new(received.up_to());
    let mut end = received.up_to();
    let mut count = 0;
    for range in received.ranges() {
        assert!(range.first.since(end) > 1, "a hole before each range");
        assert!(range.contains(range.first) && range.contains(range.last));
        assert!(range.last.since(received.up_to()) <= limits::SPAN);
        assert!(built.push(range));
        end = range.last;
        count += 1;
    }
    assert!(count <= limits::RANGES);
    assert_eq!(built.as_received(), received, "one form for one meaning");
}
