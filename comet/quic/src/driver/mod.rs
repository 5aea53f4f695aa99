//! A thread of a listener: a socket, an endpoint, and the connections that began there.
//!
//! A turn takes what other threads have sent, then datagrams, then timers; drives the connections
//! that have something to do, and begins handshakes last, so that a flood of them does not hold up
//! established connections.

mod connections;
mod gate;
pub(crate) mod ids;
mod seat;
mod socket;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use comet::{Client, Gateway};
use mio::{Events, Poll, Token};
use quinn_proto::crypto::HmacKey;
use quinn_proto::{
    ConnectionHandle, DatagramEvent, Endpoint, EndpointConfig, EndpointEvent, Incoming,
    ServerConfig,
};

use crate::clock;
use crate::config::Config;
use crate::connection::{Code, Connection, Surroundings};
use crate::counters::{Count, Counters};
use crate::inbox::{Datagram, Inbox, Letters};
use crate::link::End;
use connections::Connections;
use gate::{BEGIN_AT_ONCE, Gate, Verdict};
use ids::Ids;
pub(crate) use seat::Seat;
use socket::Socket;

const SOCKET: Token = Token(0);
pub(crate) const WAKER: Token = Token(1);

/// Batches of datagrams received in one turn.
const BATCHES: usize = 8;

/// Datagrams sent for one connection in one turn.
const DATAGRAMS: usize = 64;

/// What the threads of a listener share.
pub(crate) struct Shared {
    pub(crate) gateway: Gateway,
    pub(crate) config: Config,
    pub(crate) counters: Counters,
    /// By the index of the thread.
    pub(crate) inboxes: Vec<Arc<Inbox>>,
}

/// A thread's state.
pub(crate) struct Driver {
    index: usize,
    shared: Arc<Shared>,
    poll: Poll,
    socket: Socket,
    endpoint: Endpoint,
    connections: Connections,
    gate: Gate,
    letters: Letters,
    /// Datagrams may be there that have not been received.
    is_readable: bool,
    /// End of the patience with clients of a listener that is being stopped.
    stops_at: Option<Instant>,
    /// Reused: datagrams to be sent, numbers of connections, bytes on their way.
    buffer: Vec<u8>,
    numbers: Vec<usize>,
    pieces: Vec<Bytes>,
}

impl Driver {
    pub(crate) fn new(
        index: u8,
        seat: Seat,
        shared: Arc<Shared>,
        reset_key: Arc<dyn HmacKey>,
        server: Arc<ServerConfig>,
    ) -> Self {
        let Seat { poll, socket } = seat;
        let mut config = EndpointConfig::new(reset_key);
        config.cid_generator(move || Box::new(Ids::new(index)));
        let mtu = socket.is_unfragmented();
        Self {
            index: index.into(),
            shared,
            poll,
            socket,
            endpoint: Endpoint::new(Arc::new(config), Some(server), mtu, None),
            connections: Connections::default(),
            gate: Gate::default(),
            letters: Letters::default(),
            is_readable: true,
            stops_at: None,
            buffer: Vec::new(),
            numbers: Vec::new(),
            pieces: Vec::new(),
        }
    }

