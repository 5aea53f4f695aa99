//! A client of the comet dialect that does nothing by itself: the test says every frame.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};

use comet_protocol::comet::message::capability;
use comet_protocol::comet::{Auth, ClientFrame, Received, Refused, Seq, ServerFrame, Welcome};
use comet_protocol::{Frame as Packet, Layout, frames_of};

use super::client::{Client, Ending, Next, Transport};
use super::clock;
use super::gateway::Server;
use super::websocket::{self, BINARY, FIN};

/// Numbers of auth frames.
static ATTEMPTS: AtomicU32 = AtomicU32::new(1_000);

/// One connection.
#[derive(Debug)]
pub(crate) struct Comet {
    pub(crate) client: Client,
    arrived: VecDeque<ServerFrame>,
    /// Of the last welcome.
    pub(crate) welcome: Welcome,
}

/// A request for a session by one who can do everything.
pub(crate) fn hello(token: &str, rooms: &str) -> Auth {
    Auth {
        app_id: "dtalk".into(),
        token: token.into(),
        ext: rooms.to_owned().into(),
        capabilities: capability::RESUME | capability::LATEST,
        ..Auth::default()
    }
}

impl Comet {
    /// Connects, and says nothing.
    pub(crate) fn connect(server: &Server, transport: Transport) -> Self {
        let client = server.connect(transport);
        Self { client, arrived: VecDeque::new(), welcome: Welcome::default() }
    }

    /// A client with a session.
    pub(crate) fn open(server: &Server, transport: Transport, auth: Auth) -> Self {
        let mut comet = Self::connect(server, transport);
        comet.ask(auth).expect("a session");
        comet
    }

    /// Asks for a session, after all that have asked so far.
    pub(crate) fn ask(&mut self, auth: Auth) -> Result<(), Refused> {
        self.ask_as(ATTEMPTS.fetch_add(1, Ordering::Relaxed), auth)
    }

    /// Asks for a session under a number of the test's.
    pub(crate) fn ask_as(&mut self, seq: u32, auth: Auth) -> Result<(), Refused> {
        self.say(&ClientFrame::Auth { seq, auth: Box::new(auth) });
        match self.hear() {
            ServerFrame::Welcome { ack, welcome } if ack == seq => {
                self.welcome = *welcome;
                Ok(())
            }
            ServerFrame::Refused { ack, refused } if ack == seq => Err(refused),
            other => panic!("an answer to the auth was expected, not {other:?}"),
        }
    }

    /// The request with which this session is asked for again, after `last_seq` has arrived.
    pub(crate) fn back(&self, token: &str, last_seq: u32, first_send: u32) -> Auth {
        Auth { ticket: self.welcome.ticket.clone(), last_seq, first_send, ..hello(token, "") }
    }

    /// Sends a frame.
    pub(crate) fn say(&mut self, frame: &ClientFrame<'_>) {
        let mut packet = Vec::new();
        frame.write(&mut packet);
        let bytes = match self.client.transport {
            Transport::Tcp => packet,
            Transport::WebSocket => websocket::masked(FIN | BINARY, &packet),
        };
        self.client.socket.write(&bytes);
    }

    /// Sends a message.
    pub(crate) fn send(&mut self, seq: u32, answered: u32, body: &[u8]) {
        self.say(&ClientFrame::Send { seq: Seq::new(seq), answered: Seq::new(answered), body });
    }

    /// Says that everything up to a number has arrived.
    pub(crate) fn ack(&mut self, up_to: u32) {
        self.say(&ClientFrame::Ack(Received::up_to_only(Seq::new(up_to))));
    }

    /// The next frame, which must come.
    pub(crate) fn hear(&mut self) -> ServerFrame {
        if self.client.transport == Transport::WebSocket {
            while self.arrived.is_empty() {
                let message = self.client.receive_ws();
                assert_eq!(message.first, FIN | BINARY, "{message:?}");
                let frames = frames_of(Layout::Dtalk, &message.payload, 1 << 24).unwrap();
                let decode = |Packet { head, body }| ServerFrame::decode(head, body).unwrap();
                self.arrived.extend(frames.into_iter().map(decode));
            }
            return self.arrived.pop_front().unwrap();
        }
        let frame = self.client.receive();
        assert_eq!(frame.ver, 2);
        let head = comet_protocol::Head { ver: 2, op: frame.op, seq: frame.seq, ack: frame.ack };
        ServerFrame::decode(head, frame.body.into()).unwrap()
    }

    /// The next delivery, which is numbered, and its body.
    pub(crate) fn delivery(&mut self) -> (u32, String) {
        match self.hear() {
            ServerFrame::Deliver { seq, body } => {
                (seq.get(), String::from_utf8(body.to_vec()).unwrap())
            }
            other => panic!("a delivery was expected, not {other:?}"),
        }
    }

    /// So many deliveries.
    pub(crate) fn deliveries(&mut self, count: usize) -> Vec<(u32, String)> {
        (0..count).map(|_| self.delivery()).collect()
    }

    /// The next gap: its number, how many are missing, and from where.
    pub(crate) fn gap(&mut self) -> (u32, u64, u64) {
        match self.hear() {
            ServerFrame::Gap { to, gap } => (to.get(), gap.count, gap.position),
            other => panic!("a gap was expected, not {other:?}"),
        }
    }

    /// The code of the error that ends the connection.
    pub(crate) fn error(&mut self) -> (i32, bool) {
        match self.hear() {
            ServerFrame::Error(failure) => (failure.code, failure.retryable),
            other => panic!("an error was expected, not {other:?}"),
        }
    }

    /// A ping and its pong, between which nothing may come: so nothing was on its way.
    pub(crate) fn beat(&mut self) {
        let ping = comet_protocol::comet::Ping { stamp: *b"a moment", round_trip_us: None };
        self.say(&ClientFrame::Ping(ping));
        assert_eq!(self.hear(), ServerFrame::Pong { stamp: *b"a moment" });
    }

    /// The connection breaks.
    pub(crate) fn reset(self) {
        self.client.socket.reset();
    }

    /// How the connection ends.
    pub(crate) fn ending(&mut self) -> Ending {
        match self.client.next(clock::deadline()) {
            Next::Ended(ending) => ending,
            other => panic!("the end was expected, not {other:?}"),
        }
    }
}
