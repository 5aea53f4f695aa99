//! A session that changes its connection while the older one still works: make before break.
//!
//! The newer connection resumes the session by its ticket. Until its welcome everything that comes
//! by the older one is read, and from then on nothing: the server gives the newer one what the
//! auth did not list, so that repeats are dropped and nothing is missing.
//!
//! Not here: which transport to change to, and when.

use bytes::Bytes;

use super::Time;
use super::connection::Connection;
use super::event::{Event, Link};
use super::session::{ClientSession, State};
use super::successor::Successor;
use crate::Frame;
use crate::comet::ServerFrame;

impl ClientSession {
    /// Requests a second connection, which takes over once the server has welcomed it; the first
    /// one works until then. Answer with [`handle_connected`](Self::handle_connected) or
    /// [`handle_disconnected`](Self::handle_disconnected); its output is that of
    /// [`poll_transmit_on`](Self::poll_transmit_on). [`link`](Self::link) tells which one the
    /// session is on; [`Event::Disconnect`] names the one to be closed.
    ///
    /// An attempt that fails changes nothing. If the first connection is lost meanwhile, the
    /// session goes on with the second.
    ///
    /// `None` if the session is not open, cannot be resumed, or has such a connection already.
    pub fn switch(&mut self, now: Time) -> Option<Link> {
        let may_switch = matches!(self.state, State::Open)
            && self.successor.is_none()
            && !self.ticket.is_empty()
            && !self.connection.is_ending();
        if !may_switch {
            return None;
        }
        self.now = now;
        let link = self.next_link();
        let connection = Connection::of(link);
        self.successor = Some(Box::new(Successor { connection, deadline: None }));
        Some(link)
    }

    /// The connection, or attempt, that the session is on.
    #[must_use]
    pub const fn link(&self) -> Link {
        self.connection.link()
    }

    /// As [`poll_transmit`](Self::poll_transmit), for either connection of a session that
    /// [switches](Self::switch).
    pub fn poll_transmit_on(&mut self, link: Link) -> Option<Bytes> {
        if link == self.link() {
            return self.poll_transmit();
        }
        let successor = self.successor_of(link)?;
        if !successor.connection.take_auth() {
            return None;
        }
        let mut out = Vec::new();
        self.write_auth(link, &mut out);
        Some(out.into())
    }

    pub(super) fn successor_of(&mut self, link: Link) -> Option<&mut Successor> {
        self.successor.as_deref_mut().filter(|successor| successor.connection.link() == link)
    }

    /// Deadline of the second connection.
    pub(super) fn successor_deadline(&self) -> Option<Time> {
        self.successor.as_ref()?.deadline
    }

    pub(super) fn connect_successor(&mut self, now: Time, link: Link) {
        let max_body = usize::try_from(self.config.max_body).unwrap_or(usize::MAX);
        let deadline = now + self.config.handshake_timeout;
        if let Some(successor) = self.successor_of(link)
            && successor.deadline.is_none()
        {
            successor.connection.open(max_body);
            successor.deadline = Some(deadline);
        }
    }

    /// Handles bytes of the second connection, up to its welcome.
    pub(super) fn read_successor(&mut self, now: Time, link: Link, bytes: &[u8]) {
        if let Some(successor) = self.successor_of(link) {
            successor.connection.push(bytes);
        }
        while let Some(successor) = self.successor_of(link) {
            match successor.connection.next_frame() {
                Ok(Some(frame)) => self.judge_successor(now, link, frame),
                Ok(None) => return,
                Err(_broken) => return self.drop_successor(),
            }
        }
        // Frames behind the welcome are those of the session.
        self.handle_bytes(now, link, &[]);
    }

    /// Handles the answer to the auth of the second connection.
    pub(super) fn judge_successor(&mut self, now: Time, link: Link, Frame { head, body }: Frame) {
        match ServerFrame::decode(head, body) {
            Ok(ServerFrame::Welcome { welcome, .. }) => {
                let older = self.link();
                if self.successor_of(link).is_some() && self.promote() {
                    self.events.push_back(Event::Disconnect(older));
                    self.open(now, welcome);
                }
            }
            Ok(ServerFrame::Unknown { .. }) => {}
            // A refusal of the ticket, for instance: the session is where it was.
            _ => self.drop_successor(),
        }
    }

    /// Gives up the second connection.
    pub(super) fn drop_successor(&mut self) {
        if let Some(successor) = self.successor.take() {
            self.events.push_back(Event::Disconnect(successor.connection.link()));
        }
    }

    /// The session goes on with the second connection, if there is one.
    pub(super) fn promote(&mut self) -> bool {
        let Some(successor) = self.successor.take() else { return false };
        let Successor { connection, deadline } = *successor;
        self.connection = connection;
        self.state = match deadline {
            Some(deadline) => State::Authenticating { deadline },
            None => State::Connecting,
        };
        true
    }
}
