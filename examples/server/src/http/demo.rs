//! `/demo/login` and `/demo/online`, present in demo mode only.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use comet::Gateway;
use comet_dtalk::code::Code;
use comet_dtalk::http::{ApiError, ApiResult, Body, Reply, kept_until_written};
use serde::{Deserialize, Serialize};

use crate::demo::{Demo, ROOM, SignInError};

/// Maximum bytes of a user in a list: a name of 32 characters, an address, field names.
const PERSON_BYTES: usize = 224;

/// The demo's routes. Lists are charged to the gateway's memory budget until they are written.
pub(super) fn routes(demo: Arc<Demo>, gateway: Gateway) -> Router {
    Router::new()
        .route("/demo/login", post(login))
        .route("/demo/online", get(online))
        .with_state(Shared { demo, gateway })
}

#[derive(Clone)]
struct Shared {
    demo: Arc<Demo>,
    gateway: Gateway,
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

async fn login(State(shared): State<Shared>, Body(asked): Body<Name>) -> ApiResult<SignedIn> {
    match shared.demo.sign_in(&asked.name).await {
        Ok(crate::demo::SignedIn { address, token, expires }) => {
            Ok(Reply(SignedIn { address, token, expires, room: ROOM.to_string() }))
        }
        Err(error) => {
            let code = match error {
                SignInError::Name | SignInError::Taken(_) => Code::BAD_PARAMETERS,
                SignInError::Full | SignInError::TooManyNew | SignInError::Database(_) => {
                    Code::INTERNAL
                }
            };
            tracing::debug!(%error, "demo login refused");
            Err(ApiError::from(code).message(error.to_string()))
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

async fn online(State(Shared { demo, gateway }): State<Shared>) -> Result<Response, ApiError> {
    let length = PERSON_BYTES * (demo.len() + 1);
    // The list and its source data.
    let short = || ApiError::from(Code::INTERNAL).message("memory is short, try again later");
    let mut held = gateway.reserve_memory(2 * length).ok_or_else(short)?;
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
    let json = Reply(People { users, known }).to_json(length)?;
    if !held.resize(json.capacity()) {
        return Err(short());
    }
    Ok(kept_until_written(json, held))
}
