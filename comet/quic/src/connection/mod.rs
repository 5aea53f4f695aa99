//! One QUIC connection: from its handshake to its session, and to its end.
//!
//! It is driven by the thread that owns it, does no IO and reads no clock. Not here: whether it may
//! begin (`driver/gate`), when it is driven (`driver/connections`).

pub(crate) mod http3;
mod lanes;
mod prefix;
mod session;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use comet::{Adoption, Client, Gateway, Place};
use quinn_proto::crypto::rustls::HandshakeData;
use quinn_proto::{
    ConnectionError, ConnectionEvent, ConnectionHandle, Dir, EndpointEvent, Event, StreamEvent,
    StreamId, Transmit, VarInt,
};

use crate::config::Config;
use crate::counters::{Count, Counters};
use crate::inbox::Inbox;
use crate::link::{End, Link};
use crate::tls::HTTP3;
use http3::{Found, H3Error, Http};
use lanes::Lanes;
use session::Session;

/// Error code of a stream beyond the session's, and the reason of WebTransport's absence.
const NO_SUCH_STREAM: VarInt = VarInt::from_u32(4);

/// Why a connection was closed, as its client is told (application error codes).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Code {
    /// The session has ended; its last packets say why.
    Ended = 0,
    /// The session's stream did not come in time.
    Overdue = 1,
    /// The server stops or drains: come back later, on another connection.
    GoingAway = 2,
    /// There is no place for another connection, or none for another of this address.
    Busy = 3,
}

impl Code {
    const fn reason(self) -> &'static str {
        match self {
            Self::Ended => "the session has ended",
            Self::Overdue => "no stream in time",
            Self::GoingAway => "going away",
            Self::Busy => "too many connections",
        }
    }
}

/// What a connection is driven in.
pub(crate) struct Surroundings<'a> {
    pub(crate) now: Instant,
    pub(crate) gateway: &'a Gateway,
    pub(crate) config: &'a Config,
    pub(crate) counters: &'a Counters,
    pub(crate) inbox: &'a Arc<Inbox>,
    /// Empty, for bytes on their way.
    pub(crate) pieces: &'a mut Vec<Bytes>,
}

/// A connection in its thread.
pub(crate) struct Connection {
    quic: quinn_proto::Connection,
    handle: ConnectionHandle,
    /// Address of the client, which may change.
    remote: SocketAddr,
    phase: Phase,
    /// Present on connections of WebTransport.
    http: Option<Box<Http>>,
    /// End of the patience with the phase.
    deadline: Option<Instant>,
}

enum Phase {
    /// The place is reserved once the client has proved its address.
    Handshake(Option<Place>),
    /// No stream has come.
    Streamless(Place),
    Open(Session),
    /// Closed, or lost; QUIC keeps it for late datagrams.
    Closed,
}

impl Connection {
    /// A connection whose handshake begins, with a place if its client has proved its address.
    pub(crate) fn new(
        quic: quinn_proto::Connection,
        handle: ConnectionHandle,
        place: Option<Place>,
        deadline: Instant,
    ) -> Self {
        let (remote, phase) = (quic.remote_address(), Phase::Handshake(place));
        Self { quic, handle, remote, phase, http: None, deadline: Some(deadline) }
    }

    pub(crate) const fn remote(&self) -> SocketAddr {
        self.remote
    }

    pub(crate) const fn is_handshaking(&self) -> bool {
        matches!(self.phase, Phase::Handshake(_))
    }

    pub(crate) const fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// Takes what the endpoint has for the connection.
    pub(crate) fn handle(&mut self, event: ConnectionEvent) {
        self.quic.handle_event(event);
    }

    /// Time at which it has to be driven at the latest.
    pub(crate) fn due(&mut self) -> Option<Instant> {
        let timer = self.quic.poll_timeout();
        [timer, self.deadline].into_iter().flatten().min()
    }

    pub(crate) fn poll_endpoint(&mut self) -> Option<EndpointEvent> {
        self.quic.poll_endpoint_events()
    }

    pub(crate) fn poll_transmit(
        &mut self,
        now: Instant,
        datagrams: usize,
        buffer: &mut Vec<u8>,
    ) -> Option<Transmit> {
        self.quic.poll_transmit(now, datagrams, buffer)
    }

