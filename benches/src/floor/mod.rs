//! Lower bound of a WebSocket server with rooms: one thread, one poll, one frame for all members,
//! no limits to speak of, no timers. The cost of a gateway is measured against it.
//!
//! `GET /room/NAME` joins a room, and every message goes to all its members, the sender included;
//! `GET /echo` gets its messages back. That is what the relay does with `--dialect raw`.
//!
//! Not here: everything that a server needs among strangers.

mod command;
mod connection;
mod frames;
mod rooms;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use comet_protocol::ws::handshake::{HandshakeLimits, Parse, parse, write_accept};
use comet_protocol::ws::{Opcode, write_frame};
pub use command::{Options, serve};
use connection::{Connection, PeerState};
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use rooms::Rooms;
use socket2::{Domain, Socket, Type};

/// Way of writing a room's messages.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// Each message by itself, as soon as it is read.
    Write,
    /// All messages of one wake-up in one write for each member.
    #[default]
    Batch,
}

/// The server.
#[derive(Debug)]
pub struct Floor {
    poll: Poll,
    events: Events,
    listener: TcpListener,
    address: SocketAddr,
    mode: Mode,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    rooms: Rooms,
    buffer: Vec<u8>,
    frame: Vec<u8>,
}

const LISTENER: Token = Token(usize::MAX);
/// Longest message, and the bytes before it in one read.
const BUFFER: usize = 1 << 20;
/// A speaker who does not stop is sent in parts.
const BATCH: usize = 1 << 18;
const BACKLOG: i32 = 4_096;

