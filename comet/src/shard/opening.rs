//! From the first bytes to an open session: upgrade, authentication, the way home.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use comet_protocol::comet::{Auth, Code};
use comet_protocol::ws::handshake::{self, HandshakeError, Parse, Request};
use comet_protocol::{AuthMsg, Dialect, Outbound};

use super::Shard;
use super::arrival::{Accepted, Arrival};
use super::command::{Command, Decision};
use super::connection::{Connection, Transport, Upgrade};
use super::connections::ConnectionKey;
use super::entrance::Full;
use super::settle::{Connect, ConnectReply};
use crate::identity::{Identity, Peer};
use crate::session::{Hello, Session};
use crate::{Closed, SessionId};

/// What a raw peer is refused with unless the router says otherwise.
const FORBIDDEN: u16 = 403;

impl Shard {
    /// Reads an upgrade request. The bytes it took; `None` if it is incomplete.
    pub(super) fn handle_upgrade(
        &mut self,
        slot: u32,
        input: &[u8],
    ) -> Result<Option<usize>, Closed> {
        let limits = self.upgrade_limits;
        let Some(connection) = self.connections.get_mut(slot) else { return Ok(None) };
        let Transport::Upgrading { searched } = connection.transport else { return Ok(None) };
        match handshake::parse(input, searched, &limits) {
            Ok(Parse::Partial) => {
                connection.transport = Transport::Upgrading { searched: input.len() };
                Ok(None)
            }
            Ok(Parse::Complete { request, consumed }) => {
                self.upgrade(slot, request)?;
                Ok(Some(consumed))
            }
            Err(error) => Err(self.refuse_upgrade(slot, &error)),
        }
    }

    fn upgrade(&mut self, slot: u32, request: Request) -> Result<(), Closed> {
        let Some(listener) = self.connections.get_mut(slot).map(|connection| connection.listener)
        else {
            return Ok(());
        };
        let Some(profile) = self.listeners.get(usize::from(listener)).map(|at| &at.profile) else {
            // A gateway that drains has no listeners.
            return Err(self.refuse_upgrade(slot, &HandshakeError::Unavailable));
        };
        let is_raw = profile.is_raw();
        let subprotocol = profile.subprotocol_for(&request).map(str::to_owned);
        let error = if !profile.serves(request.path()) {
            HandshakeError::NotFound
        } else if !profile.permits(request.origin(), request.host()) {
            HandshakeError::Forbidden
        } else if self.identify(slot, &request).is_err() {
            HandshakeError::TooManyRequests
        } else if is_raw {
            return self.connect_raw(slot, request, subprotocol);
        } else {
            self.upgraded(slot, request.key(), subprotocol.as_deref());
            return Ok(());
        };
        Err(self.refuse_upgrade(slot, &error))
    }

    /// Learns for whom a trusted proxy speaks, and counts it.
    fn identify(&mut self, slot: u32, request: &Request) -> Result<(), Full> {
        let remote = self.peer_of(slot).ip();
        let proxies = &self.shared.config.trusted_proxies;
        if proxies.header_of(remote).is_none() {
            return Ok(());
        }
        let values = |name| request.values(name).collect::<Vec<_>>();
        let client = proxies.client(remote, values);
        let visitor = self.shared.entrance.identify(self.now, client)?;
        if let Some(connection) = self.connections.get_mut(slot) {
            connection.visitor = visitor.map(Box::new);
        }
        Ok(())
    }

    /// Where the connection comes from: its socket's other end, or whom a proxy there speaks for,
    /// with port 0.
    fn remote_of(&mut self, slot: u32) -> SocketAddr {
        let peer = self.peer_of(slot);
        match self.connections.get_mut(slot).and_then(|connection| connection.visitor.as_deref()) {
            Some(visitor) if visitor.address != peer.ip().to_canonical() => {
                SocketAddr::new(visitor.address, 0)
            }
            _ => peer,
        }
    }

