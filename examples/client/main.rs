//! Chat in a terminal, over a session that survives its connections.
//!
//! ```text
//! cargo run -p comet-examples --bin relay -- --tcp 127.0.0.1:3101 --ws 127.0.0.1:3102 \
//!     --resume-ttl 120
//! cargo run -p comet-examples --bin client -- --addr 127.0.0.1:3101 --token me --rooms lobby
//! ```
//!
//! Every line of standard input is sent, and every event is printed. At the end of input the client
//! waits for outstanding answers, then leaves. Several `--addr` are tried in turn: when a
//! connection is cut, the session continues over the other transport.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use comet_client::{Address, Client, Closed, Config, Event};
use comet_protocol::comet::{GapReason, Loss, Welcome};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};

#[derive(Parser)]
#[command(about = "Chats through a gateway, line by line")]
struct Flags {
    /// Address of the gateway: tcp://HOST:PORT or ws://HOST:PORT/PATH; several are tried in turn
    #[arg(long, default_value = "127.0.0.1:3101")]
    addr: Vec<Address>,
    /// Token of the user; for the relay, the user id
    #[arg(long)]
    token: String,
    /// The application
    #[arg(long, default_value = "dtalk")]
    app: String,
    /// Rooms, separated by commas
    #[arg(long, default_value = "")]
    rooms: String,
    /// The device
    #[arg(long)]
    device: Option<String>,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match &runtime {
        Ok(runtime) => runtime.block_on(chat(flags)),
        Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
    };
    if let Ok(runtime) = runtime {
        // The thread that reads standard input may block forever.
        runtime.shutdown_background();
    }
    match outcome {
        Ok(Closed::Left) => ExitCode::SUCCESS,
        Ok(closed) => print_error(&closed),
        Err(error) => print_error(&error),
    }
}

#[expect(clippy::print_stderr, reason = "a program talks to its user")]
fn print_error(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("client: {error}");
    ExitCode::FAILURE
}

/// Lines from standard input, until they are sent.
struct Input {
    lines: Lines<BufReader<Stdin>>,
    /// A line that the session had no room for.
    unsent: Option<String>,
    /// Number of unanswered messages.
    asked: usize,
    is_over: bool,
}

async fn chat(flags: Flags) -> io::Result<Closed> {
    let mut client = connect(flags).ok_or(io::ErrorKind::AddrNotAvailable)?;
    let lines = BufReader::new(tokio::io::stdin()).lines();
    let mut input = Input { lines, unsent: None, asked: 0, is_over: false };
    loop {
        tokio::select! {
            line = input.lines.next_line(), if !input.is_over && input.unsent.is_none() => {
                input.is_over = line.as_ref().is_ok_and(Option::is_none);
                input.unsent = line?;
            }
            interrupt = tokio::signal::ctrl_c() => {
                interrupt?;
                client.leave();
            }
            event = client.next() => match event {
                Event::Closed(closed) => return Ok(closed),
                event => {
                    let is_answer = matches!(event, Event::Replied { .. } | Event::Refused { .. });
                    input.asked -= usize::from(is_answer).min(input.asked);
                    writeln!(io::stdout(), "{}", describe(&client, event))?;
                }
            },
        }
        input.send(&mut client);
    }
}

fn connect(flags: Flags) -> Option<Client> {
    let mut config = Config::default();
    config.auth.app_id = flags.app;
    config.auth.token = flags.token;
    let device = flags.device.map(|device| format!("device={device}"));
    let parts = [Some(flags.rooms), device].into_iter().flatten();
    config.auth.ext = parts.collect::<Vec<_>>().join(",").into();
    let mut addresses = flags.addr.into_iter();
    let first = addresses.next()?;
    Some(addresses.fold(Client::new(config, first), Client::or))
}

impl Input {
    fn send(&mut self, client: &mut Client) {
        if let Some(line) = self.unsent.take() {
            match client.send(line.clone()) {
                Ok(_) => self.asked += 1,
                Err(_) => self.unsent = Some(line),
            }
        }
        if self.is_over && self.unsent.is_none() && self.asked == 0 {
            client.leave();
        }
    }
}

fn describe(client: &Client, event: Event) -> String {
    match event {
        Event::Opened { resumed, welcome } => opened(client, resumed, &welcome),
        Event::Waiting { until } => {
            let wait = until.since(client.now()).as_secs_f64();
            let why = client.last_error().map_or_else(String::new, |error| format!(": {error}"));
            format!("-- connection lost{why}; next one in {wait:.1} s")
        }
        Event::Delivery { seq, body } => format!("{} {}", seq.get(), text(&body)),
        Event::BestEffort { body } => format!("* {}", text(&body)),
        Event::Latest { key, body } => format!("{key:?} {}", text(&body)),
        Event::Gap { from, to, gap } => {
            let reason = GapReason::try_from(gap.reason).unwrap_or_default();
            let numbers = format!("numbers {} to {}", from.get(), to.get());
            let place = format!("room {:?} from {}", gap.room, gap.position);
            format!("-- {} missing, {reason:?}: {numbers}, {place}", gap.count)
        }
        Event::Replied { seq, body } if body.is_empty() => format!("-- {} taken", seq.get()),
        Event::Replied { seq, body } => format!("-- {} taken: {}", seq.get(), text(&body)),
        Event::Refused { seq, refusal } => {
            format!("-- {} refused with code {} {}", seq.get(), refusal.code, refusal.text)
        }
        other => format!("-- {other:?}"),
    }
}

fn opened(client: &Client, resumed: bool, welcome: &Welcome) -> String {
    let (session, epoch, address) = (welcome.session, welcome.epoch, client.address());
    let loss = match welcome.loss() {
        _ if resumed => "resumed",
        Loss::None => "new",
        Loss::Expired => "new, the one before has expired",
        Loss::Unknown => "new, the one before is not known",
        Loss::Ended => "new, the one before has ended",
    };
    format!("-- session {session} ({loss}), connection {epoch} over {address}")
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}
