//! Comet in this process, as a relay: for all of its own dialects.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use comet::{
    Config, Connect, ConnectReply, Delivery, Dialect, Gateway, Identity, Listen, Message, Peer,
    Receipt, Refusal, Router,
};

/// What a member says goes to everybody in its room, or to itself.
struct Rooms {
    is_acked: bool,
}

impl Router for Rooms {
    fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
        let Some((user, room)) = introduction(&request) else { return reply.close() };
        let identity = match user {
            Some(user) => Identity::new(request.app, user),
            None => Identity::anonymous(),
        };
        let identity = if room.is_empty() { identity } else { identity.room(&room) };
        reply.accept(identity.context(Arc::new(room)));
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        let Some(room) = peer.context::<String>() else { return };
        let delivery = match self.is_acked {
            true => Delivery::acked(message.body),
            false => Delivery::best_effort(message.body),
        };
        let delivery = delivery.kind(message.kind);
        let sent = match room.as_str() {
            "" => gateway.push(peer.session(), delivery),
            room => gateway.publish(room, delivery),
        };
        match sent {
            Ok(()) => receipt.ack(""),
            Err(_) => receipt.refuse(Refusal::later(0)),
        }
    }
}

fn introduction(request: &Connect) -> Option<(Option<String>, String)> {
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
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        let gateway = Gateway::builder(Rooms { is_acked })
            .config(config.idle_timeout(Duration::from_secs(8)))
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
