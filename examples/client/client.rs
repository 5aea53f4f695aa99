//! A session on tokio: the state machine, the clock, and the current connection.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use comet_protocol::Frame;
use comet_protocol::client::{ClientSession, Closed, Config, Event, Full, Link, Time};
use comet_protocol::comet::Seq;
use tokio::time::{Instant, sleep_until, timeout};

use crate::address::Address;
use crate::connection::Connection;
use crate::error::ConnectionError;

type Opening = Pin<Box<dyn Future<Output = Result<Connection, ConnectionError>> + Send>>;
type Farewell = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Bytes of output allowed besides messages, for acks, pings and pongs.
const CONTROL: usize = 1 << 20;

/// A session that outlives its connections.
///
/// Makes progress only inside [`next`](Self::next), which must be called repeatedly.
pub struct Client {
    session: ClientSession,
    addresses: Vec<Address>,
    /// Index of the address of the current connection.
    turn: usize,
    start: Instant,
    wire: Wire,
    /// The closing handshake of the previous connection.
    farewell: Option<Farewell>,
    last_error: Option<ConnectionError>,
    over: Option<Closed>,
    patience: Duration,
    max_body: usize,
    max_output: usize,
}

/// The connection.
enum Wire {
    None,
    Opening(Link, Opening),
    Open(Link, Box<Connection>),
}

/// An event of the wire.
enum Happened {
    Opened(Link, Result<Connection, ConnectionError>),
    Received(Link, Result<Frame, ConnectionError>),
}

impl Client {
    /// A session with this address; it connects at the first call of [`next`](Self::next).
    #[must_use]
    pub fn new(config: Config, address: Address) -> Self {
        let max_output = config.outbox_bytes.saturating_add(CONTROL);
        Self {
            addresses: vec![address],
            turn: usize::MAX,
            start: Instant::now(),
            wire: Wire::None,
            farewell: None,
            last_error: None,
            over: None,
            patience: config.handshake_timeout,
            max_body: usize::try_from(config.max_body).unwrap_or(usize::MAX),
            max_output,
            session: ClientSession::new(Time::from_micros(0), config, rand::random()),
        }
    }

    /// Adds an address of the same gateway: connections use the addresses in turn.
    #[must_use]
    pub fn or(mut self, address: Address) -> Self {
        self.addresses.push(address);
        self
    }

    /// Queues a message, to be sent once connected; [`Event::Replied`] or [`Event::Refused`] will
    /// carry its number.
    ///
    /// # Errors
    ///
    /// [`Full`] when the limit on unanswered messages is reached, or the session is over.
    pub fn send(&mut self, body: impl Into<Bytes>) -> Result<Seq, Full> {
        self.session.send(self.now(), body)
    }

    /// Ends the session for good: [`Event::Closed`] follows.
    pub fn leave(&mut self) {
        self.session.leave(self.now());
    }

    /// Drops the connection, as a change of network does; the next one uses the next address.
    pub fn roam(&mut self) {
        if let Wire::Opening(link, _) | Wire::Open(link, _) = self.wire {
            self.lose(link, None);
        }
    }

    /// The next event. Cancel-safe: dropping the future loses nothing.
    ///
    /// [`Event::Connect`] and [`Event::Disconnect`] are handled here and never returned. After
    /// [`Event::Closed`], every call returns it again.
    pub async fn next(&mut self) -> Event {
        loop {
            self.transmit();
            if let Some(event) = self.session.poll_event() {
                match event {
                    Event::Connect(link) => self.open(link),
                    Event::Disconnect(link) => self.close(link),
                    Event::Closed(closed) => self.over = Some(closed),
                    event => return event,
                }
            } else if let (Some(closed), None) = (&self.over, &self.farewell) {
                return Event::Closed(closed.clone());
            } else {
                self.wait().await;
            }
        }
    }

    /// The current time, on the clock of the events.
    #[must_use]
    pub fn now(&self) -> Time {
        Time::from_micros(0) + self.start.elapsed()
    }

    /// The address of the current connection, or of the last one.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.addresses[self.turn % self.addresses.len()]
    }

    /// The error that ended the last connection or attempt, unless this side closed it.
    #[must_use]
    pub const fn last_error(&self) -> Option<&ConnectionError> {
        self.last_error.as_ref()
    }

    fn transmit(&mut self) {
        let Wire::Open(link, connection) = &mut self.wire else { return };
        let link = *link;
        while let Some(frames) = self.session.poll_transmit() {
            if let Err(error) = connection.push(frames) {
                return self.lose(link, Some(error));
            }
        }
    }

    fn open(&mut self, link: Link) {
        self.turn = self.turn.wrapping_add(1);
        let opening = Connection::open(self.address().clone(), self.max_body, self.max_output);
        let opening = timeout(self.patience, opening);
        let opening = async move { opening.await.unwrap_or(Err(ConnectionError::TimedOut)) };
        self.wire = Wire::Opening(link, Box::pin(opening));
    }

    fn close(&mut self, link: Link) {
        match std::mem::replace(&mut self.wire, Wire::None) {
            Wire::Open(open, connection) if open == link => {
                self.farewell = Some(Box::pin(connection.close()));
            }
            Wire::Opening(opening, _) if opening == link => {}
            other => self.wire = other,
        }
    }

    fn lose(&mut self, link: Link, error: Option<ConnectionError>) {
        self.last_error = error;
        self.wire = Wire::None;
        self.session.handle_disconnected(self.now(), link);
    }

    /// Waits for input or a deadline.
    async fn wait(&mut self) {
        let due = self.session.poll_timeout();
        let due = due.map(|due| self.start + Duration::from_micros(due.as_micros()));
        tokio::select! {
            () = until(due) => self.session.handle_timeout(self.now()),
            () = finish(&mut self.farewell) => {}
            happened = self.wire.next() => self.handle(happened),
        }
    }

    fn handle(&mut self, happened: Happened) {
        match happened {
            Happened::Opened(link, Ok(connection)) => {
                self.wire = Wire::Open(link, Box::new(connection));
                self.session.handle_connected(self.now(), link);
            }
            Happened::Received(link, Ok(frame)) => {
                self.session.handle_frame(self.now(), link, frame);
            }
            Happened::Opened(link, Err(error)) | Happened::Received(link, Err(error)) => {
                self.lose(link, Some(error));
            }
        }
    }
}

impl Wire {
    async fn next(&mut self) -> Happened {
        match self {
            Self::None => std::future::pending().await,
            Self::Opening(link, opening) => Happened::Opened(*link, opening.await),
            Self::Open(link, connection) => Happened::Received(*link, connection.receive().await),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("session", &self.session)
            .field("addresses", &self.addresses)
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

async fn finish(farewell: &mut Option<Farewell>) {
    match farewell {
        Some(last_words) => {
            last_words.await;
            *farewell = None;
        }
        None => std::future::pending().await,
    }
}
