//! A chat with one room: everybody who has a name is in it, and what one says all hear.

use comet::{Connect, ConnectReply, Delivery, Gateway, Identity, Listen};
use comet::{Message, Peer, Receipt, Router, StartError};

fn main() -> Result<(), StartError> {
    let gateway = Gateway::builder(Lobby)
        .listen(Listen::tcp(([127, 0, 0, 1], 3101).into()))
        .listen(Listen::websocket(([127, 0, 0, 1], 3102).into()))
        .start()?;
    gateway.wait();
    Ok(())
}

struct Lobby;

impl Router for Lobby {
    fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
        if !request.token.is_empty() {
            reply.accept(Identity::new(request.app, request.token).room("lobby"));
        }
    }

    fn receive(&self, gateway: &Gateway, _: &Peer, message: Message, receipt: Receipt) {
        if gateway.publish("lobby", Delivery::acked(message.body)).is_ok() {
            receipt.ack("");
        }
    }
}