    fn peer_of(&mut self, slot: u32) -> SocketAddr {
        let peer = self.connections.get_mut(slot).and_then(|it| it.socket.peer_addr().ok());
        // A socket that has no peer any more is about to say so when it is read.
        peer.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))
    }

    /// Answers the upgrade; frames follow.
    pub(super) fn upgraded(&mut self, slot: u32, key: &str, subprotocol: Option<&str>) {
        let mut response = Vec::with_capacity(160);
        handshake::write_accept(&mut response, key, subprotocol);
        self.queue(slot, &response);
        if let Some(connection) = self.connections.get_mut(slot) {
            connection.transport = Transport::websocket();
        }
    }

    fn refuse_upgrade(&mut self, slot: u32, error: &HandshakeError) -> Closed {
        let mut response = Vec::with_capacity(256);
        error.write_response(&mut response);
        self.queue(slot, &response);
        Closed::UpgradeRefused(error.status())
    }

    /// Asks the router about a raw peer: its upgrade request is all there is to know.
    fn connect_raw(
        &mut self,
        slot: u32,
        request: Request,
        subprotocol: Option<String>,
    ) -> Result<(), Closed> {
        if self.turn_away() {
            self.refuse_upgrade(slot, &HandshakeError::Unavailable);
            return Err(Closed::TurnedAway);
        }
        let Some(connection) = self.connections.get_mut(slot) else { return Ok(()) };
        let upgrade = Upgrade { key: request.key().to_owned(), subprotocol };
        connection.transport = Transport::Deciding(Box::new(upgrade));
        if let Some(member) = self.bucket.get_mut(slot) {
            member.session.begin_authentication();
        }
        let auth = AuthMsg::default();
        self.connect(slot, auth, 1, Some(Box::new(request)), None);
        Ok(())
    }

    /// Asks the router about a peer that sent an auth frame.
    pub(super) fn authenticate(
        &mut self,
        slot: u32,
        body: &[u8],
        attempt: u8,
    ) -> Result<(), Closed> {
        if self.turn_away() {
            return Err(Closed::TurnedAway);
        }
        let auth = self.read_auth(slot, body)?;
        self.connect(slot, auth, attempt, None, None);
        Ok(())
    }

    /// What the body of an auth frame says.
    pub(super) fn read_auth(&mut self, slot: u32, body: &[u8]) -> Result<AuthMsg, Closed> {
        let dialect = self.connections.get_mut(slot).and_then(|connection| connection.dialect);
        match dialect {
            Some(Dialect::Dtalk) => AuthMsg::parse(body).map_err(|_| Closed::BadAuth),
            _ => Ok(AuthMsg { ext: Bytes::copy_from_slice(body), ..AuthMsg::default() }),
        }
    }

    /// Asks the router about a comet peer, unless its ticket or the crowd says that it comes too
    /// early.
    pub(super) fn greet(&mut self, slot: u32, mut auth: Box<Auth>) -> Result<(), Closed> {
        let claim = self.open_ticket(&auth.ticket);
        let ticket = claim.as_ref().ok().and_then(|ticket| ticket.as_ref());
        let is_new = ticket.is_none();
        let too_early = ticket.and_then(|ticket| self.too_early(ticket));
        let after = match too_early {
            Some(left) => Some(left.max(self.gate.later(self.now))),
            // Who comes back takes what is kept for it, and so gives memory back.
            None if is_new && self.has_no_room() => Some(self.gate.later(self.now)),
            None => self.gate.admit(self.now).err(),
        };
        if let Some(after) = after {
            self.counters().turned_away.add(1);
            self.send_refused(slot, Code::OVERLOADED, Some(after), &[]);
            return Err(Closed::TurnedAway);
        }
        let request = AuthMsg {
            app_id: std::mem::take(&mut auth.app_id),
            token: std::mem::take(&mut auth.token),
            ext: std::mem::take(&mut auth.ext),
        };
        auth.ticket = Bytes::new();
        let Some(member) = self.bucket.get_mut(slot) else { return Ok(()) };
        member.session.converse(&self.account, Hello { auth, claim });
        self.connect(slot, request, 1, None, None);
        Ok(())
    }

    /// Whether a peer that cannot be told when to come back is not let in now. Nor can it say
    /// whether something is kept for it.
    fn turn_away(&mut self) -> bool {
        let away = self.has_no_room() || self.gate.admit(self.now).is_err();
        self.counters().turned_away.add(away.into());
        away
    }

    /// Asks the router about a peer; one that has a session `renews` it.
    pub(super) fn connect(
        &mut self,
        slot: u32,
        auth: AuthMsg,
        attempt: u8,
        upgrade: Option<Box<Request>>,
        renews: Option<Peer>,
    ) {
        let remote = self.remote_of(slot);
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let serial = connection.serial;
        let request = Connect {
            app: auth.app_id,
            token: auth.token,
            ext: auth.ext,
            remote,
            dialect: connection.dialect.unwrap_or(Dialect::Raw),
            attempt,
            upgrade,
            renews,
        };
        let reply = ConnectReply::new(self.bucket.id(slot), serial, self.mailbox.clone());
        self.sink.connect(request, reply);
    }

    /// Does what the router decided about a peer, if it is still there.
    pub(super) fn decide(&mut self, id: SessionId, serial: u32, decision: Decision) {
        let Some(slot) = self.bucket.find(id) else { return };
        if !self.connections.has(ConnectionKey::new(slot, serial)) {
            // The session has another connection by now.
            return;
        }
        if let Decision::Wait(time) = decision {
            return self.extend_handshake(slot, time);
        }
        if self.bucket.get(slot).is_some_and(|member| member.session.is_renewing()) {
            return self.decide_renewal(slot, decision);
        }
        if !self.bucket.get(slot).is_some_and(|member| member.session.is_authenticating()) {
            return;
        }
        match decision {
            Decision::Accept(identity) => self.accept_peer(slot, identity),
            Decision::Refuse(body) => self.refuse_peer(slot, FORBIDDEN, &body),
            Decision::RefuseHttp { status, body } => self.refuse_peer(slot, status, &body),
            Decision::Close => {
                self.counters().refused.add(1);
                self.refuse_raw(slot);
                if self.speaks_comet(slot) {
                    self.send_refused(slot, Code::UNAUTHENTICATED, None, &[]);
                }
                self.end(slot, &Closed::Refused);
            }
            Decision::Wait(_) => {}
            Decision::Later(after) => {
                self.counters().turned_away.add(1);
                self.refuse_raw_with(slot, &HandshakeError::Unavailable);
                if self.speaks_comet(slot) {
                    self.send_refused(slot, Code::UNAVAILABLE, Some(after), &[]);
                }
                self.end(slot, &Closed::TurnedAway);
            }
        }
        self.resume(slot);
    }

    fn accept_peer(&mut self, slot: u32, identity: Box<Identity>) {
        self.counters().authenticated.add(1);
        let home = match identity.is_anonymous() {
            true => self.index,
            false => self.shared.homes.of(&identity.app, &identity.user),
        };
        if home == self.index {
            self.open(slot, *identity);
        } else {
            self.send_home(slot, identity, home);
        }
    }

    /// `status` is for a raw peer, whose answer is HTTP.
    fn refuse_peer(&mut self, slot: u32, status: u16, body: &[u8]) {
        self.counters().refused.add(1);
        if self.is_deciding(slot) {
            let mut response = Vec::with_capacity(256 + body.len());
            handshake::write_refusal(&mut response, status, body);
            self.queue(slot, &response);
            return self.end(slot, &Closed::Refused);
        }
        if self.speaks_comet(slot) {
            self.send_refused(slot, Code::UNAUTHENTICATED, None, body);
            return self.end(slot, &Closed::Refused);
        }
        let Some(member) = self.bucket.get_mut(slot) else { return };
        match member.session.refuse(&self.limits) {
            Some(Ok(seq)) => self.send(slot, Outbound::AuthReply { seq }, body),
            Some(Err(closed)) => {
                let (seq, _) = member.session.handshake();
                self.send(slot, Outbound::AuthReply { seq }, body);
                self.end(slot, &closed);
            }
            None => {}
        }
    }

    /// Answers the upgrade request of a refused raw peer; whether it is one.
    pub(super) fn refuse_raw(&mut self, slot: u32) -> bool {
        self.refuse_raw_with(slot, &HandshakeError::Forbidden)
    }

    pub(super) fn refuse_raw_with(&mut self, slot: u32, error: &HandshakeError) -> bool {
        let is_deciding = self.is_deciding(slot);
        if is_deciding {
            self.refuse_upgrade(slot, error);
        }
        is_deciding
    }

    /// Whether the upgrade request of a raw peer is before the router.
    fn is_deciding(&mut self, slot: u32) -> bool {
        let connection = self.connections.get_mut(slot);
        connection.is_some_and(|it| matches!(it.transport, Transport::Deciding(_)))
    }

    /// Hands the connection to the shard where its user's sessions live.
    fn send_home(&mut self, slot: u32, identity: Box<Identity>, home: usize) {
        let Some(member) = self.bucket.get_mut(slot) else { return };
        let (auth_seq, deadline) = member.session.handshake();
        let hello = member.session.take_hello();
        self.flush(slot);
        if self.connections.get_mut(slot).is_some_and(|connection| connection.out.is_some()) {
            // It has asked for more than it reads before it even had a session.
            return self.abandon(slot, &Closed::Slow);
        }
        let Some(mut connection) = self.take_out(slot) else { return };
        self.connections.unwatch(&mut connection);
        self.counters().moved.add(1);
        let arrival = Arrival {
            socket: connection.socket,
            transport: connection.transport,
            dialect: connection.dialect,
            listener: connection.listener,
            unread: connection.tail.map(|tail| Box::new(tail.unread)),
            visitor: connection.visitor,
            accepted: Some(Accepted { identity, auth_seq, deadline, hello }),
        };
        self.shared.mailboxes[home].post(Command::Arrive(Box::new(arrival)));
    }

    /// Takes over a connection from another shard or from outside.
    pub(super) fn arrive(&mut self, arrival: Arrival) {
        let Arrival { socket, transport, dialect, listener, unread, visitor, accepted } = arrival;
        let mut connection = Connection::new(self.now, socket, transport, dialect);
        connection.listener = listener;
        connection.visitor = visitor;
        let (session, identity) = match accepted {
            Some(Accepted { identity, auth_seq, deadline, hello }) => {
                let mut session = Session::moved(auth_seq, deadline);
                if let Some(hello) = hello {
                    session.converse(&self.account, *hello);
                }
                (session, Some(identity))
            }
            None => (Session::new(self.now, &self.limits), None),
        };
        let visitor = connection.visitor.as_deref().copied();
        let Some(slot) = self.watch(connection, session) else {
            return self.forget_connection(visitor);
        };
        if let (Some(unread), Some(key)) = (unread, self.connections.key(slot))
            && let Some(tail) = self.tail_of(key)
        {
            tail.unread = *unread;
            self.settle_tail(key, false);
        }
        if self.drain.is_some() {
            return self.end(slot, &Closed::Draining);
        }
        self.rearm(slot);
        if let Some(identity) = identity {
            self.open(slot, *identity);
        }
        self.connections.resume_later(slot);
    }
}