    /// Runs until the listener is stopped and its clients know.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(8);
        loop {
            let patience = self.patience();
            match self.poll.poll(&mut events, patience) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    tracing::error!(%error, "a thread of a QUIC listener cannot wait");
                    return;
                }
                _ => {}
            }
            for event in events.iter().filter(|event| event.token() == SOCKET) {
                self.is_readable |= event.is_readable();
                if event.is_writable() {
                    self.socket.unblock();
                }
            }
            let now = clock::now();
            self.turn(now);
            if self.is_over(now) {
                return;
            }
        }
    }

    /// Time to wait for events.
    fn patience(&self) -> Option<Duration> {
        let can_drive = self.connections.has_touched() && !self.socket.is_blocked();
        if self.is_readable || can_drive || self.gate.has_waiting() {
            return Some(Duration::ZERO);
        }
        let next = [self.connections.next_timer(), self.stops_at].into_iter().flatten().min();
        next.map(|next| next.saturating_duration_since(clock::now()))
    }

    fn turn(&mut self, now: Instant) {
        self.read_letters(now);
        self.receive(now);
        self.connections.fire(now);
        self.drive(now);
        for _ in 0..BEGIN_AT_ONCE {
            let Some(incoming) = self.gate.next() else { break };
            self.begin(incoming, now);
        }
    }

    fn read_letters(&mut self, now: Instant) {
        let mut letters = std::mem::take(&mut self.letters);
        self.shared.inboxes[self.index].take(&mut letters);
        for number in letters.touched.drain(..) {
            self.connections.touch(number);
        }
        for datagram in letters.datagrams.drain(..) {
            self.take_datagram(datagram, now);
        }
        if letters.is_stopped && self.stops_at.is_none() {
            self.stop(now);
        }
        self.letters = letters;
    }

    fn receive(&mut self, now: Instant) {
        let mut datagrams = Vec::new();
        for _ in 0..BATCHES {
            let received = self.socket.receive(|meta, bytes| {
                let mut bytes = BytesMut::from(bytes);
                let (remote, local, ecn) = (meta.addr, meta.dst_ip, socket::ecn(meta));
                while !bytes.is_empty() {
                    let bytes = bytes.split_to(meta.stride.clamp(1, bytes.len()));
                    datagrams.push(Datagram { remote, local, ecn, bytes });
                }
            });
            self.is_readable = received.is_ok();
            self.shared.counters.add(Count::Received, datagrams.len());
            for datagram in datagrams.drain(..) {
                self.route(datagram, now);
            }
            match received {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    tracing::warn!(%error, "a QUIC listener cannot receive");
                    return;
                }
            }
        }
    }

    /// Takes a datagram, or hands it to the thread whose connection it is for.
    fn route(&mut self, datagram: Datagram, now: Instant) {
        let thread = ids::thread_of(&datagram.bytes).filter(|thread| *thread != self.index);
        let Some(inbox) = thread.and_then(|thread| self.shared.inboxes.get(thread)) else {
            return self.take_datagram(datagram, now);
        };
        let count = if inbox.forward(datagram) { Count::Forwarded } else { Count::Unforwarded };
        self.shared.counters.add(count, 1);
    }

    fn take_datagram(&mut self, datagram: Datagram, now: Instant) {
        let Datagram { remote, local, ecn, bytes } = datagram;
        self.buffer.clear();
        match self.endpoint.handle(now, remote, local, ecn, bytes, &mut self.buffer) {
            Some(DatagramEvent::ConnectionEvent(ConnectionHandle(number), event)) => {
                self.guard(number, |it| {
                    if let Some(connection) = it.connections.get(number) {
                        connection.handle(event);
                        it.connections.touch(number);
                    }
                });
            }
            Some(DatagramEvent::NewConnection(incoming)) => self.meet(incoming),
            Some(DatagramEvent::Response(transmit)) => {
                self.shared.counters.add(Count::Stray, 1);
                self.socket.send(transmit, &self.buffer);
            }
            None => self.shared.counters.add(Count::Stray, 1),
        }
    }

    /// Decides about a client's first datagram.
    fn meet(&mut self, incoming: Incoming) {
        self.buffer.clear();
        let is_open = self.stops_at.is_none() && !self.shared.gateway.is_draining();
        // A client that was asked before has proved its address, or is not asked again.
        let is_proved = incoming.remote_address_validated() || !incoming.may_retry();
        let counters = &self.shared.counters;
        match self.gate.judge(&self.shared.config, is_proved, is_open) {
            Verdict::Begin => self.gate.wait(incoming),
            Verdict::Retry => {
                counters.add(Count::Retried, 1);
                if let Ok(transmit) = self.endpoint.retry(incoming, &mut self.buffer) {
                    self.socket.send(transmit, &self.buffer);
                }
            }
            Verdict::Drop => {
                counters.add(Count::Dropped, 1);
                self.endpoint.ignore(incoming);
            }
            Verdict::Refuse => self.refuse(incoming),
        }
    }

    fn refuse(&mut self, incoming: Incoming) {
        self.shared.counters.add(Count::Refused, 1);
        self.buffer.clear();
        let transmit = self.endpoint.refuse(incoming, &mut self.buffer);
        self.socket.send(transmit, &self.buffer);
    }

    /// Begins a handshake. A client that has proved its address takes its place first, so that the
    /// limits of addresses spare the work.
    fn begin(&mut self, incoming: Incoming, now: Instant) {
        let address = incoming.remote_address().ip().to_canonical();
        let place = match incoming.remote_address_validated() {
            true => match self.shared.gateway.reserve_stream(Client::Direct(address)) {
                Ok(place) => Some(place),
                Err(_) => return self.refuse(incoming),
            },
            false => None,
        };
        self.buffer.clear();
        match self.endpoint.accept(incoming, now, &mut self.buffer, None) {
            Ok((handle, quic)) => {
                let deadline = now + self.shared.config.deadline;
                self.connections.insert(handle.0, Connection::new(quic, handle, place, deadline));
                self.gate.begun();
                self.shared.counters.came();
                self.shared.counters.add(Count::Begun, 1);
            }
            Err(error) => {
                self.shared.counters.add(Count::Failed, 1);
                if let Some(transmit) = error.response {
                    self.socket.send(transmit, &self.buffer);
                }
            }
        }
    }

    /// Drives the connections that have something to do.
    fn drive(&mut self, now: Instant) {
        let mut numbers = std::mem::take(&mut self.numbers);
        self.connections.take_touched(&mut numbers);
        for number in numbers.drain(..) {
            if self.socket.is_blocked() {
                self.connections.touch(number);
            } else {
                self.guard(number, |it| it.drive_one(number, now));
            }
        }
        self.numbers = numbers;
    }

    /// Does something with one connection. A panic over it is its end, and that of no other.
    fn guard(&mut self, number: usize, work: impl FnOnce(&mut Self)) {
        let was_handshaking = self.connections.get(number).is_some_and(|it| it.is_handshaking());
        let outcome = catch_unwind(AssertUnwindSafe(|| work(self)));
        let Err(_) = outcome else { return };
        // They may be its bytes.
        self.pieces.clear();
        let Some(connection) = self.connections.get(number) else { return };
        tracing::error!(remote = %connection.remote(), "a QUIC connection panicked: dropped");
        connection.lose(End::Lost(io::ErrorKind::ConnectionAborted));
        self.connections.remove(number);
        self.endpoint.handle_event(ConnectionHandle(number), EndpointEvent::drained());
        self.shared.counters.add(Count::Failed, 1);
        self.shared.counters.went();
        if was_handshaking {
            self.gate.ended();
        }
    }

    fn drive_one(&mut self, number: usize, now: Instant) {
        let Some(connection) = self.connections.get(number) else { return };
        let was_handshaking = connection.is_handshaking();
        connection.drive(&mut Surroundings {
            now,
            gateway: &self.shared.gateway,
            config: &self.shared.config,
            counters: &self.shared.counters,
            inbox: &self.shared.inboxes[self.index],
            pieces: &mut self.pieces,
        });
        let mut is_drained = false;
        while let Some(event) = connection.poll_endpoint() {
            is_drained |= event.is_drained();
            if let Some(answer) = self.endpoint.handle_event(ConnectionHandle(number), event) {
                connection.handle(answer);
            }
        }
        if was_handshaking && (is_drained || !connection.is_handshaking()) {
            self.gate.ended();
        }
        if is_drained {
            self.connections.remove(number);
            self.shared.counters.went();
            return;
        }
        let segments = self.socket.segments();
        let mut sent = 0;
        while sent < DATAGRAMS && !self.socket.is_blocked() {
            self.buffer.clear();
            let Some(transmit) = connection.poll_transmit(now, segments, &mut self.buffer) else {
                break;
            };
            sent += transmit.segment_size.map_or(1, |size| transmit.size.div_ceil(size));
            self.socket.send(transmit, &self.buffer);
        }
        self.shared.counters.add(Count::Sent, sent);
        if sent >= DATAGRAMS || self.socket.is_blocked() {
            self.connections.touch(number);
        }
        self.connections.rearm(number);
    }

    /// Begins to end: connections are closed, but for those whose last bytes are on their way.
    fn stop(&mut self, now: Instant) {
        self.stops_at = Some(now + self.shared.config.linger);
        while let Some(incoming) = self.gate.next() {
            self.refuse(incoming);
        }
        let mut numbers = Vec::new();
        for (number, connection) in self.connections.all() {
            connection.stop(now);
            numbers.push(number);
        }
        numbers.into_iter().for_each(|number| self.connections.touch(number));
    }

    /// Whether the thread ends.
    fn is_over(&mut self, now: Instant) -> bool {
        let Some(stops_at) = self.stops_at else { return false };
        if now >= stops_at {
            let mut numbers = Vec::new();
            for (number, connection) in self.connections.all() {
                connection.close(now, Code::GoingAway);
                numbers.push(number);
            }
            numbers.into_iter().for_each(|number| self.connections.touch(number));
            self.drive(now);
            return true;
        }
        let is_told = !self.connections.has_touched() && !self.socket.is_blocked();
        is_told && self.connections.all().all(|(_, connection)| connection.is_closed())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        for _ in self.connections.all() {
            self.shared.counters.went();
        }
    }
}
