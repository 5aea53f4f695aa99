//! Listeners: accepting connections, and errors of the system while doing so.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::super::FIRST_LISTENER;
use super::super::connections::{Connection, FramingState, Preface};
use super::super::context::Context;
use super::super::endpoints::Endpoints;
use super::super::introduction::Introduction;
use super::super::lifecycle::forget_connection;
use super::super::readiness::Token;
use super::super::transport::{Acceptor, Transport};
use crate::Closed;
#[cfg(feature = "tls")]
use crate::listen::OverTls;
use crate::listen::{Profile, ProxyProtocol, Serves};
use crate::proxies::Client;
use crate::session::Session;
use crate::time::Time;
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// How long to wait after the system refused a descriptor or memory: others may give some back.
const PAUSE: Duration = Duration::from_millis(100);

/// A listening socket of one shard.
#[derive(Debug)]
pub(crate) struct Listener {
    acceptor: Acceptor,
    profile: Profile,
    /// Connections may be waiting that no event will tell of again.
    again: Again,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Again {
    No,
    /// In the next turn: this one has taken its share.
    Now,
    /// After a pause.
    At(Time),
}

impl Listener {
    pub(crate) fn new(acceptor: Acceptor, profile: Profile) -> Self {
        Self { acceptor, profile, again: Again::No }
    }
}

/// The listeners of one shard.
#[derive(Debug)]
pub(in crate::shard) struct Listeners(Vec<Listener>);

impl Listeners {
    pub(super) fn new(listeners: Vec<Listener>) -> Self {
        Self(listeners)
    }

    /// Begins to listen; to be called once, before the first turn.
    pub(in crate::shard) fn listen(&mut self, ep: &Endpoints) {
        for (index, listener) in self.0.iter_mut().enumerate() {
            let token = Token(FIRST_LISTENER - index);
            if let Err(error) = ep.connections.listen(&mut listener.acceptor, token) {
                tracing::error!(%error, "cannot watch a listener");
            }
        }
    }

    /// Stops to listen.
    pub(in crate::shard) fn close(&mut self) {
        self.0.clear();
    }

    /// Profile of a listener; `None` once it is closed.
    pub(super) fn profile(&self, index: u8) -> Option<&Profile> {
        self.0.get(usize::from(index)).map(|listener| &listener.profile)
    }

    /// Accepts connections of a listener, up to a turn's share.
    pub(in crate::shard) fn accept(&mut self, ep: &mut Endpoints, index: usize) {
        for _ in 0..ep.cx.shared.config.io.accept_batch {
            let Some(listener) = self.0.get_mut(index) else { return };
            listener.again = Again::No;
            match listener.acceptor.accept() {
                Ok((transport, remote)) => {
                    admit(ep, &listener.profile, transport, remote.ip(), index);
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return,
                    // The peer has gone before it was taken; the next one has not.
                    io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::Interrupted => {}
                    _ => {
                        listener.again = Again::At(ep.cx.now + PAUSE);
                        return note_error(&ep.cx, &error);
                    }
                },
            }
        }
        if let Some(listener) = self.0.get_mut(index) {
            listener.again = Again::Now;
        }
    }

    /// Goes back to listeners that have more than a turn's share, or were paused.
    pub(in crate::shard) fn accept_again(&mut self, ep: &mut Endpoints) {
        for index in 0..self.0.len() {
            let due = match self.0[index].again {
                Again::No => false,
                Again::Now => true,
                Again::At(at) => at <= ep.cx.now,
            };
            if due {
                self.accept(ep, index);
            }
        }
    }

    /// Whether the next turn must not wait for events.
    pub(in crate::shard) fn is_due(&self) -> bool {
        self.0.iter().any(|listener| listener.again == Again::Now)
    }

