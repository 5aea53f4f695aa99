//! Conversion into the configuration of the gateway.

use std::time::Duration;

use comet::{DevicePolicy, Listen, Winner};

use super::Config;
use super::backends::{self, Devices};
use super::gateway::{Io, Overflow};

impl Config {
    /// The configured limits of the gateway.
    pub(crate) fn gateway_limits(&self) -> comet::Config {
        let gateway = &self.gateway;
        let mut limits = comet::Config::default()
            .devices(policy(self.devices))
            .trusted_proxies(self.proxies.trusted())
            .handshake(|it| {
                it.timeout = Duration::from_secs(gateway.handshake.handshake_seconds);
                it.rate = gateway.handshake.handshake_rate;
                it.refusal_hold = Duration::from_secs(gateway.handshake.refusal_hold_seconds);
                it.held_refusals = gateway.handshake.held_refusals;
                it.max_upgrade = gateway.handshake.max_upgrade;
                it.max_upgrade_headers = gateway.handshake.max_upgrade_headers;
            })
            .limits(|it| {
                it.max_sessions = gateway.limits.max_sessions;
                it.connections_per_address = gateway.limits.connections_per_address;
                it.handshakes_per_address = gateway.limits.handshakes_per_address;
                it.inbox = gateway.limits.inbox;
                it.message_rate = gateway.limits.message_rate;
                it.message_timeout = Duration::from_secs(gateway.limits.message_seconds);
                it.max_body = gateway.limits.max_body;
            })
            .delivery(|it| {
                it.window = gateway.delivery.window;
                it.overflow = overflow(gateway.delivery.overflow);
            })
            .memory(|it| it.budget = gateway.memory_budget)
            .io(|it| {
                it.interface = interface(gateway.io.io);
                it.write_timeout = Duration::from_secs(gateway.io.write_seconds);
                it.user_timeout = Duration::from_secs(gateway.io.user_timeout_seconds);
                it.keepalive = Duration::from_secs(gateway.io.keepalive_seconds);
            })
            .ping(|it| {
                it.interval = Duration::from_secs(gateway.ping.ping_seconds);
                it.adopted_interval = gateway.ping.http_ping_seconds.map(Duration::from_secs);
                it.idle_timeout = Duration::from_secs(gateway.ping.idle_seconds);
            })
            .resume(|it| {
                it.ttl = Duration::from_secs(gateway.resume.resume_seconds);
                it.return_rate = gateway.resume.return_rate;
                it.return_spread = Duration::from_secs(gateway.resume.return_spread_seconds);
            });
        if gateway.shards > 0 {
            limits.shards = gateway.shards;
        }
        limits
    }

    /// The listeners of sessions.
    pub(crate) fn listeners(&self) -> [Listen; 2] {
        let gateway = &self.gateway;
        let tcp = (Listen::tcp(self.listen.tcp), gateway.ping.tcp_ping_seconds);
        let ws = Listen::websocket(self.listen.ws)
            .paths(&gateway.websocket.upgrade_paths)
            .origin(self.origins.sub.policy())
            .subprotocols(gateway.websocket.subprotocols.clone());
        let ws = (ws, gateway.ping.ws_ping_seconds);
        [tcp, ws].map(|(listen, own)| match own {
            Some(seconds) => listen.ping_interval(Duration::from_secs(seconds)),
            None => listen,
        })
    }
}

const fn overflow(policy: Overflow) -> comet::Overflow {
    match policy {
        Overflow::Park => comet::Overflow::Park,
        Overflow::DropOldest => comet::Overflow::DropOldest,
        Overflow::Close => comet::Overflow::Close,
    }
}

const fn interface(io: Io) -> comet::Io {
    match io {
        Io::Auto => comet::Io::Auto,
        Io::Epoll => comet::Io::Epoll,
        Io::Uring => comet::Io::Uring,
    }
}

/// The policy for the device classes that the identity backend assigns.
fn policy(devices: Devices) -> DevicePolicy {
    let winner = match devices.winner {
        backends::Winner::Newest => Winner::Newest,
        backends::Winner::Oldest => Winner::Oldest,
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
        let devices = Devices { phone: 1, desktop: 0, web: 3, winner: backends::Winner::Oldest };
        let expected = DevicePolicy::default()
            .group(["phone"], 1, Winner::Oldest)
            .group(["desktop"], 0, Winner::Oldest)
            .group(["web"], 3, Winner::Oldest);
        assert_eq!(policy(devices), expected);
    }
}
