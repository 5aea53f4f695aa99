//! Every limit of the gateway, with its reason and what it can cost.

mod check;
mod choices;

use std::time::Duration;

use crate::devices::DevicePolicy;
use crate::proxies::TrustedProxies;
pub use choices::{Io, Overflow};

/// Longest interval that the two bytes can tell: beyond it they would begin anew.
pub(crate) const LONGEST_PING: Duration = Duration::from_secs(60 * 60);

/// Limits and timings. `Config::default()` fits the dtalk clients and a server on the internet.
///
/// Memory figures are for one session unless said otherwise; what is not listed costs nothing
/// while it is not used.
#[derive(Clone)]
pub struct Config {
    pub(crate) shards: usize,
    pub(crate) max_connections: usize,
    pub(crate) max_sessions: usize,
    pub(crate) connections_per_address: usize,
    pub(crate) handshakes_per_address: u32,
    pub(crate) handshake_timeout: Duration,
    pub(crate) auth_attempts: u8,
    pub(crate) idle_timeout: Duration,
    pub(crate) ping_interval: Duration,
    pub(crate) adopted_ping_interval: Option<Duration>,
    pub(crate) close_timeout: Duration,
    pub(crate) resume_ttl: Duration,
    pub(crate) parked_per_user: usize,
    pub(crate) write_timeout: Duration,
    pub(crate) user_timeout: Duration,
    pub(crate) keepalive: Duration,
    pub(crate) message_timeout: Duration,
    pub(crate) max_body: usize,
    pub(crate) max_fragments: u32,
    pub(crate) max_upgrade: usize,
    pub(crate) max_upgrade_headers: usize,
    pub(crate) inbox: u16,
    pub(crate) window: u16,
    pub(crate) window_bytes: usize,
    pub(crate) queue: usize,
    pub(crate) queue_bytes: usize,
    pub(crate) overflow: Overflow,
    pub(crate) room_log: usize,
    pub(crate) room_log_bytes: usize,
    pub(crate) latest_keys: usize,
    pub(crate) memory_budget: usize,
    pub(crate) handshake_rate: u32,
    pub(crate) refusal_hold: Duration,
    pub(crate) held_refusals: usize,
    pub(crate) return_rate: u32,
    pub(crate) return_spread: Duration,
    pub(crate) ticket_key: Option<[u8; 32]>,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) devices: DevicePolicy,
    pub(crate) write_bytes: usize,
    pub(crate) rto: Duration,
    pub(crate) max_rto: Duration,
    pub(crate) delivery_attempts: u8,
    pub(crate) rooms_per_session: usize,
    pub(crate) message_rate: u32,
    pub(crate) mailbox: usize,
    pub(crate) read_buffer: usize,
    pub(crate) accept_batch: usize,
    pub(crate) io: Io,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            shards: std::thread::available_parallelism().map_or(1, Into::into),
            max_connections: 1_000_000,
            max_sessions: 1_000_000,
            connections_per_address: 0,
            handshakes_per_address: 0,
            handshake_timeout: Duration::from_secs(8),
            auth_attempts: 5,
            // Twice the four minutes at which the slowest of the old servers expected a heartbeat.
            idle_timeout: Duration::from_secs(8 * 60),
            // Proxies and address translators give up after 30 s at the earliest, most after 60.
            ping_interval: Duration::from_secs(25),
            adopted_ping_interval: None,
            close_timeout: Duration::from_secs(2),
            resume_ttl: Duration::ZERO,
            parked_per_user: 16,
            write_timeout: Duration::from_secs(20),
            user_timeout: Duration::from_secs(25),
            keepalive: Duration::from_secs(60),
            // The longest message at 5 kbit/s.
            message_timeout: Duration::from_secs(30),
            max_body: 16_384,
            max_fragments: 1_024,
            max_upgrade: 8_192,
            max_upgrade_headers: 64,
            inbox: 64,
            window: 256,
            window_bytes: 256 * 1024,
            queue: 1_024,
            queue_bytes: 1024 * 1024,
            overflow: Overflow::Park,
            room_log: 4_096,
            room_log_bytes: 4 * 1024 * 1024,
            latest_keys: 64,
            memory_budget: 1024 * 1024 * 1024,
            handshake_rate: 0,
            refusal_hold: Duration::from_secs(5),
            held_refusals: 10_000,
            // A session that comes back costs some 100 us, and a router that asks a database more.
            return_rate: 1_000,
            return_spread: Duration::from_secs(60),
            ticket_key: None,
            trusted_proxies: TrustedProxies::new(),
            devices: DevicePolicy::default(),
            write_bytes: 1024 * 1024,
            rto: Duration::from_secs(2),
            max_rto: Duration::from_secs(60),
            // 2 + 4 + 8 + 16 + 32 + 60 s: two minutes of a client that is there but says nothing.
            delivery_attempts: 7,
            rooms_per_session: 1_000,
            message_rate: 0,
            mailbox: 65_536,
            read_buffer: 256 * 1024,
            accept_batch: 64,
            io: Io::Auto,
        }
    }
}

