//! Rooms by name, and everything said in them goes to everybody there: the measuring point that
//! load generators and conformance suites drive.
//!
//! ```text
//! cargo run --release -p comet-examples --bin relay -- --ws 127.0.0.1:3102
//! ```
//!
//! Any `AuthMsg` is accepted: the token, not empty, is the user id, and `ext` holds the names of
//! rooms, separated by commas. A message goes, byte for byte, to every member of each of the
//! sender's rooms, the sender included, or to the sender alone if it has none; then it is answered
//! with an empty body. goim clients name their room in the JSON of their auth frame. With
//! `--dialect raw`, `/room/NAME` joins a room and `/echo` sends messages back.

mod rooms;

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use comet::{
    Class, Config, Connect, ConnectReply, Delivery, Dialect, Gateway, Identity, Listen, Message,
    Peer, Receipt, Refusal, Router,
};
use rooms::Rooms;

#[derive(Parser)]
#[command(about = "Relays messages to everybody in the sender's rooms")]
struct Flags {
    /// Address for plain TCP
    #[arg(long)]
    tcp: Option<SocketAddr>,
    /// Address for WebSocket
    #[arg(long)]
    ws: Option<SocketAddr>,
    /// Threads that hold sessions [default: one per core]
    #[arg(long)]
    shards: Option<usize>,
    /// What is promised about deliveries
    #[arg(long, value_enum, default_value = "acked")]
    delivery: Class_,
    /// What WebSocket clients speak [default: told by their first frame]
    #[arg(long, value_enum)]
    dialect: Option<Dialect_>,
    /// Longest message in bytes
    #[arg(long, default_value_t = 1 << 20)]
    max_message: usize,
    /// Fragments that a WebSocket message may have
    #[arg(long, default_value_t = 1 << 17)]
    max_fragments: u32,
    /// Deliveries in flight to one session
    #[arg(long, default_value_t = 1_024)]
    window: u16,
    /// Deliveries that wait for room in the window of one session
    #[arg(long, default_value_t = 8_192)]
    queue: usize,
    /// Bytes of deliveries in flight to, or waiting for, one session
    #[arg(long, default_value_t = 4 << 20)]
    queue_bytes: usize,
    /// Seconds of silence after which a session is closed
    #[arg(long, default_value_t = 480)]
    idle: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Class_ {
    Acked,
    BestEffort,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum Dialect_ {
    Dtalk,
    Goim,
    Raw,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    match start(&flags) {
        Ok(gateway) => {
            gateway.wait();
            ExitCode::SUCCESS
        }
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "a program talks to its user")]
            {
                eprintln!("relay: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

fn start(flags: &Flags) -> Result<Gateway, comet::StartError> {
    let class = match flags.delivery {
        Class_::Acked => Class::Acked,
        Class_::BestEffort => Class::BestEffort,
    };
    let dialect = flags.dialect.map(|dialect| match dialect {
        Dialect_::Dtalk => Dialect::Dtalk,
        Dialect_::Goim => Dialect::Goim,
        Dialect_::Raw => Dialect::Raw,
    });
    let mut builder = Gateway::builder(Relay { class }).config(config(flags));
    if let Some(address) = flags.tcp {
        builder = builder.listen(Listen::tcp(address));
    }
    if let Some(address) = flags.ws {
        let listen = Listen::websocket(address);
        builder = builder.listen(match dialect {
            Some(dialect) => listen.dialect(dialect),
            None => listen,
        });
    }
    let gateway = builder.start()?;
    announce(flags, &gateway.addresses());
    Ok(gateway)
}

fn config(flags: &Flags) -> Config {
    let config = Config::default()
        .max_body(flags.max_message)
        .max_fragments(flags.max_fragments)
        .window(flags.window)
        .window_bytes(flags.queue_bytes)
        .queue(flags.queue)
        .queue_bytes(flags.queue_bytes)
        .write_bytes(flags.queue_bytes.max(2 * flags.max_message))
        .idle_timeout(Duration::from_secs(flags.idle));
    match flags.shards {
        Some(shards) => config.shards(shards),
        None => config,
    }
}

/// The line that tells whoever started the relay that it is ready, and where.
#[expect(clippy::print_stdout, reason = "the line is this program's interface")]
fn announce(flags: &Flags, addresses: &[SocketAddr]) {
    let mut addresses = addresses.iter();
    let mut line = "listening".to_owned();
    for (name, _) in [("tcp", flags.tcp), ("ws", flags.ws)].iter().filter(|(_, at)| at.is_some()) {
        if let Some(address) = addresses.next() {
            line.push_str(&format!(" {name}={address}"));
        }
    }
    println!("{line}");
    // Nobody reads standard output any more: that is their choice.
    let _ = std::io::stdout().flush();
}

struct Relay {
    class: Class,
}

impl Router for Relay {
    fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
        let Some((user, rooms)) = rooms::of(&request) else { return reply.close() };
        let identity = match user {
            Some(user) => Identity::new(request.app, user),
            None => Identity::anonymous(),
        };
        let identity = rooms.iter().fold(identity, |identity, room| identity.room(room));
        reply.accept(identity.context(Arc::new(rooms)));
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        let delivery = match self.class {
            Class::BestEffort => Delivery::best_effort(message.body),
            _ => Delivery::acked(message.body),
        };
        let delivery = delivery.kind(message.kind);
        let rooms = peer.context::<Rooms>().map_or(&[][..], Vec::as_slice);
        let result = match rooms {
            [] => gateway.push(peer.session(), delivery),
            rooms => rooms
                .iter()
                .map(|room| gateway.publish(room, delivery.clone()))
                .fold(Ok(()), Result::and),
        };
        match result {
            Ok(()) => receipt.ack(""),
            Err(_) => receipt.refuse(Refusal::later(0)),
        }
    }
}
