//! Bounds of options.

use super::PlanError;

/// Checks a number of things.
///
/// # Errors
///
/// [`PlanError::OutOfBounds`].
pub fn within(key: &'static str, value: usize, least: usize, most: usize) -> Result<(), PlanError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    #[expect(clippy::cast_precision_loss, reason = "bounds are far below 2^53")]
    let (least, most) = (least as f64, most as f64);
    Err(PlanError::OutOfBounds { key, least, most })
}

/// Checks a part of a whole.
pub(super) fn share(key: &'static str, value: f64) -> Result<f64, PlanError> {
    let (least, most) = (0.0, 1.0);
    let is_share = (least..=most).contains(&value);
    if is_share { Ok(value) } else { Err(PlanError::OutOfBounds { key, least, most }) }
}
