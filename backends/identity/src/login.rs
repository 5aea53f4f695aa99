//! `POST /user/login`: whether this device may log in, and the user it logs in as.
//!
//! It applies the rules of a login on a socket and stores nothing: a device is registered when its
//! socket authenticates.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::HeaderMap;
use axum::routing::post;
use comet::Repeats;
use comet_dtalk::clock;
use comet_dtalk::code::Code;
use comet_dtalk::device::{DeviceInfo, limited};
use comet_dtalk::http::{ApiError, ApiResult, Body, Caller, DEVICE, Reply, UUID, Verify};
use comet_dtalk::message::{ConnType, Device};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::endpoint::endpoint_login;
use crate::registry::{Registered, Registry, RegistryError};

/// Routes of this module.
pub fn routes(tokens: Arc<dyn Verify>, registry: Registry) -> Router {
    Router::new().route("/user/login", post(login)).with_state(Users { tokens, registry })
}

#[derive(Clone)]
struct Users {
    tokens: Arc<dyn Verify>,
    registry: Registry,
}

impl FromRef<Users> for Arc<dyn Verify> {
    fn from_ref(users: &Users) -> Self {
        Self::clone(&users.tokens)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(default)]
    conn_type: i32,
}

#[derive(Serialize)]
struct LoggedIn {
    address: String,
}

async fn login(
    State(users): State<Users>,
    Caller(address): Caller,
    headers: HeaderMap,
    Body(request): Body<Request>,
) -> ApiResult<LoggedIn> {
    let conn_type = ConnType::try_from(request.conn_type).map_err(|_| Code::BAD_PARAMETERS)?;
    if conn_type == ConnType::Reconnect {
        let device = device(&headers);
        if users
            .registry
            .is_revoked(&address, &device.uuid)
            .await
            .map_err(|error| undecided(&error))?
        {
            return Err(superseded(&Registered { info: device, ..Registered::default() }));
        }
        let newest = users.registry.phone(&address).await.map_err(|error| undecided(&error))?;
        if let Some(newest) = newest.filter(|newest| newest.supersedes(&device)) {
            return Err(superseded(&newest));
        }
    }
    Ok(Reply(LoggedIn { address }))
}

fn undecided(error: &RegistryError) -> Code {
    static REPEATS: Repeats = Repeats::new();
    if let Some(more) = REPEATS.admit(clock::unix()) {
        tracing::error!(%error, "login not decided{more}");
    }
    Code::QUERY_FAILED
}

fn device(headers: &HeaderMap) -> DeviceInfo {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    DeviceInfo {
        device: Device::named(header(DEVICE)),
        uuid: limited(header(UUID)).into(),
        ..DeviceInfo::default()
    }
}

/// The data repeats the code and names its origin: clients of the login service of the socket
/// protocol read both from there.
fn superseded(newest: &Registered) -> ApiError {
    let code = Code::RECONNECT_NOT_ALLOWED;
    let newer = endpoint_login(newest);
    ApiError::from(code).data(json!({
        "code": code,
        "service": "user",
        "message": {
            "uuid": newer.uuid,
            "device": newer.device,
            "deviceName": newer.device_name,
            "datetime": newer.datetime,
        },
    }))
}
