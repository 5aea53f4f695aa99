//! Questions to the router that it owes an answer for. Settle once, from any thread; dropping has a
//! meaning.

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use comet_protocol::Dialect;
use comet_protocol::comet::Code;
use comet_protocol::ws::handshake::Request;

use super::command::{Command, Decision, Told};
use super::mailbox::Mailbox;
use crate::contexts::Contexts;
use crate::delivery::{Answer, Kind, MAX_BODY};
use crate::identity::{Identity, Origin, Peer};
use crate::{Refusal, SessionId};

/// A peer that wants a session.
#[derive(Debug)]
#[non_exhaustive]
pub struct Connect {
    /// The application it names. Empty for goim and raw peers.
    pub app: String,
    /// Its credentials. Empty for goim and raw peers.
    pub token: String,
    /// The application's own part of the auth frame; for goim the whole JSON body.
    pub ext: Bytes,
    /// Where it connects from; the address that a trusted proxy names has port 0.
    pub remote: SocketAddr,
    /// Its dialect.
    pub dialect: Dialect,
    /// How often it has asked on this connection, this time included.
    pub attempt: u8,
    /// The upgrade request of a raw peer: path, query and headers.
    pub upgrade: Option<Box<Request>>,
    /// The certificate by which it has authenticated itself in its TLS handshake, where its
    /// [listener](crate::Listen::tls) [asks for one](crate::tls::ClientAuth).
    #[cfg(feature = "tls")]
    pub client_certificate: Option<Box<crate::tls::ClientCertificate>>,
    /// The peer of the open session, if it has one and authenticates again, to renew its token for
    /// instance. Accepted as the same user on the same device it keeps its session: its
    /// [expiry](Identity::expires_in) is that of the new identity, nothing else of it changes, and
    /// the router gets no event. Otherwise the session ends, but for [`ConnectReply::later`]. So a
    /// router announces and stores nothing here.
    pub renews: Option<Peer>,
}

/// A message that a peer sent.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Message {
    /// The peer's number of it; 0 from raw peers.
    pub seq: u32,
    /// The op that carried it, for dialects that have several.
    pub op: u32,
    /// Which kind of WebSocket message it was; binary for all but raw peers.
    pub kind: Kind,
    /// The message.
    pub body: Bytes,
}

impl Message {
    pub(crate) fn new(seq: u32, op: u32, kind: Kind, body: Bytes) -> Self {
        Self { seq, op, kind, body }
    }
}

/// Decides about a peer. Dropped: the connection is closed without a word.
#[must_use = "dropping it refuses the peer"]
pub struct ConnectReply {
    session: SessionId,
    /// Serial of its connection.
    serial: u32,
    origin: Origin,
    contexts: Contexts,
    /// Taken when settled.
    mailbox: Option<Arc<Mailbox>>,
}

impl ConnectReply {
    pub(crate) fn new(
        session: SessionId,
        serial: u32,
        origin: Origin,
        mailbox: Arc<Mailbox>,
    ) -> Self {
        let contexts = Contexts::default();
        Self { session, serial, origin, contexts, mailbox: Some(mailbox) }
    }

    /// Attaches a value to the peer, whoever accepts it, to be found again by its type with
    /// [`Peer::context`]: a [`Middleware`](crate::Middleware) attaches its own before it hands the
    /// reply on. It takes the place of an earlier one of the same type, and gives way to one of the
    /// [`Identity`].
    pub fn context<T: Any + Send + Sync>(mut self, value: T) -> Self {
        self.contexts.insert(value);
        self
    }

    /// Opens the session. The router hears of it as
    /// [`Event::Connected`](crate::Event::Connected).
    pub fn accept(mut self, mut identity: Identity) {
        if !identity.complete(self.origin, std::mem::take(&mut self.contexts)) {
            tracing::warn!(session = %self.session, "the names of an identity are too long");
            return;
        }
        self.settle(Decision::Accept(Box::new(identity)));
    }

    /// Tells the peer, in an auth reply with this body, that it may not; it may try again on the
    /// same connection, up to [`handshake.attempts`](crate::HandshakeConfig::attempts) times. A raw
    /// peer gets the body with HTTP status 403 and is closed; a comet peer gets the body in a
    /// refused, if it is not longer than 4,096 bytes, and is closed.
    pub fn refuse(mut self, body: impl Into<Bytes>) {
        let body: Bytes = body.into();
        // A body that fits no frame can only be left away, which closes the connection.
        if body.len() <= MAX_BODY {
            self.settle(Decision::Refuse(body));
        }
    }

