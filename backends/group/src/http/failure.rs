//! Failures as answers.

use comet::Repeats;
use comet_dtalk::clock;
use comet_dtalk::code::Code;
use comet_dtalk::http::ApiError;

use crate::error::GroupError;

/// Of a change.
pub(super) fn unchanged(error: GroupError) -> ApiError {
    answer(error, Code::UPDATE_FAILED)
}

/// Of a question.
pub(super) fn unread(error: GroupError) -> ApiError {
    answer(error, Code::QUERY_FAILED)
}

fn answer(error: GroupError, code: Code) -> ApiError {
    static REPEATS: Repeats = Repeats::new();
    match error {
        GroupError::Refused(code) => code.into(),
        error => {
            if let Some(more) = REPEATS.admit(clock::unix()) {
                tracing::error!(%error, "groups failed{more}");
            }
            code.into()
        }
    }
}
