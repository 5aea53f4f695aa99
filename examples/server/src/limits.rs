//! Conversion of the configuration into that of the gateway.

use std::time::Duration;

use comet::{DevicePolicy, Listen, Winner};

use crate::config::{self, Config, Devices, Io, Overflow};
use crate::proxies;

/// The configured limits of the gateway.
pub(crate) fn of(config: &Config) -> comet::Config {
    let gateway = &config.gateway;
    let limits = comet::Config::default()
        .max_sessions(gateway.max_sessions)
        .trusted_proxies(proxies::of(&config.trusted_proxies))
        .connections_per_address(gateway.connections_per_address)
        .handshakes_per_address(gateway.handshakes_per_address)
        .max_body(gateway.max_body)
        .message_timeout(Duration::from_secs(gateway.message_seconds))
        .idle_timeout(Duration::from_secs(gateway.idle_seconds))
        .ping_interval(Duration::from_secs(gateway.ping_seconds))
        .write_timeout(Duration::from_secs(gateway.write_seconds))
        .user_timeout(Duration::from_secs(gateway.user_timeout_seconds))
        .keepalive(Duration::from_secs(gateway.keepalive_seconds))
        .handshake_timeout(Duration::from_secs(gateway.handshake_seconds))
        .max_upgrade(gateway.max_upgrade)
        .max_upgrade_headers(gateway.max_upgrade_headers)
        .inbox(gateway.inbox)
        .window(gateway.window)
        .message_rate(gateway.message_rate)
        .resume_ttl(Duration::from_secs(gateway.resume_seconds))
        .overflow(match gateway.overflow {
            Overflow::Park => comet::Overflow::Park,
            Overflow::DropOldest => comet::Overflow::DropOldest,
            Overflow::Close => comet::Overflow::Close,
        })
        .io(match gateway.io {
            Io::Auto => comet::Io::Auto,
            Io::Epoll => comet::Io::Epoll,
            Io::Uring => comet::Io::Uring,
        })
        .memory_budget(gateway.memory_budget)
        .handshake_rate(gateway.handshake_rate)
        .refusal_hold(Duration::from_secs(gateway.refusal_hold_seconds))
        .held_refusals(gateway.held_refusals)
        .return_rate(gateway.return_rate)
        .return_spread(Duration::from_secs(gateway.return_spread_seconds))
        .devices(policy(config.devices));
    let limits = match gateway.http_ping_seconds {
        Some(seconds) => limits.adopted_ping_interval(Duration::from_secs(seconds)),
        None => limits,
    };
    if gateway.shards == 0 { limits } else { limits.shards(gateway.shards) }
}

/// The listeners of sessions.
pub(crate) fn listeners(config: &Config) -> [Listen; 2] {
    let gateway = &config.gateway;
    let tcp = (Listen::tcp(config.listen.tcp), gateway.tcp_ping_seconds);
    let ws = Listen::websocket(config.listen.ws)
        .paths(&gateway.upgrade_paths)
        .origin(config.origins.sub.policy())
        .subprotocols(gateway.subprotocols.clone());
    let ws = (ws, gateway.ws_ping_seconds);
    [tcp, ws].map(|(listen, own)| match own {
        Some(seconds) => listen.ping_interval(Duration::from_secs(seconds)),
        None => listen,
    })
}

/// The policy for the device classes that the identity backend assigns.
fn policy(devices: Devices) -> DevicePolicy {
    let winner = match devices.winner {
        config::Winner::Newest => Winner::Newest,
        config::Winner::Oldest => Winner::Oldest,
    };
    [("phone", devices.phone), ("desktop", devices.desktop), ("web", devices.web)]
        .into_iter()
        .fold(DevicePolicy::default(), |policy, (class, sessions)| {
            policy.group([class], sessions, winner)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_is_limited_by_itself() {
        let devices = Devices { phone: 1, desktop: 0, web: 3, winner: config::Winner::Oldest };
        let expected = DevicePolicy::default()
            .group(["phone"], 1, Winner::Oldest)
            .group(["desktop"], 0, Winner::Oldest)
            .group(["web"], 3, Winner::Oldest);
        assert_eq!(policy(devices), expected);
    }
}
