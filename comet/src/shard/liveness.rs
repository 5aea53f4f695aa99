//! Socket options by which the system finds a peer that is gone without a word: a pulled cable, a
//! device without power, a router that lost its tables.
//!
//! Keepalive finds one on a connection where nothing is under way, the user timeout one that
//! acknowledges nothing of what was sent. Connections inherit both from their listening socket.
//!
//! Not here: pings of ours (`pings`), and readers that are there and take nothing (`timers`).

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use crate::config::IoConfig;

/// The options of every socket of a gateway.
#[derive(Clone, Debug)]
pub(crate) struct Liveness {
    keepalive: Option<TcpKeepalive>,
    user_timeout: Option<Duration>,
}

impl Liveness {
    /// As the configuration says.
    pub(crate) fn new(config: &IoConfig) -> Self {
        Self {
            keepalive: (!config.keepalive.is_zero()).then(|| probes(config.keepalive)),
            user_timeout: (!config.user_timeout.is_zero()).then_some(config.user_timeout),
        }
    }

    /// Sets them on a connection, or on the listening socket of connections to come.
    pub(crate) fn set(&self, socket: &SockRef<'_>) -> io::Result<()> {
        if let Some(keepalive) = &self.keepalive {
            socket.set_tcp_keepalive(keepalive)?;
        }
        #[cfg(target_os = "linux")]
        if self.user_timeout.is_some() {
            socket.set_tcp_user_timeout(self.user_timeout)?;
        }
        Ok(())
    }
}

/// Half of the time passes in silence, the other half is for probes. The system counts in seconds.
fn probes(within: Duration) -> TcpKeepalive {
    let whole = within.as_secs().max(2);
    let silence = whole / 2;
    let interval = (whole / 8).max(1);
    let count = u32::try_from((whole - silence) / interval).unwrap_or(u32::MAX);
    TcpKeepalive::new()
        .with_time(Duration::from_secs(silence))
        .with_interval(Duration::from_secs(interval))
        .with_retries(count)
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;

    /// When the system gives up the peer of a silent connection, and one that acknowledges nothing.
    fn times(config: &IoConfig) -> (Duration, Option<Duration>) {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = SockRef::from(&socket);
        Liveness::new(config).set(&socket).unwrap();
        let silence = match socket.keepalive().unwrap() {
            true => {
                let probes = socket.tcp_keepalive_interval().unwrap();
                socket.tcp_keepalive_time().unwrap()
                    + probes * socket.tcp_keepalive_retries().unwrap()
            }
            false => Duration::MAX,
        };
        (silence, socket.tcp_user_timeout().unwrap())
    }

    #[test]
    fn by_default_a_silent_peer_is_found_within_60_s_and_one_that_gets_something_within_30() {
        let (silence, user_timeout) = times(&IoConfig::default());
        assert!((Duration::from_secs(50)..=Duration::from_secs(60)).contains(&silence));
        assert_eq!(user_timeout, Some(Duration::from_secs(25)));
    }

    #[test]
    fn any_time_from_two_seconds_on_is_kept() {
        for seconds in 2..400 {
            let within = Duration::from_secs(seconds);
            let (silence, _) = times(&IoConfig { keepalive: within, ..IoConfig::default() });
            assert!(silence <= within && silence * 3 >= within * 2, "{silence:?} of {within:?}");
        }
    }

    #[test]
    fn zero_leaves_both_to_the_system() {
        let off = IoConfig {
            keepalive: Duration::ZERO,
            user_timeout: Duration::ZERO,
            ..IoConfig::default()
        };
        assert_eq!(times(&off), (Duration::MAX, None));
    }
}
