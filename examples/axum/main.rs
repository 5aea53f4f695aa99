//! A chat on one port: axum serves the page and answers the upgrade, comet has the sessions.
#![expect(clippy::print_stdout, reason = "a program tells its user where it listens")]

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use comet::{Adoption, Client, Connect, ConnectReply, Delivery, Dialect, Gateway, Identity};
use comet::{Message, Peer, Receipt, Router, UpgradeRequest};
use hyper_util::rt::TokioIo;

struct Lobby;

impl Router for Lobby {
    fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
        // The cookies of the upgrade are in `request.upgrade`.
        reply.accept(Identity::new("chat", request.token).room("lobby"));
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        let line = [peer.user().as_bytes(), b": ", &message.body].concat();
        if gateway.publish("lobby", Delivery::acked(line)).is_ok() {
            receipt.ack("");
        }
    }
}

async fn chat(
    State(gateway): State<Gateway>,
    ConnectInfo(remote): ConnectInfo<SocketAddr>,
    mut request: Request,
) -> Result<Response, StatusCode> {
    let upgrade = UpgradeRequest::from_http("GET", request.uri().path(), request.headers());
    let upgrade = upgrade.map_err(|_| StatusCode::BAD_REQUEST)?;
    let place = gateway.reserve(Client::Direct(remote.ip()));
    let place = place.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let accept = [(header::SEC_WEBSOCKET_ACCEPT, upgrade.accept_key())];
    let switch = [(header::UPGRADE, "websocket"), (header::CONNECTION, "Upgrade")];
    let adoption = Adoption::websocket().dialect(Dialect::Text).remote(remote).request(upgrade);
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move { place.adopt(TokioIo::new(upgraded.await.ok()?), adoption).ok() });
    Ok((StatusCode::SWITCHING_PROTOCOLS, switch, accept).into_response())
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3105".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    let gateway = Gateway::builder(Lobby).start().map_err(std::io::Error::other)?;
    let page = get(async || Html(include_str!("page.html")));
    let routes = axum::Router::new().route("/", page).route("/chat", get(chat));
    let routes = routes.with_state(gateway.clone());
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    axum::serve(listener, service).with_graceful_shutdown(stop).await?;
    gateway.drain(std::time::Duration::from_secs(10)); // axum does not wait for what was upgraded
    gateway.stopped().await;
    Ok(())
}
