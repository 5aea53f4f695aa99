//! All limits of the gateway, with their reasons and costs.

mod check;
mod choices;

use std::time::Duration;

use crate::devices::DevicePolicy;
use crate::proxies::TrustedProxies;
pub use choices::{Io, Overflow};

/// Longest interval that two bytes can represent: beyond it they would wrap.
pub(crate) const LONGEST_PING: Duration = Duration::from_secs(60 * 60);

/// Limits and timings. `Config::default()` fits dtalk clients and a server on the internet.
///
/// Memory figures are for one session unless stated otherwise; limits without a figure cost nothing
/// while unused.
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
            // Twice the four minutes at which the slowest old servers expected a heartbeat.
            idle_timeout: Duration::from_secs(8 * 60),
            // Proxies and NATs give up after 30 s at the earliest, most after 60.
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
            // A session that comes back costs some 100 us, more with a router that queries a
            // database.
            return_rate: 1_000,
            return_spread: Duration::from_secs(60),
            ticket_key: None,
            trusted_proxies: TrustedProxies::new(),
            devices: DevicePolicy::default(),
            write_bytes: 1024 * 1024,
            rto: Duration::from_secs(2),
            max_rto: Duration::from_secs(60),
            // 2 + 4 + 8 + 16 + 32 + 60 s: two minutes for a client that is connected but silent.
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

