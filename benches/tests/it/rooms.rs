//! Comet in this process, as a relay: for all of its own dialects.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use comet::{
    Config, Connect, ConnectReply, Delivery, Dialect, Gateway, Identity, Listen, Message, Peer,
    Receipt, Refusal, Router, Target,
};

/// What a member says goes to everybody in its rooms, or to itself. If it is so agreed, a first
/// line `#room` or `@user` says that it goes there alone.
struct Rooms {
    is_acked: bool,
    is_addressed: bool,
}

impl Router for Rooms {
    fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
        let Some((user, rooms)) = auth_fields(&request) else { return reply.close() };
        let identity = match user {
            Some(user) => Identity::new(request.app, user),
            None => Identity::anonymous(),
        };
        let rooms: Names =
            rooms.split(',').filter(|room| !room.is_empty()).map(Into::into).collect();
        let identity = rooms.iter().fold(identity, |identity, room| identity.room(room));
        reply.accept(identity.context(rooms));
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        let rooms = peer.context::<Names>().map_or(&[][..], Vec::as_slice);
        let (to, body) = match self.is_addressed {
            true => addressed(message.body),
            false => (String::new(), message.body),
        };
        let delivery = match self.is_acked {
            true => Delivery::acked(body),
            false => Delivery::best_effort(body),
        };
        let delivery = delivery.kind(message.kind);
        let sent = match (to.split_at_checked(1), rooms) {
            (Some(("#", room)), _) => gateway.publish(room, delivery),
            (Some((_, user)), _) => gateway.push(Target::user(peer.app(), user), delivery),
            (None, []) => gateway.push(peer.session(), delivery),
            (None, rooms) => {
                rooms.iter().try_for_each(|room| gateway.publish(room, delivery.clone()))
            }
        };
        match sent {
            Ok(()) => receipt.ack(""),
            Err(_) => receipt.refuse(Refusal::later(0)),
        }
    }
}

/// The first line of a message that says where it goes, and the rest.
fn addressed(body: Bytes) -> (String, Bytes) {
    let has_line = matches!(body.first(), Some(b'#' | b'@'));
    match body.iter().position(|byte| *byte == b'\n').filter(|_| has_line) {
        Some(end) => (String::from_utf8_lossy(&body[..end]).into_owned(), body.slice(end + 1..)),
        None => (String::new(), body),
    }
}

fn auth_fields(request: &Connect) -> Option<(Option<String>, String)> {
    match request.dialect {
        Dialect::Raw => {
            let path = request.upgrade.as_ref()?.path();
            let room = path.strip_prefix("/room/").or(path.strip_prefix("/echo"))?;
            Some((None, room.to_owned()))
        }
        Dialect::Goim => {
            let auth: serde_json::Value = serde_json::from_slice(&request.ext).ok()?;
            let room = auth["room_id"].as_str()?.to_owned();
            Some((Some(auth["mid"].as_u64()?.to_string()), room))
        }
        _ if request.token == "nobody" => None,
        _ => {
            let room = String::from_utf8(request.ext.to_vec()).ok()?;
            Some((Some(request.token.clone()), room))
        }
    }
}

type Names = Vec<String>;

/// A gateway, and where it listens.
pub(crate) struct Relay {
    _gateway: Gateway,
    pub(crate) tcp: SocketAddr,
    /// Comet, dtalk and goim.
    pub(crate) ws: SocketAddr,
    pub(crate) raw: SocketAddr,
}

impl Relay {
    pub(crate) fn start(is_acked: bool) -> Self {
        Self::with(Config::default().shards(2), is_acked)
    }

    pub(crate) fn with(config: Config, is_acked: bool) -> Self {
        Self::of(config, Rooms { is_acked, is_addressed: false })
    }

    /// Messages say where they go.
    pub(crate) fn addressed() -> Self {
        Self::of(Config::default().shards(2), Rooms { is_acked: true, is_addressed: true })
    }

    fn of(config: Config, rooms: Rooms) -> Self {
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        let gateway = Gateway::builder(rooms)
            .config(config.ping(|it| {
                it.idle_timeout = Duration::from_secs(8);
                it.interval = Duration::from_secs(4);
            }))
            .listen(Listen::tcp(local))
            .listen(Listen::websocket(local))
            .listen(Listen::websocket(local).dialect(Dialect::Raw))
            .start()
            .expect("started");
        let addresses = gateway.addresses();
        let [tcp, ws, raw] = [addresses[0], addresses[1], addresses[2]];
        Self { _gateway: gateway, tcp, ws, raw }
    }
}
