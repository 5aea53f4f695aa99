//! A backend: users pin notes to a board. One kind of message, one HTTP route, one table.
#![expect(clippy::print_stdout, reason = "a program tells its user where it listens")]

use std::io::Error;

use axum::{Json, extract::State, http::StatusCode, routing::get};
use comet::tokio::{AsyncRouter, OnTokio, Rejection};
use comet::{Bytes, Connect, Delivery, Gateway, Identity, Listen, Message, Peer, Refusal};
use comet_sql::{Location, Part, Pool, Settings, insert, sql};

const TABLES: Part = Part {
    name: "board", // the version is recorded under this name; released steps never change
    steps: &["CREATE TABLE pin (author {key:40} NOT NULL, note {key:400} NOT NULL,
        time {int} NOT NULL, PRIMARY KEY (author, note)) {table};"],
    user_version: false,
};

#[derive(Clone)]
struct Board(Pool);

impl AsyncRouter for Board {
    async fn connect(&self, _: &Gateway, request: Connect) -> Result<Identity, Rejection> {
        let name = fits(request.token.as_bytes(), 40).map(|name| Identity::new("board", name));
        name.map(|it| it.room("board")).ok_or(Rejection::Refuse("the token is your name".into()))
    }

    /// Replies once the note is durable. A message that is sent again is the same note.
    async fn receive(&self, gateway: &Gateway, peer: &Peer, m: Message) -> Result<Bytes, Refusal> {
        let note = fits(&m.body, 400).ok_or(Refusal::new(400))?;
        if self.pin(peer.user(), note).await.map_err(|_| Refusal::later(503))? {
            let shown = Delivery::acked(format!("{}: {note}", peer.user()));
            gateway.publish("board", shown).map_err(|_| Refusal::later(503))?;
        }
        Ok(Bytes::new())
    }
}

impl Board {
    async fn pin(&self, author: &str, note: &str) -> Result<bool, comet_sql::Error> {
        let mut db = self.0.begin().await?;
        let row = [author.into(), note.into(), comet_dtalk::clock::unix_ms().cast_signed().into()];
        let pin = insert("pin", &["author", "note", "time"]).row(row);
        let is_new = !pin.if_new(&mut db, 2, "time").await?.is_empty();
        db.commit().await.map(|()| is_new)
    }
}

/// Text that every database can store; PostgreSQL has no U+0000.
fn fits(bytes: &[u8], most: usize) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    ((1..=most).contains(&text.len()) && !text.contains('\0')).then_some(text)
}

async fn newest(State(Board(pool)): State<Board>) -> Result<Json<Vec<[String; 2]>>, StatusCode> {
    let pins = sql("SELECT author, note FROM pin ORDER BY time DESC, author, note LIMIT 100");
    let pins = pool.read(pins).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(Json(pins.into_iter().map(|(author, note)| [author, note]).collect()))
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let database: Option<Result<Location, _>> = std::env::args().nth(1).map(|url| url.parse());
    let database = database.expect("backend DATABASE_URL").map_err(Error::other)?;
    let board = Board(Pool::new(database, Settings::default()));
    TABLES.migrate(&board.0).await.map_err(Error::other)?;
    let http = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let router = OnTokio::new(tokio::runtime::Handle::current(), board.clone());
    let gateway = Gateway::builder(router).listen(Listen::tcp(([127, 0, 0, 1], 0).into())).start();
    let gateway = gateway.map_err(Error::other)?;
    println!("listening tcp={} http={}", gateway.addresses()[0], http.local_addr()?);
    let routes = axum::Router::new().route("/pins", get(newest)).with_state(board);
    axum::serve(http, routes).await
}
