//! One peer of the floor: its socket, and unsent bytes.

use std::io::{self, Read, Write};

use mio::net::TcpStream;

/// State of a peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PeerState {
    /// It has not sent its request.
    New,
    /// In a room, at this place of the list of members.
    Room {
        /// The room.
        room: u32,
        /// Index in the room's list.
        slot: u32,
    },
    /// By itself.
    Echo,
}

/// A peer. Few ever have bytes that wait, so these are elsewhere.
#[derive(Debug)]
pub(super) struct Connection {
    socket: TcpStream,
    pub(super) state: PeerState,
    waiting: Option<Box<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    unread: Vec<u8>,
    unsent: Vec<u8>,
}

/// Limit of unsent bytes of one peer; slower readers are cut off.
const UNSENT: usize = 64 << 20;

impl Connection {
    pub(super) fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Self { socket, state: PeerState::New, waiting: None })
    }

    /// Reads behind the kept bytes; returns their number now, and whether the socket is empty.
    /// `None` when nothing new has come.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<(usize, bool)>> {
        let kept = self.waiting.as_ref().map_or(0, |waiting| waiting.unread.len());
        if let Some(waiting) = &mut self.waiting {
            buffer[..kept].copy_from_slice(&waiting.unread);
        }
        match self.socket.read(&mut buffer[kept..]) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            // A stream that gave less than the buffer takes has no more.
            Ok(len) => Ok(Some((kept + len, kept + len < buffer.len()))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps the beginning of an incomplete frame.
    pub(super) fn keep_unread(&mut self, bytes: &[u8]) {
        if bytes.is_empty() && self.waiting.is_none() {
            return;
        }
        let waiting = self.waiting.get_or_insert_default();
        waiting.unread.clear();
        waiting.unread.extend_from_slice(bytes);
        self.shrink();
    }

    /// Sends as much as fits, after the unsent bytes; the rest waits.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        if let Some(waiting) = &mut self.waiting
            && !waiting.unsent.is_empty()
        {
            waiting.unsent.extend_from_slice(bytes);
            let sent = self.socket.write(&waiting.unsent).unwrap_or(0);
            waiting.unsent.drain(..sent);
            if waiting.unsent.len() > UNSENT {
                // The poll reports it, as for a peer that has gone.
                let _ = self.socket.shutdown(std::net::Shutdown::Both);
                waiting.unsent = Vec::new();
            }
            self.shrink();
        } else if !bytes.is_empty() {
            // If the socket is broken, the poll reports it.
            let sent = self.socket.write(bytes).unwrap_or(0);
            if sent < bytes.len() {
                self.waiting.get_or_insert_default().unsent.extend_from_slice(&bytes[sent..]);
            }
        }
    }

    /// Frees the buffers of peers without unsent bytes.
    fn shrink(&mut self) {
        let waiting = self.waiting.as_ref();
        if waiting.is_some_and(|it| it.unread.is_empty() && it.unsent.is_empty()) {
            self.waiting = None;
        }
    }
}
