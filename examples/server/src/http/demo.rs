//! `/demo/login` and `/demo/online`, which exist in the demo mode only.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use comet_dtalk::code::Code;
use comet_dtalk::http::{Body, Outcome, Refused, Reply};
use serde::{Deserialize, Serialize};

use crate::demo::{Demo, NoSignIn, ROOM};

/// The demo's routes.
pub(super) fn routes(demo: Arc<Demo>) -> Router {
    Router::new()
        .route("/demo/login", post(login))
        .route("/demo/online", get(online))
        .with_state(demo)
}

#[derive(Default, Deserialize)]
struct Name {
    #[serde(default)]
    name: String,
}

#[derive(Serialize)]
struct SignedIn {
    address: String,
    token: String,
    expires: u64,
    room: String,
}

async fn login(State(demo): State<Arc<Demo>>, Body(asked): Body<Name>) -> Outcome<SignedIn> {
    match demo.sign_in(&asked.name).await {
        Ok(crate::demo::SignedIn { address, token, expires }) => {
            Ok(Reply(SignedIn { address, token, expires, room: ROOM.to_string() }))
        }
        Err(error) => {
            let code = match error {
                NoSignIn::Name => Code::BAD_PARAMETERS,
                NoSignIn::Full | NoSignIn::Database(_) => Code::INTERNAL,
            };
            tracing::warn!(%error, "demo login refused");
            Err(Refused::from(code).message(error.to_string()))
        }
    }
}

#[derive(Serialize)]
struct Person {
    name: String,
    address: String,
}

#[derive(Serialize)]
struct People {
    users: Vec<Person>,
    known: Vec<Person>,
}

async fn online(State(demo): State<Arc<Demo>>) -> Reply<People> {
    let mut known: HashMap<String, String> = demo.known().into_iter().collect();
    let users = demo.online().users().into_iter().filter_map(|address| {
        let name = known.remove(&address)?;
        Some(Person { name, address })
    });
    let mut users: Vec<Person> = users.collect();
    let known = known.into_iter().map(|(address, name)| Person { name, address });
    let mut known: Vec<Person> = known.collect();
    for people in [&mut users, &mut known] {
        people.sort_by(|one, other| one.name.cmp(&other.name));
    }
    Reply(People { users, known })
}