/// Defines setters for plain values.
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
    /// Connections open at once, over all shards. Default 1,000,000.
    ///
    /// Each takes a file descriptor. One more is accepted and closed at once, so that its peer
    /// learns of it. The process's limit of descriptors is the other bound; reaching it pauses
    /// accepting.
    max_connections: usize;
    /// Sessions at once, over all shards, including parked ones. Default 1,000,000, some 450 bytes
    /// each while idle.
    ///
    /// Beyond it, a peer that the router has accepted is turned away; one that resumes its session
    /// is let in.
    max_sessions: usize;
    /// Connections open at once from one address. Default 0: no limit.
    ///
    /// An IPv6 address counts as its /64 network. While this or the next limit is set, accepting
    /// takes a lock, and each address that has or recently had a connection costs about 60 bytes.
    connections_per_address: usize;
    /// Connections a second from one address, in bursts of twice as many. Default 0: no limit. One
    /// more is closed before anything is read from it.
    handshakes_per_address: u32;
    /// From accept to an open session: covers silence, upgrade and authentication. Default 8 s.
    handshake_timeout: Duration;
    /// Authentication attempts of a connection before it is closed. Default 5.
    ///
    /// A peer with a session may authenticate again as often, plus once for each second since.
    auth_attempts: u8;
    /// Silence after which a session is closed; any input counts. Default 8 min; at least twice
    /// every `ping_interval`.
    ///
    /// A peer that can be pinged is pinged after half of it.
    idle_timeout: Duration;
    /// Longest time without output to a peer: a ping is sent then, up to an eighth of it earlier.
    /// Default 25 s; from 100 ms to an hour, or zero for no such pings.
    ///
    /// Pings go to every WebSocket peer, whose library answers them, and to peers of the comet
    /// dialect, which are told this time as their own; the other dialects have no ping over TCP.
    /// They keep a connection open in proxies that close idle ones. Each costs an idle session a
    /// write and a read.
    ping_interval: Duration;
    /// Longest time for a closing connection to send its remaining output and see the peer close.
    /// Default 2 s.
    close_timeout: Duration;
    /// Time for which a session outlives its connection, if its peer speaks the comet dialect, or
    /// its [`Identity`](crate::Identity) names a device. Default zero: not at all.
    ///
    /// A parked session costs as much as a connected one, plus the deliveries kept for it up to
    /// `queue` and `queue_bytes`; later ones are lost with a [`Gap`](crate::Gap).
    resume_ttl: Duration;
    /// Parked sessions of one user. Default 16, about 1 KiB each beside the deliveries kept for
    /// them; one more ends the oldest.
    parked_per_user: usize;
    /// Longest time for which a peer may take no output. Default 20 s.
    write_timeout: Duration;
    /// Longest time for which sent data may stay unacknowledged by the peer's system before the
    /// local system gives the connection up (`TCP_USER_TIMEOUT`). Default 25 s; above
    /// `write_timeout`, or zero for the system's own limit, which may be a quarter of an hour.
    ///
    /// It detects peers that disappear while data is in transit to them. A peer that is present and
    /// reads nothing for that long, while data for it waits in the system's buffers, is given up as
    /// well; with more data than these buffers take it ends earlier, by `write_timeout`. On Linux.
    user_timeout: Duration;
    /// Time within which the system detects a dead peer on an idle connection (TCP keepalive).
    /// Default 60 s: probes after half of it. At least 2 s, or zero for no probes.
    keepalive: Duration;
    /// Time in which an open session must finish a message that it has begun, from the arrival of
    /// its first byte. Default 30 s; not zero.
    ///
    /// A WebSocket message includes all its fragments and the control frames between them. The time
    /// does not run while the gateway does not read, for `inbox` or `write_bytes`. Beyond it the
    /// connection ends as [`Closed::Unfinished`](crate::Closed::Unfinished). The longest message,
    /// of `max_body`, must fit in it on the slowest network.
    message_timeout: Duration;
    /// Longest body of a frame, and of a WebSocket message with its frame heads. Default 16,384.
    ///
    /// The received part of a body is held, and charged to `memory_budget`, for `message_timeout`.
    max_body: usize;
    /// Fragments of one WebSocket message. Default 1,024.
    max_fragments: u32;
    /// Longest WebSocket upgrade request. Default 8,192 bytes, held until it is complete.
    max_upgrade: usize;
    /// Headers of an upgrade request. Default 64.
    max_upgrade_headers: usize;
    /// Unsettled messages of one session. Default 64.
    ///
    /// At the limit the connection is not read, which puts back-pressure on its peer.
    inbox: u16;
    /// Acked deliveries in flight: sent and not yet acknowledged. Default 256, 16 bytes each.
    ///
    /// [`Lane::Signal`](crate::Lane::Signal) may go an eighth beyond it, at least one.
    window: u16;
    /// Bytes of acked deliveries in flight. Default 256 KiB; one delivery may always fly.
    window_bytes: usize;
    /// Entries that wait for room in the window: single deliveries, 16 bytes each and a reference
    /// to the shared body, and places in rooms' logs, 80 bytes each whatever the backlog. Default
    /// 1,024; see `overflow` for one more.
    queue: usize;
    /// Bytes of single deliveries that wait for room in the window. Default 1 MiB.
    queue_bytes: usize;
    /// Policy for a session that exceeds `queue`, `queue_bytes`, `room_log` or `room_log_bytes`,
    /// unless overridden by its [`Identity`](crate::Identity::overflow). Default: it is parked.
    overflow: Overflow;
    /// Acked deliveries of a room that are kept, once on each shard, for members that have not read
    /// them. Default 4,096, 8 bytes each and the body. Nothing is kept while all members keep up.
    room_log: usize;
    /// Bytes of this log. Default 4 MiB for each room that has slow members.
    room_log_bytes: usize;
    /// Keys of latest deliveries that wait for a session that is parked or not writable. Default
    /// 64, 8 bytes each and a reference to the body; beyond it the stalest is dropped, and counted
    /// among the losses that the peer is told.
    latest_keys: usize;
    /// Bytes that may wait in the whole process: bodies, windows, queues, room logs, recorded
    /// answers, bytes on their way to sockets, commands in mailboxes, and input that is unfinished
    /// or not processed yet. Default 1 GiB.
    ///
    /// Shared data counts once. From three quarters on, best-effort deliveries are dropped for
    /// sessions with a backlog of more than three sixteenths of it divided by the open sessions;
    /// from seven eighths on, rooms drop half of their logs, and the heaviest stalled session loses
    /// its backlog, then its connection, then itself; from fifteen sixteenths on, no new session is
    /// let in unless a stalled one could give way. Data that cannot be charged even then is given
    /// up, input with its connection. Losses are reported to the session by a [`Gap`](crate::Gap).
    /// Not included: idle sessions, and the system's buffers.
    memory_budget: usize;
    /// Authentications a second, over all shards, in bursts of a tenth of a second. Default 0: no
    /// limit.
    ///
    /// One more is turned away before the router is asked. A peer of the comet dialect is told when
    /// to come back, each at a different time, so that a crowd comes back at this rate.
    handshake_rate: u32;
    /// Longest time for which a refused or turned-away connection is held before it is closed, if
    /// its dialect cannot tell the peer when to come back: dtalk and goim. Each is held from two
    /// fifths of it to all of it. Default 5 s; zero: closed at once.
    ///
    /// This slows down clients that retry as soon as they are closed, instead of costing the router
    /// a check of their credentials each time. A refusal after which the peer may try again on the
    /// same connection is sent at once, and nothing is held.
    refusal_hold: Duration;
    /// Connections held at once for that, over all shards, and at most a quarter of
    /// `max_connections`. Default 10,000, some 300 bytes and a socket each; one more is closed at
    /// once.
    held_refusals: usize;
    /// Sessions a second, over all shards, that a draining gateway asks to come back, counted from
    /// when all have been told. Default 1,000; 0: all at once. A lone peer is thus asked to come
    /// back at once, and a crowd of 20,000 over 20 s.
    return_rate: u32;
    /// Longest time over which their return is spread, whatever `return_rate`. Default 60 s.
    return_spread: Duration;
    /// Sessions a user may have, per device class. Default: no limit.
    devices: DevicePolicy;
    /// Bytes that wait for the socket. Default 1 MiB.
    ///
    /// Beyond it best-effort deliveries are dropped and counted, and the connection is not read
    /// until the backlog is smaller.
    write_bytes: usize;
    /// Initial and minimum retransmission time-out of a delivery. Default 2 s.
    rto: Duration;
    /// Maximum time-out after back-off. Default 60 s.
    max_rto: Duration;
    /// Transmissions of a delivery before the session is closed as unresponsive. Default 7.
    delivery_attempts: u8;
    /// Rooms of one session. Default 1,000, 16 bytes each.
    rooms_per_session: usize;
    /// Messages a second of one session, in bursts of twice as many. Default 0: no limit. A session
    /// that exceeds it is closed. Messages by other ways, over HTTP for instance, are for the
    /// embedder to count.
    message_rate: u32;
    /// Commands that may wait for one shard. Default 65,536, about 100 bytes each and a reference
    /// to their body.
    mailbox: usize;
    /// Read buffer of a shard. Default 256 KiB, one for each shard.
    ///
    /// A session that is not read because of `inbox` or `write_bytes` may hold as much unprocessed
    /// input.
    read_buffer: usize;
    /// Connections that a shard accepts before it serves the existing ones. Default 64.
    accept_batch: usize;
    /// System interface by which shards read from and write to sockets. Default [`Io::Auto`].
    ///
    /// A ring costs a shard about 20 KiB of the kernel's memory, and a file descriptor.
    io: Io;
}

impl Config {
    /// Proxies that are trusted to name the clients of the connections they forward. Default: none.
    ///
    /// WebSocket connections through one count for the address in the header of their upgrade
    /// request, which [`Connect::remote`](crate::Connect::remote) shows; one beyond the limit of
    /// its address is answered 429. If none is named, and for plain TCP, no limit per address
    /// applies.
    #[must_use]
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.trusted_proxies = proxies;
        self
    }

    /// Secret under which resume tickets are sealed. Default: random at each start.
    ///
    /// With the same secret, the next process can read the tickets of this one: the sessions are
    /// gone, but the times at which their peers were asked to come back are known.
    #[must_use]
    pub fn ticket_key(mut self, secret: [u8; 32]) -> Self {
        self.ticket_key = Some(secret);
        self
    }

    /// `ping_interval` of connections that were [adopted](crate::Adoption). Default:
    /// `ping_interval`.
    #[must_use]
    pub fn adopted_ping_interval(mut self, value: Duration) -> Self {
        self.adopted_ping_interval = Some(value);
        self
    }
}

/// Omits the secret, and settings that are rarely changed.
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