    /// The same as [`refuse`](Self::refuse), with this HTTP status for a raw peer: 401 where it is
    /// to authenticate, for instance. One that is not from 400 to 599 counts as 403.
    ///
    /// The body goes out as UTF-8 text or, if it begins with a brace or a bracket, as JSON.
    pub fn refuse_http(mut self, status: u16, body: impl Into<Bytes>) {
        let body: Bytes = body.into();
        let status = if (400..600).contains(&status) { status } else { 403 };
        if body.len() <= MAX_BODY {
            self.settle(Decision::RefuseHttp { status, body });
        }
    }

    /// Has the peer come back, not earlier than after this time: whatever is needed to decide does
    /// not answer at the moment. A comet peer is told so; others are closed, without a word or, a
    /// raw peer, with HTTP status 503, and come back as they like.
    pub fn later(mut self, after: Duration) {
        self.settle(Decision::Later(after));
    }

    /// Says that the decision takes this much longer: the peer's handshake deadline
    /// ([`handshake.timeout`](crate::HandshakeConfig::timeout)) is put off by it. What the peer
    /// sends meanwhile waits in the system's buffers.
    pub fn hold(&self, time: Duration) {
        if let Some(mailbox) = &self.mailbox {
            let (session, serial) = (self.session, self.serial);
            let decision = Decision::Wait(time);
            mailbox.post(Command::Decided { session, serial, decision });
        }
    }

    /// Asks whether the peer still waits for the decision: after a [`hold`](Self::hold) it may be
    /// gone, and what a login changes elsewhere is then better left as it is.
    ///
    /// `then` is called once, on the shard's thread, and must not block. If the gateway stops it is
    /// dropped instead. A peer that goes silently counts as waiting until the system finds out.
    pub fn is_awaited(&self, then: impl FnOnce(bool) + Send + 'static) {
        if let Some(mailbox) = &self.mailbox {
            let (session, serial) = (self.session, self.serial);
            let then = Told(Box::new(then));
            mailbox.post(Command::Await { session, serial, then });
        }
    }

    /// Closes the connection without a word. A raw peer gets HTTP status 403, a comet peer a
    /// refused without a body.
    pub fn close(self) {
        drop(self);
    }

    fn settle(&mut self, decision: Decision) {
        if let Some(mailbox) = self.mailbox.take() {
            let (session, serial) = (self.session, self.serial);
            mailbox.post(Command::Decided { session, serial, decision });
        }
    }
}

impl Drop for ConnectReply {
    fn drop(&mut self) {
        self.settle(Decision::Close);
    }
}

impl fmt::Debug for ConnectReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectReply").field("session", &self.session).finish_non_exhaustive()
    }
}

/// Answers a message. Dropped: refused.
///
/// While [`limits.inbox`](crate::LimitsConfig::inbox) receipts of a session are not settled, its
/// connection is not read. Replies leave in the order of the messages.
#[must_use = "dropping it refuses the message"]
pub struct Receipt {
    session: SessionId,
    number: u32,
    /// Taken when settled.
    mailbox: Option<Arc<Mailbox>>,
}

impl Receipt {
    pub(crate) fn new(session: SessionId, number: u32, mailbox: Arc<Mailbox>) -> Self {
        Self { session, number, mailbox: Some(mailbox) }
    }

    /// Takes responsibility for the message: the peer gets a send reply with this body. One that is
    /// longer than 1 GiB fits no frame, and is dropped.
    pub fn ack(mut self, reply: impl Into<Bytes>) {
        let reply: Bytes = reply.into();
        if reply.len() <= MAX_BODY {
            self.settle(Answer::Reply(reply));
        }
    }

    /// Refuses the message. A peer of the comet dialect is told; others hear nothing of it, and try
    /// again.
    pub fn refuse(mut self, refusal: Refusal) {
        tracing::debug!(session = %self.session, code = refusal.code, "message refused");
        self.settle(Answer::Refused(refusal));
    }

    fn settle(&mut self, answer: Answer) {
        if let Some(mailbox) = self.mailbox.take() {
            let (session, number) = (self.session, self.number);
            mailbox.post(Command::Settled { session, number, answer });
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        self.settle(Answer::Refused(Refusal::later(Code::UNAVAILABLE.get())));
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt")
            .field("session", &self.session)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