    /// When a paused listener is to be tried again.
    pub(in crate::shard) fn due_at(&self) -> Option<Time> {
        let paused = self.0.iter().filter_map(|listener| match listener.again {
            Again::At(at) => Some(at),
            Again::No | Again::Now => None,
        });
        paused.min()
    }
}

/// Puts a connection into a slot and under watch. The slot, unless the system refuses.
pub(super) fn watch(ep: &mut Endpoints, connection: Connection, session: Session) -> Option<u32> {
    let slot = ep.bucket.insert(session)?;
    if let Err(error) = ep.connections.watch(slot, connection) {
        let since_start = ep.cx.now.since(Time::START);
        if let Some(more) = ep.cx.shared.warnings.watch.admit(since_start) {
            tracing::warn!(%error, "cannot watch a connection{more}");
        }
        ep.bucket.remove(slot);
        return None;
    }
    Some(slot)
}

fn admit(
    ep: &mut Endpoints,
    profile: &Profile,
    transport: Transport,
    remote: IpAddr,
    index: usize,
) {
    let proxies = &ep.cx.shared.config.trusted_proxies;
    let by_proxy = profile.proxy_protocol == ProxyProtocol::Required;
    let awaits_more = by_proxy || profile.serves != Serves::Packets;
    ep.cx.counters().accepted.add(1);
    if let Some(accepted) = ep.cx.shared.accepted_by.get(index) {
        accepted.fetch_add(1, Ordering::Relaxed);
    }
    let is_proxy = proxies.header_of(remote).is_some();
    if by_proxy && !is_proxy {
        return note_stranger(&ep.cx, remote);
    }
    let client = match awaits_more && is_proxy {
        // Its PROXY header or its upgrade request will say.
        true => Client::Unnamed,
        false => proxies.client(remote, |_| []),
    };
    let holds = transport.holds();
    let Ok(visitor) = ep.cx.shared.entrance.enter(ep.cx.now, client, holds) else {
        ep.cx.counters().closed[Closed::TooManyConnections.index()].add(1);
        return;
    };
    let framing = match by_proxy {
        true => FramingState::Preface(Preface::ProxyHeader),
        false => first_framing(profile),
    };
    let mut connection = Connection::new(ep.cx.now, transport, framing, profile.dialect);
    connection.listener = u8::try_from(index).unwrap_or(u8::MAX);
    connection.extras.introduce(Introduction::of(visitor));
    let session = Session::new(ep.cx.now, &ep.cx.limits);
    let Some(slot) = watch(ep, connection, session) else {
        return forget_connection(&ep.cx, visitor, holds);
    };
    #[cfg(feature = "tls")]
    if let Some(OverTls { tls, is_optional: false }) = profile.tls.as_ref().filter(|_| !by_proxy) {
        // Behind a PROXY header it begins later.
        begin_tls(ep, slot, tls, Vec::new());
    }
    ep.rearm(slot);
}

/// How the protocol of a listener's connections begins, behind a PROXY header if there is one.
pub(super) fn first_framing(profile: &Profile) -> FramingState {
    match profile.serves {
        Serves::Packets => FramingState::Stream,
        Serves::WebSocket => FramingState::Upgrading { searched: 0 },
        Serves::Any => FramingState::Preface(Preface::FirstBytes),
    }
}

/// A peer of a listener for proxies alone is none.
fn note_stranger(cx: &Context, peer: IpAddr) {
    cx.counters().closed[Closed::NotAProxy.index()].add(1);
    if let Some(more) = cx.shared.warnings.proxy.admit(cx.now.since(Time::START)) {
        tracing::warn!(%peer, "not a trusted proxy, on a port that requires PROXY headers{more}");
    }
}

/// Has TLS begin on a connection, of which these bytes have been read.
#[cfg(feature = "tls")]
pub(super) fn begin_tls(ep: &mut Endpoints, slot: u32, tls: &Tls, first: Vec<u8>) {
    let longest = ep.cx.shared.config.handshake.max_hello;
    let has_begun = !first.is_empty();
    if let Err(error) = ep.connections.begin_tls(slot, |it| it.begin_tls(tls, first, longest)) {
        return ep.lose(slot, error.kind());
    }
    if has_begun {
        ep.connections.resume_later(slot);
    }
}

fn note_error(cx: &Context, error: &io::Error) {
    cx.counters().accept_errors.add(1);
    if let Some(more) = cx.shared.warnings.accept.admit(cx.now.since(Time::START)) {
        tracing::warn!(%error, "cannot accept, trying again shortly{more}");
    }
}
