//! quinn-proto on one socket: the loop that both sides share, as small as it can be.

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn_proto::{
    Connection, ConnectionHandle, DatagramEvent, Endpoint, EndpointConfig, Event, ServerConfig,
    Transmit,
};

/// A socket and its connections.
pub(crate) struct Loop {
    socket: UdpSocket,
    pub(crate) endpoint: Endpoint,
    connections: Vec<Option<Box<Entry>>>,
    timers: BTreeSet<(Instant, usize)>,
    buffer: Vec<u8>,
}

struct Entry {
    quic: Connection,
    timer: Option<Instant>,
}

impl Loop {
    pub(crate) fn new(address: SocketAddr, server: Option<Arc<ServerConfig>>) -> Self {
        let socket = UdpSocket::bind(address).expect("an address");
        let sizes = socket2::SockRef::from(&socket);
        sizes.set_recv_buffer_size(4 << 20).expect("SO_RCVBUF");
        sizes.set_send_buffer_size(4 << 20).expect("SO_SNDBUF");
        Self {
            socket,
            endpoint: Endpoint::new(Arc::new(EndpointConfig::default()), server, false, None),
            connections: Vec::new(),
            timers: BTreeSet::new(),
            buffer: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, handle: ConnectionHandle, quic: Connection, now: Instant) {
        if self.connections.len() <= handle.0 {
            self.connections.resize_with(handle.0 + 1, || None);
        }
        self.connections[handle.0] = Some(Box::new(Entry { quic, timer: None }));
        self.drive(handle.0, now, &mut |_, _, _| {});
    }

    /// Waits for datagrams and timers for a short time, and handles them. The caller gets each
    /// event of a connection.
    pub(crate) fn turn(&mut self, on_event: &mut impl FnMut(usize, &mut Connection, Event)) {
        let next = self.timers.first().map(|(timer, _)| *timer);
        let patience = next.map_or(Duration::from_millis(20), |it| it - now().min(it));
        let patience = patience.clamp(Duration::from_micros(100), Duration::from_millis(20));
        self.socket.set_read_timeout(Some(patience)).expect("SO_RCVTIMEO");
        let mut datagram = [0; 1_500];
        for at in 0..256 {
            if at == 1 {
                self.socket.set_nonblocking(true).expect("O_NONBLOCK");
            }
            let Ok((len, from)) = self.socket.recv_from(&mut datagram) else { break };
            self.receive(from, &datagram[..len], on_event);
        }
        self.socket.set_nonblocking(false).expect("O_NONBLOCK");
        let now = now();
        while let Some(&(timer, number)) = self.timers.first()
            && timer <= now
        {
            self.timers.pop_first();
            if let Some(entry) = self.connections[number].as_deref_mut() {
                entry.timer = None;
                entry.quic.handle_timeout(now);
            }
            self.drive(number, now, on_event);
        }
    }

    fn receive(
        &mut self,
        from: SocketAddr,
        datagram: &[u8],
        on_event: &mut impl FnMut(usize, &mut Connection, Event),
    ) {
        let now = now();
        self.buffer.clear();
        match self.endpoint.handle(now, from, None, None, datagram.into(), &mut self.buffer) {
            Some(DatagramEvent::ConnectionEvent(handle, event)) => {
                if let Some(entry) = self.connections[handle.0].as_deref_mut() {
                    entry.quic.handle_event(event);
                }
                self.drive(handle.0, now, on_event);
            }
            Some(DatagramEvent::NewConnection(incoming)) => {
                let accepted = self.endpoint.accept(incoming, now, &mut self.buffer, None);
                if let Ok((handle, quic)) = accepted {
                    self.add(handle, quic, now);
                }
            }
            Some(DatagramEvent::Response(transmit)) => send(&self.socket, &transmit, &self.buffer),
            None => {}
        }
    }

    fn drive(
        &mut self,
        number: usize,
        now: Instant,
        on_event: &mut impl FnMut(usize, &mut Connection, Event),
    ) {
        let Some(entry) = self.connections[number].as_deref_mut() else { return };
        while let Some(event) = entry.quic.poll() {
            on_event(number, &mut entry.quic, event);
        }
        let mut is_drained = false;
        while let Some(event) = entry.quic.poll_endpoint_events() {
            is_drained |= event.is_drained();
            if let Some(event) = self.endpoint.handle_event(ConnectionHandle(number), event) {
                entry.quic.handle_event(event);
            }
        }
        self.buffer.clear();
        while let Some(transmit) = entry.quic.poll_transmit(now, 1, &mut self.buffer) {
            send(&self.socket, &transmit, &self.buffer);
            self.buffer.clear();
        }
        let due = entry.quic.poll_timeout();
        if is_drained {
            entry.timer.map(|timer| self.timers.remove(&(timer, number)));
            self.connections[number] = None;
        } else if let Some(due) = due
            && entry.timer.is_none_or(|timer| due < timer)
        {
            entry.timer.map(|timer| self.timers.remove(&(timer, number)));
            entry.timer = Some(due);
            self.timers.insert((due, number));
        }
    }
}

fn send(socket: &UdpSocket, transmit: &Transmit, contents: &[u8]) {
    // What a full buffer does not take is lost on the way.
    let _ = socket.send_to(&contents[..transmit.size], transmit.destination);
}

#[expect(clippy::disallowed_methods, reason = "a program of its own")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
