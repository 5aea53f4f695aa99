//! Times of mutes: clients send a duration and are told the end.
//!
//! Pure. Not here: permission to mute (`permission`), enforcement (`view`).

use comet_dtalk::code::Code;

/// Duration, and end, of a mute without an end.
pub(crate) const FOREVER: i64 = i64::MAX;
/// Longest mute with an end: a day.
pub(crate) const LONGEST_MS: i64 = 86_400_000;

/// End of a mute of this duration that begins now, in Unix milliseconds; 0 for none.
///
/// # Errors
///
/// [`Code::BAD_PARAMETERS`] for any other duration than 0 to a day, or [`FOREVER`].
pub(crate) const fn end(duration_ms: i64, now: i64) -> Result<i64, Code> {
    match duration_ms {
        0 => Ok(0),
        FOREVER => Ok(FOREVER),
        1..=LONGEST_MS => Ok(now.saturating_add(duration_ms)),
        _ => Err(Code::BAD_PARAMETERS),
    }
}

/// Whether a mute with this end holds now.
pub(crate) const fn holds(until: i64, now: i64) -> bool {
    until > now
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    #[test]
    fn a_duration_is_none_up_to_a_day_or_for_ever() {
        assert_eq!(end(0, NOW), Ok(0));
        assert_eq!(end(1, NOW), Ok(1_700_000_000_001));
        assert_eq!(end(86_400_000, NOW), Ok(1_700_086_400_000));
        assert_eq!(end(86_400_001, NOW), Err(Code(-1012)));
        assert_eq!(end(9_223_372_036_854_775_807, NOW), Ok(9_223_372_036_854_775_807));
        assert_eq!(end(9_223_372_036_854_775_806, NOW), Err(Code(-1012)));
        assert_eq!(end(-1, NOW), Err(Code(-1012)));
    }

    #[test]
    fn a_mute_ends_at_its_end() {
        assert!(holds(NOW + 1, NOW) && !holds(NOW, NOW) && !holds(0, NOW));
        assert!(holds(FOREVER, NOW));
    }

    proptest! {
        #[test]
        fn an_accepted_mute_holds_until_its_end_and_not_longer(
            duration in 1..=LONGEST_MS, now in 0..NOW * 2,
        ) {
            let until = end(duration, now).unwrap();
            prop_assert!(holds(until, now) && holds(until, until - 1) && !holds(until, until));
            prop_assert_eq!(until - now, duration);
        }

        #[test]
        fn no_duration_makes_it_panic(duration in any::<i64>(), now in any::<i64>()) {
            let is_accepted = end(duration, now).is_ok();
            let is_known = (0..=LONGEST_MS).contains(&duration) || duration == FOREVER;
            prop_assert_eq!(is_accepted, is_known);
        }
    }
}