/// Reasons for the end of a connection.
#[derive(Debug)]
enum End {
    /// The peer is gone, or has sent a close.
    Gone,
    /// It sent something that the floor does not understand.
    Broken,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl Floor {
    /// Listens at an address.
    ///
    /// # Errors
    ///
    /// When the address cannot be had.
    pub fn bind(address: SocketAddr, mode: Mode) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let mut listener = TcpListener::from_std(socket.into());
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(1_024),
            address: listener.local_addr()?,
            listener,
            mode,
            connections: Vec::new(),
            free: Vec::new(),
            rooms: Rooms::default(),
            buffer: vec![0; BUFFER],
            frame: Vec::new(),
        })
    }

    /// The address it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for something to do, and does it.
    ///
    /// # Errors
    ///
    /// When the poll fails.
    pub fn turn(&mut self, most: Option<Duration>) -> io::Result<()> {
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        let polled = self.poll.poll(&mut events, most);
        for event in &events {
            match event.token() {
                LISTENER => self.accept(),
                Token(at) => {
                    if event.is_writable() {
                        self.send(at, &[]);
                    }
                    if event.is_readable() && self.read(at).is_err() {
                        self.close(at);
                    }
                }
            }
        }
        self.events = events;
        while let Some(room) = self.rooms.next_spoken() {
            self.send_batch(room);
        }
        match polled {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }

    /// Accepts all waiting connections; without descriptors they wait on.
    fn accept(&mut self) {
        while let Ok((mut socket, _)) = self.listener.accept() {
            let at = self.free.pop().unwrap_or(self.connections.len());
            let both = Interest::READABLE | Interest::WRITABLE;
            // A socket that cannot be polled is dropped, and thereby closed.
            let registered = self.poll.registry().register(&mut socket, Token(at), both);
            let connection = Connection::new(socket);
            let connection = registered.and(connection).ok();
            if connection.is_none() {
                self.free.push(at);
            }
            if at == self.connections.len() {
                self.connections.push(connection);
            } else {
                self.connections[at] = connection;
            }
        }
    }

    fn read(&mut self, at: usize) -> Result<(), End> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let outcome = self.read_into(at, &mut buffer);
        self.buffer = buffer;
        outcome
    }

    fn read_into(&mut self, at: usize, buffer: &mut [u8]) -> Result<(), End> {
        loop {
            let Some(Some(connection)) = self.connections.get_mut(at) else { return Ok(()) };
            let Some((len, is_all)) = connection.read(buffer)? else { return Ok(()) };
            let used = self.take(at, &mut buffer[..len])?;
            if used == 0 && len == buffer.len() {
                return Err(End::Broken);
            }
            if let Some(Some(connection)) = self.connections.get_mut(at) {
                connection.keep_unread(&buffer[used..len]);
            }
            if is_all {
                return Ok(());
            }
        }
    }

    /// Handles complete frames; returns their length.
    fn take(&mut self, at: usize, input: &mut [u8]) -> Result<usize, End> {
        let mut used = 0;
        let mut state = self.state_of(at);
        if state == PeerState::New {
            used = self.upgrade(at, input)?;
            state = self.state_of(at);
            if state == PeerState::New {
                return Ok(0);
            }
        }
        while let Some(frame) = frames::next(&mut input[used..])? {
            let payload = &input[used..][frame.payload.clone()];
            match frame.opcode {
                Opcode::Text | Opcode::Binary => {
                    self.handle_message(at, state, frame.opcode, payload)
                }
                Opcode::Ping => self.reply(at, Opcode::Pong, payload),
                Opcode::Pong => {}
                Opcode::Close => {
                    self.reply(at, Opcode::Close, payload);
                    return Err(End::Gone);
                }
                Opcode::Continuation => return Err(End::Broken),
            }
            used += frame.payload.end;
        }
        Ok(used)
    }

    fn upgrade(&mut self, at: usize, input: &[u8]) -> Result<usize, End> {
        let parsed = parse(input, 0, &HandshakeLimits::default()).map_err(|_| End::Broken)?;
        let Parse::Complete { request, consumed } = parsed else { return Ok(0) };
        let state = match request.path().strip_prefix("/room/") {
            Some(name) if !name.is_empty() => self.rooms.join(name, at),
            _ if request.path() == "/echo" => PeerState::Echo,
            _ => return Err(End::Broken),
        };
        if let Some(Some(connection)) = self.connections.get_mut(at) {
            connection.state = state;
        }
        let mut answer = Vec::new();
        write_accept(&mut answer, request.key(), None);
        self.send(at, &answer);
        Ok(consumed)
    }

    fn state_of(&self, at: usize) -> PeerState {
        self.connections.get(at).and_then(Option::as_ref).map_or(PeerState::New, |it| it.state)
    }

    fn handle_message(&mut self, at: usize, state: PeerState, opcode: Opcode, payload: &[u8]) {
        match (state, self.mode) {
            (PeerState::Room { room, .. }, Mode::Batch) => {
                let batch = self.rooms.batch(room);
                write_frame(batch, opcode, payload);
                if batch.len() > BATCH {
                    self.send_batch(room);
                }
            }
            (PeerState::Room { room, .. }, Mode::Write) => {
                let mut frame = std::mem::take(&mut self.frame);
                frame.clear();
                write_frame(&mut frame, opcode, payload);
                self.broadcast(room, &frame);
                self.frame = frame;
            }
            (PeerState::Echo, _) => self.reply(at, opcode, payload),
            (PeerState::New, _) => {}
        }
    }

    fn reply(&mut self, at: usize, opcode: Opcode, payload: &[u8]) {
        let mut frame = std::mem::take(&mut self.frame);
        frame.clear();
        write_frame(&mut frame, opcode, payload);
        self.send(at, &frame);
        self.frame = frame;
    }

    fn send_batch(&mut self, room: u32) {
        let batch = self.rooms.take_batch(room);
        if !batch.is_empty() {
            self.broadcast(room, &batch);
        }
        self.rooms.give_back(room, batch);
    }

    fn broadcast(&mut self, room: u32, bytes: &[u8]) {
        let members = self.rooms.take_members(room);
        for at in &members {
            self.send(*at as usize, bytes);
        }
        self.rooms.put_members(room, members);
    }

    /// Sends bytes now or queues them; a peer with too many queued is cut off when it is read.
    fn send(&mut self, at: usize, bytes: &[u8]) {
        if let Some(Some(connection)) = self.connections.get_mut(at) {
            connection.send(bytes);
        }
    }

    fn close(&mut self, at: usize) {
        let Some(connection) = self.connections.get_mut(at).and_then(Option::take) else { return };
        self.free.push(at);
        if let PeerState::Room { room, slot } = connection.state
            && let Some(moved) = self.rooms.leave(room, slot)
            && let Some(Some(moved)) = self.connections.get_mut(moved)
        {
            moved.state = PeerState::Room { room, slot };
        }
    }
}

#[cfg(test)]
mod tests;
