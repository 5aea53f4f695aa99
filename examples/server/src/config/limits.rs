//! Conversion into the configuration of the gateway.

use std::time::Duration;

use comet::tls::Tls;
use comet::{DevicePolicy, HttpConnection, Listen};

use super::Config;
use super::backends::Devices;
use super::gateway::Gateway;

impl Config {
    /// The configured limits of the gateway.
    pub(crate) fn gateway_limits(&self) -> comet::Config {
        let Gateway { handshake, limits, delivery, io, ping, resume, .. } = &self.gateway;
        let mut config = comet::Config::default()
            .devices(policy(self.backends.devices))
            .trusted_proxies(self.proxies.trusted())
            .handshake(|it| {
                it.timeout = Duration::from_secs(handshake.handshake_seconds);
                it.rate = handshake.handshake_rate;
                it.refusal_hold = Duration::from_secs(handshake.refusal_hold_seconds);
                it.held_refusals = handshake.held_refusals;
                it.max_upgrade = handshake.max_upgrade;
                it.max_upgrade_headers = handshake.max_upgrade_headers;
            })
            .limits(|it| {
                it.max_sessions = limits.max_sessions;
                it.connections_per_address = limits.connections_per_address;
                it.handshakes_per_address = limits.handshakes_per_address;
                it.inbox = limits.inbox;
                it.message_rate = limits.message_rate;
                it.message_timeout = Duration::from_secs(limits.message_seconds);
                it.max_body = limits.max_body;
            })
            .delivery(|it| {
                it.window = delivery.window;
                it.overflow = delivery.overflow;
            })
            .memory(|it| it.budget = self.gateway.memory_budget)
            .io(|it| {
                it.interface = io.io;
                it.write_timeout = Duration::from_secs(io.write_seconds);
                it.user_timeout = Duration::from_secs(io.user_timeout_seconds);
                it.keepalive = Duration::from_secs(io.keepalive_seconds);
            })
            .ping(|it| {
                it.interval = Duration::from_secs(ping.ping_seconds);
                it.adopted_interval = ping.http_ping_seconds.map(Duration::from_secs);
                it.idle_timeout = Duration::from_secs(ping.idle_seconds);
            })
            .resume(|it| {
                it.ttl = Duration::from_secs(resume.resume_seconds);
                it.return_rate = resume.return_rate;
                it.return_spread = Duration::from_secs(resume.return_spread_seconds);
            });
        if self.gateway.shards > 0 {
            config.shards = self.gateway.shards;
        }
        config
    }

    /// The listeners of sessions: TCP, WebSocket, both over TLS and, if configured, all on one
    /// port, plain or over TLS, whose other requests go to the handler.
    pub(crate) fn listeners(
        &self,
        tls: &Tls,
        http: impl Fn(HttpConnection) + Clone + Send + Sync + 'static,
    ) -> Vec<Listen> {
        let (at, ping) = (&self.listen, &self.gateway.ping);
        let websocket = |listen: Listen| {
            let settings = &self.gateway.websocket;
            let listen = if settings.deflate { listen.deflate() } else { listen };
            listen
                .paths(&settings.upgrade_paths)
                .origin(self.origins.sub.policy())
                .subprotocols(settings.subprotocols.clone())
        };
        let tcp = (Listen::tcp(at.tcp), ping.tcp_ping_seconds, at.tcp_proxy_protocol);
        let ws = websocket(Listen::websocket(at.ws));
        let ws = (ws, ping.ws_ping_seconds, at.ws_proxy_protocol);
        let secured = websocket(Listen::any(at.tls)).tls(tls);
        let secured = (secured, ping.ws_ping_seconds, at.tls_proxy_protocol);
        // What hyper serves may be HTTP/2.
        let for_all = tls.with_http2();
        let all = |address| websocket(Listen::any(address)).http(http.clone());
        let any = at.any.map(|address| all(address).tls_or_plain(&for_all));
        let any = any.map(|listen| (listen, None, at.any_proxy_protocol));
        let https = at.https.map(|address| all(address).tls(&for_all));
        let https = https.map(|listen| (listen, ping.ws_ping_seconds, at.https_proxy_protocol));
        let listeners = [tcp, ws, secured].into_iter().chain(any).chain(https);
        let configured = listeners.map(|(listen, own, proxy_protocol)| {
            let listen = listen.proxy_protocol(proxy_protocol.into());
            match own {
                Some(seconds) => listen.ping_interval(Duration::from_secs(seconds)),
                None => listen,
            }
        });
        configured.collect()
    }
}

/// The policy for the device classes that the identity backend assigns.
fn policy(devices: Devices) -> DevicePolicy {
    [("phone", devices.phone), ("desktop", devices.desktop), ("web", devices.web)]
        .into_iter()
        .fold(DevicePolicy::default(), |policy, (class, sessions)| {
            policy.group([class], sessions, devices.winner)
        })
}

#[cfg(test)]
mod tests {
    use comet::Winner;

    use super::*;

    #[test]
    fn each_class_is_limited_by_itself() {
        let devices = Devices { phone: 1, desktop: 0, web: 3, winner: Winner::Oldest };
        let expected = DevicePolicy::default()
            .group(["phone"], 1, Winner::Oldest)
            .group(["desktop"], 0, Winner::Oldest)
            .group(["web"], 3, Winner::Oldest);
        assert_eq!(policy(devices), expected);
    }
}
