//! A router that records every call, and does with requests and messages what the test says.

use std::sync::Arc;

use comet::{
    Connect, ConnectReply, Delivery, Gateway, Identity, Message, Peer, Receipt, Refusal,
    RoomRequest, Router,
};

use super::log::{Event, Log};

type OnConnect = Box<dyn Fn(&Log, Connect, ConnectReply) + Send + Sync>;
type OnEvent = Box<dyn Fn(&Event) + Send + Sync>;
type OnMessage = Box<dyn Fn(&Gateway, &Log, &Peer, Message, Receipt) + Send + Sync>;

/// The router under every test.
pub(crate) struct TestRouter {
    pub(crate) log: Arc<Log>,
    pub(crate) on_connect: OnConnect,
    pub(crate) on_message: OnMessage,
    /// Called with each event once it is recorded.
    pub(crate) on_event: OnEvent,
}

impl TestRouter {
    /// Accepts as [`identity`] says, and answers each message with its own body.
    pub(crate) fn new() -> Self {
        Self {
            log: Arc::default(),
            on_connect: Box::new(|_, request, reply| reply.accept(identity(&request))),
            on_message: Box::new(answer),
            on_event: Box::new(|_| {}),
        }
    }

    fn record(&self, event: &Event) {
        self.log.record(event.clone());
        (self.on_event)(event);
    }
}

/// The token is the user, what follows an `@` in it the device; ext lists the rooms.
pub(crate) fn identity(request: &Connect) -> Identity {
    let (user, device) = request.token.split_once('@').unwrap_or((&request.token, ""));
    let rooms = std::str::from_utf8(&request.ext).expect("rooms in UTF-8");
    let identity = Identity::new(request.app.as_str(), user).device(device);
    rooms.split(',').filter(|room| !room.is_empty()).fold(identity, Identity::room)
}

/// Answers a message with its own body.
pub(crate) fn answer(_: &Gateway, _: &Log, _: &Peer, message: Message, receipt: Receipt) {
    receipt.ack(message.body);
}

/// Keeps messages for the test to settle.
pub(crate) fn hold(_: &Gateway, log: &Log, peer: &Peer, message: Message, receipt: Receipt) {
    log.hold(peer, message, receipt);
}

/// Delivers a message back to its sender, acked, and then answers it with nothing.
pub(crate) fn echo(gateway: &Gateway, _: &Log, peer: &Peer, message: Message, receipt: Receipt) {
    let delivery = Delivery::acked(message.body).kind(message.kind);
    gateway.push(peer.session(), delivery).expect("a mailbox with room");
    receipt.ack("");
}

impl Router for TestRouter {
    fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
        let (token, attempt) = (request.token.clone(), request.attempt);
        self.record(&Event::Connect { token, attempt });
        (self.on_connect)(&self.log, request, reply);
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        self.record(&Event::Message(peer.clone(), message.clone()));
        (self.on_message)(gateway, &self.log, peer, message, receipt);
    }

    /// Grants what the peer asks for, and answers with that.
    fn room(&self, gateway: &Gateway, peer: &Peer, request: RoomRequest, receipt: Receipt) {
        match request {
            RoomRequest::Join { room } if room != "closed" => {
                gateway.join(peer.session(), &room).expect("a place in the mailbox");
                receipt.ack("");
            }
            RoomRequest::Leave { room } => {
                gateway.leave(peer.session(), &room).expect("a place in the mailbox");
                receipt.ack("");
            }
            RoomRequest::Publish { room, kind, body } => {
                let delivery = Delivery::acked(body).kind(kind);
                gateway.publish(&room, delivery).expect("a place in the mailbox");
                receipt.ack("");
            }
            RoomRequest::Change { room } => receipt.ack(room.unwrap_or_default()),
            RoomRequest::Watch { ops } | RoomRequest::Unwatch { ops } => receipt.ack(ops),
            _ => receipt.refuse(Refusal::new(1_000)),
        }
    }

    fn event(&self, _: &Gateway, peer: &Peer, event: comet::Event<'_>) {
        let peer = peer.clone();
        self.record(&match event {
            comet::Event::Connected => Event::Connected(peer),
            comet::Event::Acked { tag } => Event::Acked(peer, tag),
            comet::Event::Overdue { tag } => Event::Overdue(peer, tag),
            comet::Event::Lost(gap) => Event::Lost(peer, gap.clone()),
            comet::Event::Gap(gap) => Event::Gap(peer, gap.clone()),
            comet::Event::Parked(closed) => Event::Parked(peer, closed.clone()),
            comet::Event::Resumed => Event::Resumed(peer),
            comet::Event::Disconnected(closed) => Event::Disconnected(peer, closed.clone()),
            other => panic!("an event that no test knows: {other:?}"),
        });
    }
}
