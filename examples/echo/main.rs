//! The smallest gateway: sends every message back to its sender.
//!
//! ```text
//! cargo run --release -p comet-examples --bin echo
//! ```

use std::net::SocketAddr;

use clap::Parser;
use comet::{
    Connect, ConnectReply, Delivery, Gateway, Identity, Listen, Message, Peer, Receipt, Refusal,
    Router,
};

#[derive(Parser)]
#[command(about = "Sends every message back; any non-empty token is the user id")]
struct Flags {
    /// Address for plain TCP
    #[arg(long, default_value = "127.0.0.1:3101")]
    tcp: SocketAddr,
    /// Address for WebSocket
    #[arg(long, default_value = "127.0.0.1:3102")]
    ws: SocketAddr,
}

fn main() -> Result<(), comet::StartError> {
    let flags = Flags::parse();
    let gateway = Gateway::builder(Echo)
        .listen(Listen::tcp(flags.tcp))
        .listen(Listen::websocket(flags.ws))
        .start()?;
    let addresses = gateway.addresses();
    #[expect(clippy::print_stdout, reason = "a program talks to its user")]
    {
        println!("listening tcp={} ws={}", addresses[0], addresses[1]);
    }
    gateway.wait();
    Ok(())
}

struct Echo;

impl Router for Echo {
    fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
        if !request.token.is_empty() {
            reply.accept(Identity::new(request.app, request.token));
        }
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        match gateway.push(peer.session(), Delivery::acked(message.body)) {
            Ok(()) => receipt.ack(""),
            Err(_) => receipt.refuse(Refusal::later(0)),
        }
    }
}