    /// Panics if more is kept of its client than there may be.
    pub(crate) fn check(&self) {
        if let Some(http) = &self.http {
            http.check();
        }
    }

    /// Does whatever can be done at present, but for sending.
    pub(crate) fn drive(&mut self, at: &mut Surroundings<'_>) {
        if self.quic.poll_timeout().is_some_and(|timer| timer <= at.now) {
            self.quic.handle_timeout(at.now);
        }
        while let Some(event) = self.quic.poll() {
            self.on_event(event, at);
        }
        self.drive_http(at);
        self.drive_session(at);
        if self.deadline.is_some_and(|deadline| deadline <= at.now) {
            self.expire(at);
        }
        self.watch_address(at.counters);
    }

    /// Closes the connection, unless its session has ended and waits for the client.
    pub(crate) fn stop(&mut self, now: Instant) {
        let is_lingering = matches!(&self.phase, Phase::Open(session) if session.is_dropped());
        if !is_lingering {
            self.close(now, Code::GoingAway);
        }
    }

    /// Closes the connection at once.
    pub(crate) fn close(&mut self, now: Instant, code: Code) {
        let number = match (&self.http, code) {
            (None, code) => code as u32,
            (Some(_), Code::Busy) => H3Error::ExcessiveLoad as u32,
            (Some(_), _) => H3Error::None as u32,
        };
        let reason = Bytes::from_static(code.reason().as_bytes());
        self.close_as(now, number, reason, End::Lost(ErrorKind::ConnectionAborted));
    }

    fn close_as(&mut self, now: Instant, code: u32, reason: Bytes, end: End) {
        if !self.is_closed() {
            self.lose(end);
            self.quic.close(now, VarInt::from_u32(code), reason);
        }
    }

    fn on_event(&mut self, event: Event, at: &Surroundings<'_>) {
        match event {
            Event::Connected => self.establish(at),
            Event::ConnectionLost { reason } => {
                count_loss(&reason, at.counters);
                self.lose(session::end_of(&reason));
            }
            // Early data waits for the end of the handshake: it is no repetition then.
            Event::Stream(StreamEvent::Opened { dir: Dir::Bi }) if self.is_handshaking() => {}
            Event::Stream(StreamEvent::Opened { dir: Dir::Bi }) => self.accept_streams(at),
            Event::Stream(StreamEvent::Opened { dir: Dir::Uni }) if self.http.is_none() => {
                while let Some(id) = self.quic.streams().accept(Dir::Uni) {
                    // An error says that the client has given it up.
                    let _ = self.quic.recv_stream(id).stop(NO_SUCH_STREAM);
                }
            }
            Event::Stream(event) => {
                if let Some(http) = &mut self.http {
                    http.touch();
                }
                if let Phase::Open(session) = &mut self.phase {
                    session.on_event(&event);
                }
            }
            Event::DatagramReceived => while self.quic.datagrams().recv().is_some() {},
            Event::HandshakeDataReady | Event::DatagramsUnblocked => {}
        }
    }

    /// The handshake is complete, which proves the client's address.
    fn establish(&mut self, at: &Surroundings<'_>) {
        at.counters.add(Count::Established, 1);
        if self.is_http() {
            self.http = Some(Box::new(Http::start(&mut self.quic)));
        }
        let Phase::Handshake(place) = &mut self.phase else { return };
        let client = Client::Direct(self.remote.ip().to_canonical());
        match place.take().map_or_else(|| at.gateway.reserve_stream(client), Ok) {
            Ok(place) => {
                self.phase = Phase::Streamless(place);
                self.accept_streams(at);
            }
            Err(error) => {
                tracing::debug!(remote = %self.remote, %error, "a QUIC connection is refused");
                at.counters.add(Count::Refused, 1);
                self.close(at.now, Code::Busy);
            }
        }
    }

    fn accept_streams(&mut self, at: &Surroundings<'_>) {
        while let Some(id) = self.quic.streams().accept(Dir::Bi) {
            match &mut self.http {
                Some(http) => http.accept(id),
                None => self.accept(id, at),
            }
        }
    }

