//! Division of the file descriptors that the system allows between sessions, HTTP, and a reserve
//! for everything else.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// Standard streams, the lock, the runtime, files open for a moment, and connections that are being
/// refused or closed.
const BASE: usize = 48;

/// Descriptors of an open database: the file, its log, and the log's index.
const FILES: usize = 3;

/// Database connections besides those that read messages: one writer, four for groups, the rest for
/// accounts and the lease.
const WRITERS: usize = 11;

/// Descriptors of a shard: up to three listeners, a poll, its waker, and a ring.
const OF_A_SHARD: usize = 6;

/// The limit assumed for a process without one: the highest default of Linux.
const UNLIMITED: u64 = 1 << 20;

/// Upper bound of HTTP connections by default.
const HTTP: usize = 1_024;

/// Limits on connections, and thus on descriptors.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Shares {
    pub(crate) gateway: usize,
    pub(crate) http: usize,
}

/// A configured value beyond the system's limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct ExceededLimit {
    setting: &'static str,
    configured: usize,
    granted: usize,
}

/// Raises the process's limit as far as allowed, divides it, and warns about settings beyond it.
pub(crate) fn share(config: &Config) -> Shares {
    let allowed = raise();
    let http = config.http.max_connections;
    let (shares, excesses) =
        split(allowed, reserve(config), config.gateway.limits.max_connections, http);
    for ExceededLimit { setting, configured, granted } in excesses {
        tracing::warn!(
            setting,
            configured,
            allowed,
            granted,
            "more connections are configured than the system allows this process descriptors"
        );
    }
    shares
}

/// Descriptors reserved from both sessions and the public port.
fn reserve(config: &Config) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, Into::into);
    let shards = if config.gateway.shards == 0 { cores() } else { config.gateway.shards };
    let databases = (usize::from(config.backends.store.readers) + WRITERS) * FILES;
    BASE + databases + shards * OF_A_SHARD + config.http.admin_connections
}

/// Grants each request as far as the limit allows; 0 requests the default.
fn split(
    allowed: usize,
    reserve: usize,
    gateway: usize,
    http: usize,
) -> (Shares, Vec<ExceededLimit>) {
    let left = allowed.saturating_sub(reserve).max(2);
    let mut excesses = Vec::new();
    let mut grant = |setting, configured: usize, usual: usize, most: usize| {
        let granted = if configured == 0 { usual } else { configured.min(most) }.max(1);
        if configured > granted {
            excesses.push(ExceededLimit { setting, configured, granted });
        }
        granted
    };
    let http = grant("http.max_connections", http, HTTP.min(left / 4), left / 2);
    let rest = left - http;
    let gateway = grant("gateway.max_connections", gateway, rest, rest);
    (Shares { gateway, http }, excesses)
}

fn raise() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(UNLIMITED);
    let current = limit.current.unwrap_or(UNLIMITED);
    if current < most {
        let raised = Rlimit { current: Some(most), maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, current, most, "the limit of descriptors cannot be raised");
        }
    }
    let current = getrlimit(Resource::Nofile).current.unwrap_or(UNLIMITED);
    usize::try_from(current).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_settings_all_that_is_allowed_is_shared_out() {
        let (shares, excesses) = split(20_000, 100, 0, 0);
        assert_eq!(shares, Shares { gateway: 18_876, http: 1_024 });
        assert!(excesses.is_empty());
        assert_eq!(split(200, 100, 0, 0).0, Shares { gateway: 75, http: 25 });
    }

    #[test]
    fn what_is_configured_is_given_if_there_is_enough() {
        let (shares, excesses) = split(20_000, 100, 5_000, 3_000);
        assert_eq!(shares, Shares { gateway: 5_000, http: 3_000 });
        assert!(excesses.is_empty());
    }

    #[test]
    fn what_is_beyond_the_limit_is_named_and_cut() {
        let (shares, excesses) = split(1_024, 124, 1_000_000, 2_000);
        assert_eq!(shares, Shares { gateway: 450, http: 450 });
        let expected =
            [("http.max_connections", 2_000, 450), ("gateway.max_connections", 1_000_000, 450)];
        let expected = expected.map(|(setting, configured, granted)| ExceededLimit {
            setting,
            configured,
            granted,
        });
        assert_eq!(excesses, expected);
        // Each gets something, however low the limit.
        assert_eq!(split(10, 100, 0, 0).0, Shares { gateway: 1, http: 1 });
    }
}
