//! Adapter of `comet_protocol`'s client session for the comet dialect.

use bytes::Bytes;
use comet_protocol::client::{self, ClientSession, Config, Full, Link, Time};
use comet_protocol::comet::Auth;

use super::address::{self, AuthFields};
use super::owner::{ConnectionRequest, Side};
use super::{ClientTiming, Destination, Event, Identity, Outgoing};

/// A session of the comet dialect.
#[derive(Debug)]
pub(crate) struct Comet {
    session: ClientSession,
    /// The last connection that it demanded.
    link: Link,
    /// The connection that is to take over.
    next: Option<Link>,
    /// Whether its owner ended it.
    is_left: bool,
}

impl Comet {
    /// A session that wants its first connection; the seed spreads the waits.
    pub(super) fn new(now: Time, me: &Identity, timing: &ClientTiming, seed: u64) -> Self {
        let AuthFields { app, token, ext } = address::auth_fields(me);
        let known = timing.comet.auth.clone();
        let auth = Auth { app_id: app, token, ext: ext.into(), ..known };
        let config = Config { auth, ..timing.comet.clone() };
        let session = ClientSession::new(now, config, seed);
        Self { session, link: Link::default(), next: None, is_left: false }
    }

    fn link(&self, side: Side) -> Link {
        match side {
            Side::Current => self.link,
            Side::Next => self.next.unwrap_or_default(),
        }
    }

    pub(super) fn handle_connected(&mut self, side: Side, now: Time) {
        self.session.handle_connected(now, self.link(side));
    }

    pub(super) fn handle_disconnected(&mut self, side: Side, now: Time) {
        self.session.handle_disconnected(now, self.link(side));
        if side == Side::Next {
            self.next = None;
        }
    }

    pub(super) fn handle_bytes(&mut self, side: Side, now: Time, bytes: &[u8]) {
        self.session.handle_bytes(now, self.link(side), bytes);
    }

    pub(super) fn switch(&mut self, now: Time) -> bool {
        let next = self.session.switch(now);
        self.next = next.or(self.next);
        next.is_some()
    }

    pub(super) fn has_moved(&mut self) -> bool {
        let moved = self.next.take_if(|next| *next == self.session.link());
        self.link = moved.unwrap_or(self.link);
        moved.is_some()
    }

    pub(super) fn handle_timeout(&mut self, now: Time) {
        self.session.handle_timeout(now);
    }

    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.session.poll_timeout()
    }

    /// Writes the next output; returns whether there was some.
    pub(super) fn transmit(&mut self, side: Side, out: &mut Outgoing<'_>) -> bool {
        let packets = self.session.poll_transmit_on(self.link(side));
        packets.is_some_and(|packets| {
            out.message(&[&packets]);
            true
        })
    }

    pub(super) fn send(
        &mut self,
        now: Time,
        me: &Identity,
        to: &Destination,
        body: Bytes,
    ) -> Result<(), Full> {
        let message = match (&me.account, to) {
            (Some(account), to) => account.write(to.receiver(me), &body).into(),
            (None, Destination::Rooms) => body,
            (None, to) => address::line(me, to, |line| [line, &body].concat()).into(),
        };
        self.session.send(now, message).map(drop)
    }

    pub(super) fn leave(&mut self, now: Time) {
        self.is_left = true;
        self.session.leave(now);
    }

    /// Emits events, up to the next demand of the session.
    pub(super) fn poll(
        &mut self,
        me: &Identity,
        emit: &mut impl FnMut(Event<'_>),
    ) -> Option<ConnectionRequest> {
        while let Some(event) = self.session.poll_event() {
            match event {
                client::Event::Connect(link) => {
                    self.link = link;
                    return Some(ConnectionRequest::Connect);
                }
                client::Event::Disconnect(link) if Some(link) == self.next => {
                    self.next = None;
                    return Some(ConnectionRequest::DropNext);
                }
                client::Event::Disconnect(link) if link == self.link => {
                    return Some(ConnectionRequest::Disconnect);
                }
                // The session has changed to another.
                client::Event::Disconnect(_) => {}
                client::Event::Closed(_) if self.is_left => {}
                event => translate(me, event, emit),
            }
        }
        None
    }
}

fn translate(me: &Identity, event: client::Event, emit: &mut impl FnMut(Event<'_>)) {
    match event {
        client::Event::Delivery { body, .. } | client::Event::BestEffort { body } => {
            address::delivery(me, &body, emit);
        }
        client::Event::Gap { from, to, gap } => emit(Event::Gap { from, to, gap: &gap }),
        client::Event::Opened { resumed, welcome } => {
            emit(Event::Opened { resumed, welcome: Some(&welcome) });
        }
        client::Event::Waiting { until } => emit(Event::Waiting { until }),
        client::Event::Replied { .. } => emit(Event::Replied),
        client::Event::Refused { refusal, .. } => {
            emit(Event::Refused { why: format!("{refusal:?}") });
        }
        client::Event::Closed(closed) => emit(Event::Closed { why: closed.to_string() }),
        // A delivery that a newer one replaces is never missed.
        _ => {}
    }
}
