//! Limit of open files.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// There are not enough descriptors for the sessions.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{needed} open files are needed, and this process may have {limit}: raise the limit \
     (`ulimit -n {needed}`) or ask for fewer sessions"
)]
pub struct DescriptorError {
    /// The number needed.
    pub needed: u64,
    /// The limit.
    pub limit: u64,
}

/// Descriptors beside those of sessions: polls, pipes, reports.
const BESIDE: u64 = 64;

/// Raises the limit as far as possible, and checks that the sessions fit into it.
///
/// # Errors
///
/// [`DescriptorError`].
pub fn raise_descriptors(sessions: usize) -> Result<(), DescriptorError> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // If it may not be raised, the current limit decides.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let needed = sessions as u64 + BESIDE;
    if needed <= limit { Ok(()) } else { Err(DescriptorError { needed, limit }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_sessions_are_refused_before_anything_happens() {
        assert_eq!(raise_descriptors(10), Ok(()));
        let error = raise_descriptors(usize::MAX >> 1).unwrap_err();
        assert!(error.limit > 64 && error.to_string().contains("ulimit -n"), "{error}");
    }
}