    fn is_http(&self) -> bool {
        let data = self.quic.crypto_session().handshake_data();
        let data = data.and_then(|data| data.downcast::<HandshakeData>().ok());
        data.is_some_and(|data| data.protocol.as_deref() == Some(HTTP3))
    }

    fn drive_http(&mut self, at: &Surroundings<'_>) {
        let (Some(http), Some(rules)) = (&mut self.http, &at.config.webtransport) else { return };
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        match http.drive(&mut self.quic, rules) {
            Ok(Found::Nothing) => {}
            Ok(Found::Session(id)) => self.accept(id, at),
            Ok(Found::End) => self.close_as(at.now, H3Error::None as u32, Bytes::new(), End::Fin),
            Err(error) => {
                tracing::debug!(remote = %self.remote, ?error, "a client of HTTP/3 is closed");
                at.counters.add(Count::Failed, 1);
                let end = End::Lost(ErrorKind::InvalidData);
                self.close_as(at.now, error as u32, Bytes::new(), end);
            }
        }
    }

    /// The client's first stream is its session; it has no others.
    fn accept(&mut self, id: StreamId, at: &Surroundings<'_>) {
        let phase = std::mem::replace(&mut self.phase, Phase::Closed);
        self.phase = match phase {
            Phase::Streamless(place) => {
                let lanes = Lanes::new(self.http.as_ref().and_then(|http| http.session()));
                let longest = lanes.longest_datagram(&mut self.quic);
                let (link, stream) = Link::new(self.handle.0, at.inbox, at.config.pipe, longest);
                let adoption = Adoption::stream().remote(self.remote).secure();
                // A stream that is not taken is dropped, which the link tells.
                if place.adopt_lanes(stream, adoption).is_ok() {
                    at.counters.add(Count::Adopted, 1);
                }
                self.deadline = None;
                Phase::Open(Session::new(id, link, lanes))
            }
            other => {
                session::refuse(&mut self.quic, id, NO_SUCH_STREAM);
                other
            }
        };
    }

    fn drive_session(&mut self, at: &mut Surroundings<'_>) {
        let Phase::Open(session) = &mut self.phase else { return };
        session.drive(&mut self.quic, at.pieces);
        let is_dropped = session.is_dropped();
        if session.is_done() {
            let is_draining = at.gateway.is_draining();
            let code = if is_draining { Code::GoingAway } else { Code::Ended };
            match &mut self.http {
                Some(http) => http.say_goodbye(&mut self.quic, code),
                None => self.close(at.now, code),
            }
        }
        if is_dropped && self.deadline.is_none() && !self.is_closed() {
            self.deadline = Some(at.now + at.config.linger);
        }
    }

    fn expire(&mut self, at: &Surroundings<'_>) {
        match &self.phase {
            Phase::Handshake(_) | Phase::Streamless(_) => {
                at.counters.add(Count::Overdue, 1);
                self.close(at.now, Code::Overdue);
            }
            Phase::Open(_) => self.close(at.now, Code::Ended),
            Phase::Closed => self.deadline = None,
        }
    }

    /// Tells its session that the connection is gone.
    pub(crate) fn lose(&mut self, end: End) {
        self.deadline = None;
        if let Phase::Open(session) = std::mem::replace(&mut self.phase, Phase::Closed) {
            session.lose(end);
        }
    }

    fn watch_address(&mut self, counters: &Counters) {
        let remote = self.quic.remote_address();
        if remote != self.remote {
            tracing::debug!(from = %self.remote, to = %remote, "a QUIC client has moved");
            counters.add(Count::Migrated, 1);
            self.remote = remote;
        }
    }
}

fn count_loss(reason: &ConnectionError, counters: &Counters) {
    match reason {
        ConnectionError::TimedOut => counters.add(Count::TimedOut, 1),
        ConnectionError::ApplicationClosed(_)
        | ConnectionError::ConnectionClosed(_)
        | ConnectionError::LocallyClosed
        | ConnectionError::Reset => {}
        error => {
            tracing::debug!(%error, "a QUIC connection has failed");
            counters.add(Count::Failed, 1);
        }
    }
}