/// Defines a setter that takes the value as it is.
macro_rules! setters {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty;)+) => {
        impl Config {
            $(
                $(#[doc = $doc])+
                #[must_use]
                pub fn $name(mut self, value: $type) -> Self {
                    self.$name = value;
                    self
                }
            )+
        }
    };
}

setters! {
    /// Shards, each a thread with its own sessions. Default: one per core; at most 4,096.
    ///
    /// Each costs its read buffer, a mailbox and a timer wheel: about 600 KiB.
    shards: usize;
    /// Connections that may be open at once, over all shards. Default 1,000,000.
    ///
    /// Each takes a file descriptor. One more is accepted and closed at once, so that its peer
    /// learns of it. The process's limit of descriptors is the other bound; reaching it pauses
    /// accepting.
    max_connections: usize;
    /// Sessions that there may be at once, over all shards, those that are parked included.
    /// Default 1,000,000, some 450 bytes each while idle.
    ///
    /// A peer that the router has accepted beyond it is turned away; one that comes back to the
    /// session that it had is let in.
    max_sessions: usize;
    /// Connections that may be open at once from one address. Default 0: no limit.
    ///
    /// An IPv6 address counts as its /64 network. While this or the next limit is set, accepting
    /// takes a lock, and each address that has or recently had a connection costs about 60 bytes.
    connections_per_address: usize;
    /// Connections a second that one address may begin, in bursts of twice as many. Default 0: no
    /// limit. One more is closed before anything is read from it.
    handshakes_per_address: u32;
    /// From accept to an open session: covers silence, upgrade and authentication. Default 8 s.
    handshake_timeout: Duration;
    /// Times a connection may ask for a session before it is closed. Default 5.
    ///
    /// A peer that has a session may authenticate again as often, and once more for each second
    /// since.
    auth_attempts: u8;
    /// Silence after which a session is closed; anything that arrives counts as a sign of life.
    /// Default 8 min; at least twice every `ping_interval`.
    ///
    /// A peer that can be pinged is asked for a sign of life after half of it.
    idle_timeout: Duration;
    /// Longest time in which a peer is sent nothing: a ping then, up to an eighth of it earlier.
    /// Default 25 s; from 100 ms to an hour, or zero for no such pings.
    ///
    /// Pings go to every WebSocket peer, whose library answers them, and to peers of the comet
    /// dialect, who are told this time as their own; the other dialects have no ping over TCP. They
    /// keep a connection open in proxies that close those on which nothing passes. Each costs an
    /// idle session a write and a read.
    ping_interval: Duration;
    /// How long a closing connection may take to send what is left and see the peer close.
    /// Default 2 s.
    close_timeout: Duration;
    /// How long a session outlives its connection, if its peer speaks the comet dialect, or its
    /// [`Identity`](crate::Identity) names a device. Default zero: not at all.
    ///
    /// A parked session costs what it did while connected, and what is pushed to it until `queue`
    /// or `queue_bytes` is reached; what comes then is lost with a [`Gap`](crate::Gap).
    resume_ttl: Duration;
    /// Sessions of one user that may be parked at once. Default 16, about 1 KiB each beside what is
    /// kept for them; for one more the oldest ends.
    parked_per_user: usize;
    /// How long a peer may take nothing of what is written to it. Default 20 s.
    write_timeout: Duration;
    /// How long what has been sent may stay unacknowledged by the peer's system, before the system
    /// gives the connection up (`TCP_USER_TIMEOUT`). Default 25 s; above `write_timeout`, or zero
    /// for what the system does by itself, which may take a quarter of an hour.
    ///
    /// It finds peers that are gone while something is under way to them. A peer that is there and
    /// reads nothing for so long, while something waits in the system's buffers for it, is given up
    /// as well; one for whom more waits than these take ends earlier, by `write_timeout`. On Linux.
    user_timeout: Duration;
    /// Within how long the system finds that the peer of a connection on which nothing passes is
    /// gone (TCP keepalive). Default 60 s: probes after half of it. At least 2 s, or zero for no
    /// probes.
    keepalive: Duration;
    /// Time in which an open session must finish a message that it has begun, from the first byte
    /// of it that arrived. Default 30 s; not zero.
    ///
    /// Of a WebSocket message all fragments are meant, whatever control frames come in between.
    /// The time does not run while the gateway does not read, for `inbox` or `write_bytes`. Beyond
    /// it the connection ends as [`Closed::Unfinished`](crate::Closed::Unfinished). The longest
    /// message, of `max_body`, must fit in it on the slowest network.
    message_timeout: Duration;
    /// Longest body of a frame, and of a WebSocket message with its frame heads. Default 16,384.
    ///
    /// The first part of a body is held, and charged to `memory_budget`, for `message_timeout`.
    max_body: usize;
    /// Fragments that one WebSocket message may have. Default 1,024.
    max_fragments: u32;
    /// Longest WebSocket upgrade request. Default 8,192 bytes, held until it is complete.
    max_upgrade: usize;
    /// Headers that an upgrade request may have. Default 64.
    max_upgrade_headers: usize;
    /// Messages of one session that the router has not settled. Default 64.
    ///
    /// At the limit the connection is not read, which becomes back-pressure on its peer.
    inbox: u16;
    /// Acked deliveries in flight: sent and not yet acknowledged. Default 256, 16 bytes each.
    ///
    /// [`Lane::Signal`](crate::Lane::Signal) may go an eighth beyond it, at least one.
    window: u16;
    /// Bytes of acked deliveries in flight. Default 256 KiB; one delivery may always fly.
    window_bytes: usize;
    /// What waits for room in the window: single deliveries, 16 bytes each and a reference to the
    /// shared body, and places in rooms' logs, 80 bytes each however much has been published since.
    /// Default 1,024; see `overflow` for one more.
    queue: usize;
    /// Bytes of single deliveries that wait for room in the window. Default 1 MiB.
    queue_bytes: usize;
    /// What becomes of a session when `queue`, `queue_bytes`, `room_log` or `room_log_bytes` is not
    /// enough for it, unless its [`Identity`](crate::Identity::overflow) says otherwise. Default:
    /// it is parked.
    overflow: Overflow;
    /// Acked deliveries of a room that are kept, once on each shard, for members that have not read
    /// them. Default 4,096, 8 bytes each and the body. Nothing is kept while all keep up.
    room_log: usize;
    /// Bytes of them. Default 4 MiB for each room that has slow members.
    room_log_bytes: usize;
    /// Keys of latest deliveries that wait for a session whose socket takes no more, or that is
    /// parked. Default 64, 8 bytes each and a reference to the body; the stalest is forgotten, and
    /// counted among what the peer is told to have missed.
    latest_keys: usize;
    /// Bytes that may wait in the whole process: bodies, windows, queues, room logs, recorded
    /// answers, bytes on their way to sockets, commands in mailboxes, and input that is unfinished
    /// or may not be looked at yet. Default 1 GiB.
    ///
    /// What several refer to counts once. From three quarters on, best-effort deliveries are
    /// dropped for whom more waits than three sixteenths of it divided by the open sessions; from
    /// seven eighths on, rooms forget half of their logs, and of the sessions that stall the one
    /// that holds most loses what waits, its connection, itself; from fifteen sixteenths on, nobody
    /// new is let in unless somebody stalls who could give way. What cannot be charged even so is
    /// given up, input with its connection. Who loses something is told by a [`Gap`](crate::Gap).
    /// Not in it: idle sessions, and the system's buffers.
    memory_budget: usize;
    /// Authentications a second, over all shards, in bursts of a tenth of a second. Default 0: no
    /// limit.
    ///
    /// One more is turned away before the router is asked. A peer of the comet dialect is told when
    /// to come back, each at a time of its own, so that a crowd comes back at this rate.
    handshake_rate: u32;
    /// Longest time that a refused or turned-away connection is held before it is closed, if its
    /// dialect cannot tell the peer when to come back: dtalk and goim. Each is held from two
    /// fifths of it to all of it. Default 5 s; zero: closed at once.
    ///
    /// Clients that try again as soon as they are closed are slowed down by this, instead of
    /// costing the router a check of their credentials each time. A refusal after which the peer
    /// may try again on the same connection is told at once, and nothing is held.
    refusal_hold: Duration;
    /// Connections that may be held so at once, over all shards, and no more than a quarter of
    /// `max_connections`. Default 10,000, some 300 bytes and a socket each; one more is closed at
    /// once.
    held_refusals: usize;
    /// Sessions a second, over all shards, that a gateway that drains asks to come back, from the
    /// moment on at which all have been told. Default 1,000; 0: all at once. So a lone peer is
    /// asked to come back at once, and a crowd of 20,000 over 20 s.
    return_rate: u32;
    /// The longest time over which their return is spread, whatever `return_rate` says. Default
    /// 60 s.
    return_spread: Duration;
    /// Of how many sessions of a user and of which devices there may be. Default: any.
    devices: DevicePolicy;
    /// Bytes that wait for the socket. Default 1 MiB.
    ///
    /// Beyond it best-effort deliveries are dropped and counted, and the connection is not read
    /// until less waits.
    write_bytes: usize;
    /// First time-out after which a delivery is sent again, and the least ever. Default 2 s.
    rto: Duration;
    /// Greatest time-out after back-off. Default 60 s.
    max_rto: Duration;
    /// Times a delivery is sent before the session is closed as unresponsive. Default 7.
    delivery_attempts: u8;
    /// Rooms that one session may be in. Default 1,000, 16 bytes each.
    rooms_per_session: usize;
    /// Messages a second that a session may send, in bursts of twice as many. Default 0: no limit.
    /// One that sends more is closed. What users send by other ways, over HTTP for instance, is for
    /// the embedder to count.
    message_rate: u32;
    /// Commands that may wait for one shard. Default 65,536, about 100 bytes each and a reference
    /// to the body that they bring.
    mailbox: usize;
    /// The buffer into which a shard reads. Default 256 KiB, one for each shard.
    ///
    /// A session that is not read because of `inbox` or `write_bytes` may hold as much of what was
    /// read before.
    read_buffer: usize;
    /// Connections that a shard accepts before it looks after the ones it has. Default 64.
    accept_batch: usize;
    /// How shards read from sockets and write to them. Default [`Io::Auto`].
    ///
    /// A ring costs a shard about 20 KiB of the kernel's memory, and a file descriptor.
    io: Io;
}

