//! Fast path: slots that can be written without consulting the session, its dialect's state or the
//! queue.
//!
//! A walk over a large room would touch two or three cache lines of each member only to learn,
//! every time, that the session is open, that nothing waits for its socket, and that its dialect
//! has no numbers to give. One byte for each slot says all of that.
//!
//! It is set by the walk that has just asked, and cleared by every change of one of the answers:
//! the beginning of an end, a queue, another connection in the slot. A slot that is not direct
//! though it could be costs a few questions; one that is and should not be would be a defect, which
//! the walk looks for in builds with assertions.

use super::Format;

/// Wire format of unnumbered deliveries of each slot that can be written to directly.
#[derive(Debug, Default)]
pub(super) struct Direct {
    slots: Vec<Option<Format>>,
}

impl Direct {
    /// The slot's format, if it is direct.
    #[inline]
    pub(super) fn format(&self, slot: u32) -> Option<Format> {
        *self.slots.get(slot as usize)?
    }

    /// From now on.
    pub(super) fn set(&mut self, slot: u32, format: Format) {
        let at = slot as usize;
        if self.slots.len() <= at {
            self.slots.resize(at + 1, None);
        }
        self.slots[at] = Some(format);
    }

    /// No longer.
    #[inline]
    pub(super) fn clear(&mut self, slot: u32) {
        if let Some(format) = self.slots.get_mut(slot as usize) {
            *format = None;
        }
    }
}

const _: () = assert!(size_of::<Option<Format>>() == 1);

#[cfg(test)]
mod tests {
    use comet_protocol::Dialect;

    use super::super::FramingState;
    use super::*;

    #[test]
    fn a_slot_is_direct_from_when_it_is_said_to_when_it_is_taken_back() {
        let [raw, goim] =
            [Dialect::Raw, Dialect::Goim].map(|it| Format::new(it, &FramingState::Stream));
        let mut direct = Direct::default();
        assert_eq!(direct.format(2), None);
        direct.clear(2);
        direct.set(2, raw);
        direct.set(1, goim);
        assert_eq!(
            [0, 1, 2, 3].map(|slot| direct.format(slot)),
            [None, Some(goim), Some(raw), None]
        );
        direct.clear(2);
        assert_eq!(direct.format(2), None);
    }
}
