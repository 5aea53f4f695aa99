//! A relay of messages in named rooms: the system under test of load generators and conformance
//! suites.
//!
//! ```text
//! cargo run --release -p comet-examples --bin relay -- --ws 127.0.0.1:3102
//! ```
//!
//! Any `AuthMsg` is accepted: the token, not empty, is the user id, and `ext` holds the names of
//! rooms, separated by commas; a part `device=NAME` names the device. A message is relayed, byte
//! for byte, to every member of each of the sender's rooms, the sender included, or to the sender
//! alone if it has none; then it is answered with an empty body. With `--addressed`, a first line
//! `#room` or `@user` sends the rest to that room of the sender, or to that user, only. Every room
//! numbers its messages from 1, and gaps are reported in these numbers. goim clients name their
//! room, and the ops of pushes that they accept, in the JSON of their auth frame, and may change
//! both. With `--dialect raw`, `/room/NAME` joins a room and `/echo` sends messages back; with
//! `--dialect text`, peers join, leave and publish to rooms with JSON messages. `--wss` and `--tls`
//! serve both over TLS with the certificate and key of `--cert` and `--key`, `--quic` sessions over
//! QUIC and WebTransport, and `--sse` those over server-sent events and POSTs.
//!
//! SIGTERM and SIGINT drain.

mod address;
mod flags;
mod goim;
mod record;
mod rooms;
mod sse;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use address::Address;
use bytes::Bytes;
use clap::Parser;
use comet::tls::TlsError;
use comet::{
    CommandError, Connect, ConnectReply, Delivery, Dialect, Event, Gateway, Identity, Message,
    Peer, Receipt, Refusal, RoomRequest, Router, StartError, Target,
};
use comet_quic::{BindError, Listener};
use flags::{Flags, Promise};
use goim::{Seat, Seats};
use parking_lot::Mutex;
use record::{Record, Records};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