impl Config {
    /// Proxies that are believed about whose connections they pass on. Default: none.
    ///
    /// WebSocket connections through one count for the address that their upgrade request names in
    /// its header, which [`Connect::remote`](crate::Connect::remote) shows; one over its share is
    /// answered 429. Where none is named, and for plain TCP, no share of an address holds.
    #[must_use]
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.trusted_proxies = proxies;
        self
    }

    /// The secret under which resume tickets are sealed. Default: one that is made up at the start.
    ///
    /// With the same secret in the next process, that one knows the tickets of this one: not the
    /// sessions, which are gone, but when their holders were asked to come back.
    #[must_use]
    pub fn ticket_key(mut self, secret: [u8; 32]) -> Self {
        self.ticket_key = Some(secret);
        self
    }

    /// The same as `ping_interval` for connections that were [adopted](crate::Gateway::adopt).
    /// Default: that one.
    #[must_use]
    pub fn adopted_ping_interval(mut self, value: Duration) -> Self {
        self.adopted_ping_interval = Some(value);
        self
    }
}

/// Leaves out the secret, and what most never change.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("shards", &self.shards)
            .field("max_connections", &self.max_connections)
            .field("resume_ttl", &self.resume_ttl)
            .field("window", &self.window)
            .field("queue", &self.queue)
            .field("overflow", &self.overflow)
            .field("memory_budget", &self.memory_budget)
            .field("handshake_rate", &self.handshake_rate)
            .finish_non_exhaustive()
    }
}