fn main() -> ExitCode {
    match run(&Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "a program talks to its user")]
            {
                eprintln!("relay: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Failures to start the relay.
#[derive(Debug, thiserror::Error)]
enum StartupError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Quic(#[from] BindError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn run(flags: &Flags) -> Result<(), StartupError> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let signals = signals(&runtime)?;
    let router = Relay {
        promise: flags.delivery,
        is_addressed: flags.addressed,
        records: Records::default(),
        seats: Seats::default(),
    };
    let builder = Gateway::builder(router).config(flags.config());
    let tls = flags.tls()?;
    let listeners = flags.listeners(tls.as_ref());
    let gateway = listeners.fold(builder, comet::Builder::listen).start()?;
    let quic =
        flags.secured.quic.map(|address| listen_quic(&gateway, address, flags)).transpose()?;
    let sse = flags.sse.map(|address| sse::serve(&runtime, &gateway, address)).transpose()?;
    announce(flags, &gateway.addresses(), quic.as_ref(), sse);
    runtime.block_on(any(signals));
    gateway.drain(flags.drain());
    // Sessions over HTTP are served meanwhile.
    runtime.block_on(gateway.stopped());
    if let Some(quic) = quic {
        quic.stop();
    }
    Ok(())
}

fn listen_quic(
    gateway: &Gateway,
    address: SocketAddr,
    flags: &Flags,
) -> Result<Listener, BindError> {
    Listener::bind(gateway, address, &flags.quic_tls()?, comet_quic::Config::default())
}

/// Signal handlers, installed before the relay announces that it is ready.
fn signals(runtime: &Runtime) -> io::Result<[Signal; 2]> {
    let _within = runtime.enter();
    Ok([signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?])
}

async fn any([mut terminate, mut interrupt]: [Signal; 2]) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Prints the line that announces readiness, and the addresses.
#[expect(clippy::print_stdout, reason = "the line is this program's interface")]
fn announce(
    flags: &Flags,
    addresses: &[SocketAddr],
    quic: Option<&Listener>,
    sse: Option<SocketAddr>,
) {
    let mut line = "listening".to_owned();
    for (name, address) in flags.named().zip(addresses) {
        line.push_str(&format!(" {name}={address}"));
    }
    if let Some(quic) = quic {
        line.push_str(&format!(" quic={}", quic.address()));
    }
    if let Some(sse) = sse {
        line.push_str(&format!(" sse={sse}"));
    }
    println!("{line}");
    // An error means that standard output is closed.
    let _ = io::stdout().flush();
}

struct Relay {
    promise: Promise,
    /// Whether the first line of a message may be its destination.
    is_addressed: bool,
    records: Records,
    /// Seats of goim clients.
    seats: Seats,
}

/// Rooms of a peer, which change as it joins and leaves.
type Rooms = Mutex<Vec<Arc<Record>>>;

/// Limit on the rooms of one peer.
const ROOMS: usize = 1_024;

impl Router for Relay {
    fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
        let Some(peer) = rooms::of(&request) else { return reply.close() };
        let identity = match peer.user {
            Some(user) => Identity::new(request.app, user).device(peer.device),
            None => Identity::anonymous(),
        };
        let identity = peer.rooms.iter().fold(identity, |identity, room| identity.room(room));
        let rooms: Vec<_> = peer.rooms.iter().map(|room| self.records.of(room)).collect();
        reply.accept(match request.dialect {
            Dialect::Goim => {
                let seat = Seat::new(rooms.into_iter().next(), peer.accepts);
                identity.context(Arc::new(seat))
            }
            _ => identity.context(Rooms::new(rooms)),
        });
    }

    fn event(&self, _: &Gateway, peer: &Peer, event: Event<'_>) {
        match event {
            Event::Connected => self.seats.take(peer),
            Event::Disconnected(_) => self.seats.leave(peer),
            _ => {}
        }
    }

    fn room(&self, gateway: &Gateway, peer: &Peer, request: RoomRequest, receipt: Receipt) {
        let granted = match peer.context::<Arc<Seat>>() {
            Some(seat) => seat.grant(gateway, peer, request, &self.records),
            None => self.grant(gateway, peer, request),
        };
        match granted {
            Ok(reply) => receipt.ack(reply),
            Err(refusal) => receipt.refuse(refusal),
        }
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        let seat = peer.context::<Arc<Seat>>();
        let (address, body) = match self.is_addressed {
            true => address::split(&message.body),
            false => (Address::Rooms, message.body),
        };
        let delivery = self.promise.delivery(body);
        let own = seat.and_then(|seat| seat.room());
        let rooms = match peer.context::<Rooms>() {
            Some(rooms) => rooms.lock().clone(),
            None => own.into_iter().collect(),
        };
        let users = seat.map(|_| &self.seats);
        let sender = Sender { gateway, peer, rooms: &rooms, users };
        match sender.send(&address, delivery.kind(message.kind)) {
            Ok(()) => receipt.ack(""),
            Err(refusal) => receipt.refuse(refusal),
        }
    }
}

impl Relay {
    /// Handles a request of a peer that may be in several rooms.
    fn grant(
        &self,
        gateway: &Gateway,
        peer: &Peer,
        request: RoomRequest,
    ) -> Result<Bytes, Refusal> {
        let rooms = peer.context::<Rooms>().ok_or(Refusal::new(NOT_A_MEMBER))?;
        let mut rooms = rooms.lock();
        let place = |name: &str| rooms.iter().position(|record| record.room() == name);
        let done = match request {
            RoomRequest::Join { room } => {
                if place(&room).is_none() {
                    if rooms.len() >= ROOMS {
                        return Err(Refusal::new(TOO_MANY));
                    }
                    rooms.push(self.records.of(&room));
                }
                gateway.join(peer.session(), &room)
            }
            RoomRequest::Leave { room } => {
                if let Some(at) = place(&room) {
                    rooms.swap_remove(at);
                }
                gateway.leave(peer.session(), &room)
            }
            RoomRequest::Publish { room, kind, body } => {
                let at = place(&room).ok_or(Refusal::new(NOT_A_MEMBER))?;
                let delivery = self.promise.delivery(body).kind(kind);
                rooms[at].publish(|room, at| gateway.publish(room, delivery.position(at)))
            }
            _ => return Err(Refusal::new(NOT_A_MEMBER)),
        };
        done.map(|()| Bytes::new()).map_err(|_| Refusal::later(0))
    }
}

impl Promise {
    fn delivery(self, body: Bytes) -> Delivery {
        match self {
            Self::Acked => Delivery::acked(body),
            Self::BestEffort => Delivery::best_effort(body),
        }
    }
}

/// Refusal code for exceeding the limit on rooms.
const TOO_MANY: i32 = 1_002;

/// Refusal code of a message to a room that the sender is not in.
const NOT_A_MEMBER: i32 = 1_000;

/// The sender of a message.
struct Sender<'a> {
    gateway: &'a Gateway,
    peer: &'a Peer,
    rooms: &'a [Arc<Record>],
    /// Seats of users that choose the pushes they accept: those of goim.
    users: Option<&'a Seats>,
}

impl Sender<'_> {
    fn send(&self, address: &Address, delivery: Delivery) -> Result<(), Refusal> {
        let Self { gateway, peer, rooms, users } = *self;
        let publish = |record: &Arc<Record>| {
            record.publish(|room, at| gateway.publish(room, delivery.clone().position(at)))
        };
        let sent: Result<(), CommandError> = match address {
            Address::Rooms if rooms.is_empty() => gateway.push(peer.session(), delivery),
            Address::Rooms => rooms.iter().map(publish).fold(Ok(()), Result::and),
            Address::Room(name) => {
                let record = rooms.iter().find(|record| record.room().as_bytes() == name);
                publish(record.ok_or(Refusal::new(NOT_A_MEMBER))?)
            }
            Address::User(name) => {
                let user = str::from_utf8(name).map_err(|_| Refusal::new(NOT_A_MEMBER))?;
                match users {
                    Some(users) => users.push(gateway, user, &delivery),
                    None => gateway.push(Target::user(peer.app(), user), delivery),
                }
            }
        };
        sent.map_err(|_| Refusal::later(0))
    }
}
